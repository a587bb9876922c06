"""Find what is wrong before hours are spent: `sanity`, `overfit`, `lr_find`, `profiling`."""
