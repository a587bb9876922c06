"""Work that must survive a kill: `store` keeps results, `locks` share it, `tasks` run it."""
