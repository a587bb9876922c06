"""Find what is wrong before hours are spent: the verbs `sanity overfit lr_find profiling`."""
