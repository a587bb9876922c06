"""Agreement between annotators, and the ceiling that it sets for a model."""
