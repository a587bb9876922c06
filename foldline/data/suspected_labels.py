"""Labels that are probably wrong, by predictions of models that did not train on the row."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import THRESHOLD, Labels

MAX_DEVIATIONS = 3.0  # robust standard deviations of the residuals
MANY_SUSPECTED = 0.15  # share of labels; so many are rarely wrong
_MAD = 1.4826  # times the median absolute deviation: the standard deviation of a normal law


def add_suspected_errors(
    rows: pd.DataFrame, predictions: pd.DataFrame, labels: Labels
) -> dict[str, int]:
    """Add `self_confidence`, `guess`, `guess_p` and `suspected` to the rows, in place.

    Members are averaged; rows of the test part never get a prediction.
    Classification: self_confidence is p(label) in [0, 1]. A label is suspected where the most
    probable class differs, with at least the mean probability that this class has on its own
    rows (the off-diagonal of the confident joint: Northcutt, Jiang and Chuang, 2021).
    Multilabel: self_confidence is the lowest probability that a label is set as it is, guess
    all predicted labels; suspected where a model contradicts one label with at least the mean
    confidence of the rows that agree. Regression: guess is the prediction, self_confidence the
    negative |residual|; suspected where the residual is more than three robust standard
    deviations from the median.

    Returns the number of suspected labels by class; none for regression.
    """
    rows["self_confidence"], rows["guess_p"], rows["suspected"] = np.nan, np.nan, False
    rows["guess"] = np.nan if labels.task == "regression" else ""
    at = pd.Series(range(len(rows)), index=rows["id"])
    usable = set(rows["id"][rows["part"] != "test"].tolist())
    is_usable = [name in usable for name in predictions["id"].tolist()]
    seen = predictions[np.array(is_usable, dtype=bool)]
    if labels.task == "regression":
        means = seen["predicted"].astype("float64").groupby(seen["id"]).mean()
        if len(means):
            _score_numbers(rows, at[means.index].to_numpy(), means.to_numpy())
        return {}
    columns = [name for name in labels.columns if name in seen]
    table = seen[columns].groupby(seen["id"]).mean()
    if not len(table) or len(columns) != len(labels.classes):
        return {}
    score = _score_labels if labels.task == "multilabel" else _score_classes
    suspected = score(rows, at[table.index].to_numpy(), table.to_numpy("float64"), labels)
    return dict(zip(labels.classes, suspected.tolist(), strict=True))


def describe_suspected(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a note where the models doubt so many labels that they are weak themselves."""
    predicted = int(rows["self_confidence"].notna().sum())
    share = int(rows["suspected"].sum()) / max(predicted, 1)
    return [{"code": "many_suspected", "share": round(share, 4)}] if share > MANY_SUSPECTED else []


def _score_classes(rows: pd.DataFrame, at: np.ndarray, p: np.ndarray, labels: Labels) -> np.ndarray:
    """Score rows `at` (n,) by their probabilities (n, classes); return suspected ones by class."""
    codes = labels.encode(rows["label"].iloc[at])
    at, p, codes = at[codes >= 0], p[codes >= 0], codes[codes >= 0]
    own = p[np.arange(len(p)), codes]
    size = np.bincount(codes, minlength=p.shape[1])
    usual = np.bincount(codes, weights=own, minlength=p.shape[1]) / np.maximum(size, 1)
    usual[size == 0] = np.inf  # no row is suspected to be of a class without rows
    best = p.argmax(axis=1)
    top = p.max(axis=1)
    names = np.array(labels.classes, dtype=object)
    _set_rows(rows, at, "self_confidence", own)
    _set_rows(rows, at, "guess", names[best])
    _set_rows(rows, at, "guess_p", top)
    suspected = (best != codes) & (top >= usual[best])
    _set_rows(rows, at, "suspected", suspected)
    return np.bincount(codes[suspected], minlength=p.shape[1])


def _score_labels(rows: pd.DataFrame, at: np.ndarray, p: np.ndarray, labels: Labels) -> np.ndarray:
    """Score rows `at` (n,) by the probability of each label; return suspected ones by label."""
    given = labels.encode(rows["label"].iloc[at]) == 1
    own = np.where(given, p, 1 - p)
    agrees = own >= THRESHOLD
    count = [(agrees & (given != yes)).sum(axis=0) for yes in (True, False)]
    sums = [np.where(agrees & (given != yes), own, 0).sum(axis=0) for yes in (True, False)]
    # For a set label the mean confidence of rows without it, and the reverse.
    usual = [
        np.where(n > 0, s / np.maximum(n, 1), np.inf) for n, s in zip(count, sums, strict=True)
    ]
    against = 1 - own
    _set_rows(rows, at, "self_confidence", own.min(axis=1))
    _set_rows(rows, at, "guess", np.array(labels.decode(p), dtype=object))
    _set_rows(rows, at, "guess_p", np.maximum(p, 1 - p).min(axis=1))
    contradicted: np.ndarray = ~agrees & (against >= np.where(given, usual[0], usual[1]))
    _set_rows(rows, at, "suspected", np.asarray(contradicted.any(axis=1)))
    return np.asarray(contradicted.sum(axis=0))


def _score_numbers(rows: pd.DataFrame, at: np.ndarray, guess: np.ndarray) -> None:
    """Score rows `at` (n,) by their predicted numbers (n,)."""
    residual = rows["label"].iloc[at].to_numpy(dtype=np.float64) - guess
    # A constant bias of the model makes no label suspect.
    off = np.abs(residual - np.median(residual))
    spread = _MAD * float(np.median(off))
    _set_rows(rows, at, "self_confidence", -np.abs(residual))
    _set_rows(rows, at, "guess", guess)
    _set_rows(rows, at, "suspected", off > MAX_DEVIATIONS * spread if spread else off > 0)


def _set_rows(rows: pd.DataFrame, at: np.ndarray, column: str, values: np.ndarray) -> None:
    whole = rows[column].to_numpy(copy=True)
    whole[at] = values
    rows[column] = whole
