"""Comparison of runs, each a DVC experiment."""
