"""Transformers: made or loaded, trained by Trainer, and read for predictions."""
