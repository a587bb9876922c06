"""Cross-validation, and ensembles of the predictions of several members."""
