"""Bounds of a score: of labels written as predictions are, and what leaked rows would buy.

They have seen the labels of the judged rows or of their copies, so they are no contestants.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.data.row_links import duplicate_levels
from foldline.ensembling.members import MODEL
from foldline.models import registry
from foldline.models.target_transform import TargetTransform


@dataclass(frozen=True)
class Bound:
    """Predictions (n, c) or (n,), and the number of rows whose label they have seen."""

    values: np.ndarray
    rows: int


def make_bounds(
    labels: Labels,
    rows: Mapping[str, pd.DataFrame],
    part: str,
    final: np.ndarray,
    prepared: pd.DataFrame | None,
) -> dict[str, Bound]:
    """Return `oracle`, and `leak` where test rows have copies among the rows that models learn.

    `final` are the predictions of the rows of the part, as probabilities, 0 and 1, or numbers;
    `prepared` are the prepared rows, None where the test set is closed.
    """
    judged = rows[part]
    if judged.empty:
        return {}
    target = labels.encode(judged["label"])
    transform = registry.read_transform(MODEL) if labels.task == "regression" else None
    bounds = {"oracle": Bound(convert_labels(labels, target, transform), len(judged))}
    if part == "test" and prepared is not None:
        copies = find_copied_labels(labels.task, prepared, judged, rows["out_of_fold"])
        if copies:
            bounds["leak"] = Bound(predict_copies(labels, judged, copies, final), len(copies))
    return bounds


def convert_labels(
    labels: Labels, target: np.ndarray, transform: TargetTransform | None = None
) -> np.ndarray:
    """Return targets as the predictions of a perfect model: (n, c) of 0 and 1, or (n,).

    A class that is not known cannot be predicted, nor a number far outside the training range
    where targets are transformed.
    """
    if labels.task == "multilabel":
        return target.astype(np.float64)
    if labels.task == "classification":
        return np.asarray(target[:, None] == np.arange(len(labels.classes)), dtype=np.float64)
    target = np.asarray(target, dtype=np.float64)
    if transform is None:
        return target
    with np.errstate(all="ignore"):  # undefined outside the training range
        found = transform.inverse(transform.forward(target))
        ends = transform.inverse(transform.forward(np.clip(target, transform.low, transform.high)))
    return np.asarray(np.where(np.isfinite(found), found, ends))


def find_copied_labels(
    task: str, prepared: pd.DataFrame, judged: pd.DataFrame, learnt: pd.DataFrame
) -> dict[str, str]:
    """Return what the copies of judged rows among learnt rows say, by id of the judged row.

    Copies are near duplicates (`dup_group` of the prepared rows); pairs are copies where the
    letters of both texts are equal, as pairs of one group may share one text alone. Of several
    labels it is the most frequent one, of numbers the mean.
    """
    named = prepared[prepared["dup_group"] != ""]
    level = "skeleton" if (named["text_pair"] != "").any() else "near"
    groups = dict(zip(named["id"].tolist(), duplicate_levels(named)[level].tolist(), strict=True))
    answers: dict[int, list[str]] = {}
    for name, label in zip(learnt["id"].tolist(), learnt["label"].tolist(), strict=True):
        if name in groups:
            answers.setdefault(groups[name], []).append(label)
    return {
        name: _summarize(task, answers[groups[name]])
        for name in judged["id"].tolist()
        if groups.get(name) in answers
    }


def predict_copies(
    labels: Labels, judged: pd.DataFrame, copies: Mapping[str, str], final: np.ndarray
) -> np.ndarray:
    """Return final predictions of judged rows, with the label of the copy where there is one."""
    copied = judged["id"].isin(set(copies)).to_numpy()
    own = pd.Series([copies[name] for name in judged["id"][copied]], dtype="str")
    values = final.astype(np.float64)
    values[copied] = convert_labels(labels, labels.encode(own))
    return values


def _summarize(task: str, answers: list[str]) -> str:
    if task == "regression":
        return repr(float(np.mean([float(answer) for answer in answers])))
    return min(sorted(set(answers)), key=lambda answer: -answers.count(answer))
