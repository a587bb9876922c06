"""Raw files become checked rows, without duplicates or leaks across splits and folds."""
