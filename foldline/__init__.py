"""Data-versioned, reproducible pipelines for text models."""

__version__ = "0.1.0"
