"""Predictions of new texts by the trained models: `foldline predict` and `Predictor`."""
