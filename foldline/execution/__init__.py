"""Tasks, locks, and a content-addressed store of results that survives a killed run."""
