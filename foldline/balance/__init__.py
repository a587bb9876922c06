"""Training rows are balanced: `rows.balance` drops some and copies others through `gates`."""
