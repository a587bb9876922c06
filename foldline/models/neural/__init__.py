"""Transformers and their training."""
