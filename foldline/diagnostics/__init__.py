"""Checks before a long training: `sanity`, `overfit`, `lr-find`, `profile`."""
