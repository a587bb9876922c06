"""Predictions of changed and made-up texts by the final model."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from foldline.augmentation.requests import TextPair
from foldline.ensembling.ensemble import Ensemble


class TextPredictor:
    """The final predictions of texts, each predicted once.

    A text's id is its hash, so that test-time augmentation does not depend on where it stands.
    """

    def __init__(self, ensemble: Ensemble, task: str, texts: Iterable[TextPair]) -> None:
        ids = {own: hashlib.sha256("\x1f".join(own).encode()).hexdigest()[:16] for own in texts}
        ordered = sorted(ids, key=lambda own: (ids[own], own))
        columns = {
            "id": [ids[own] for own in ordered],
            "text": [own[0] for own in ordered],
            "text_pair": [own[1] for own in ordered],
        }
        rows = pd.DataFrame(columns, dtype="str")
        self._positions = {own: position for position, own in enumerate(ordered)}
        self._values = ensemble.combine(ensemble.predict_members(rows), rows, task)

    def predict(self, texts: Sequence[TextPair]) -> np.ndarray:
        """Return the predictions of some of the texts: (n, c) or (n,)."""
        return np.asarray(self._values[[self._positions[own] for own in texts]])
