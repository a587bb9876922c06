"""Resampling and text augmentation of training rows, with quality filters."""
