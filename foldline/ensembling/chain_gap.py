"""What a chain loses by the errors of its first model: scores with predicted and true inputs."""

from collections.abc import Mapping, Sequence
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
    auxiliary, predictions = own.encode(rows[AUXILIARY]), chain.first.predict(rows)
    target, metric = labels.encode(rows["label"]), MAIN[labels.task]
    scores = [_score(own, auxiliary, predictions, FIRST_METRIC)]
    for given in (predictions, correct_predictions(predictions, auxiliary)):
        values = chain.predict_second(rows, given)
        if isinstance(model, TransformedModel):
            values = model.transform.inverse(values)
        scores.append(_score(labels, target, values, metric))
    return {KEY: {"rows": len(rows)} | dict(zip(NAMES, scores, strict=True))}


def correct_predictions(predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return probabilities (n, c) whose most probable class is that of the target (n,).

    The two classes exchange their probabilities, so that the second model meets no other confidence
    than it has learnt from.
    """
    corrected, numbers, top = predictions.copy(), np.arange(len(target)), predictions.argmax(axis=1)
    corrected[numbers, top] = predictions[numbers, target]
    corrected[numbers, target] = predictions[numbers, top]
    return corrected


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
