"""Metric functions, bootstrap intervals and paired comparison."""
