"""Scores with intervals beside baselines, and the submission file."""
