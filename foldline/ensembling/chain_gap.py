"""What a chain loses by the errors of its first model: scores with predicted and true inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Recipe
from foldline.metrics.fold_statistics import corrected_interval
from foldline.metrics.registry import measure
from foldline.models.chain import find_chain
from foldline.models.interface import Model
from foldline.models.soft_labels import AUXILIARY
from foldline.models.target_transform import TransformedModel

FIRST_METRIC = "accuracy"  # of auxiliary labels
KEY = "chain"
NAMES = ("first", "predicted_input", "true_input")


@dataclass(frozen=True)
class _Corrected:
    """A first model whose most probable class is the auxiliary label that the row has.

    The two classes exchange their probabilities, so that the second model meets no other confidence
    than it has learnt from.
    """

    model: Model
    labels: Labels

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        values = self.model.predict(rows).copy()
        numbers, true = np.arange(len(rows)), self.labels.encode(rows[AUXILIARY])
        top = values.argmax(axis=1)
        values[numbers, top], values[numbers, true] = values[numbers, true], values[numbers, top]
        return values

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def score_chain(
    model: Model, recipe: Recipe, rows: pd.DataFrame, labels: Labels
) -> dict[str, dict[str, float]]:
    """Return scores of held-out rows under KEY: of the first model, and with either input.

    Only rows count whose auxiliary label is known, and is one of the classes that the first model
    has learnt. Nothing for a model that is no chain, or whose first model predicts the label
    itself: there is no true input then.
    """
    chain = find_chain(model)
    if chain is None or recipe.chain.predicts != "auxiliary":
        return {}
    own = chain.input.labels
    rows = rows[rows[AUXILIARY].isin(own.classes)]
    if rows.empty:
        return {}
    told: Model = replace(chain, first=_Corrected(chain.first, own))
    if isinstance(model, TransformedModel):
        told = replace(model, model=told)
    target, metric = labels.encode(rows["label"]), MAIN[labels.task]
    first = own, own.encode(rows[AUXILIARY]), chain.first.predict(rows), FIRST_METRIC
    scores = (
        _score(*first),
        _score(labels, target, model.predict(rows), metric),
        _score(labels, target, told.predict(rows), metric),
    )
    return {KEY: {"rows": len(rows)} | dict(zip(NAMES, scores, strict=True))}


def _score(labels: Labels, target: np.ndarray, values: np.ndarray, metric: str) -> float:
    return float(measure(labels.task, target, values, names=[metric])[metric])


def summarize_chain(
    details: Sequence[Mapping[str, Any]], test_share: float, level: float
) -> dict[str, Any] | None:
    """Return the means of the folds' scores, and the gap between the inputs with its interval.

    `test_share` is the number of held-out rows over that of training rows. None without scores.
    """
    found = [own[KEY] for own in details if KEY in own]
    if not found:
        return None
    gaps = np.array([own["true_input"] - own["predicted_input"] for own in found])
    means = {name: float(np.mean([own[name] for own in found])) for name in NAMES}
    interval = corrected_interval(gaps, test_share, level)
    return means | {"gap": {"value": float(gaps.mean())} | interval._asdict()}


def format_chain(summary: Mapping[str, Any], metric: str) -> str:
    """Return the line on a chain for the terminal."""
    gap = summary["gap"]
    return (
        f"{metric} {summary['predicted_input']:.4f} with predicted auxiliary labels "
        f"({FIRST_METRIC} {summary['first']:.4f}), {summary['true_input']:.4f} with the true ones: "
        f"gap {gap['value']:.4f} [{gap['low']:.4f}, {gap['high']:.4f}]"
    )
