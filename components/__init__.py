"""This project's own models, augmenters, losses, metrics and text cleaners."""
