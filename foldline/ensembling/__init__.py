"""Cross-validation, and voting over the predictions of several members."""
