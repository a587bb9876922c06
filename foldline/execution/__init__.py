"""Tasks, locks and the content-addressed store of results that survives a kill."""
