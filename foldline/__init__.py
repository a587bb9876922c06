"""Data-versioned, reproducible pipelines for text models."""
