"""Labels that are probably wrong, by predictions of models that never saw the row."""

import numpy as np
import pandas as pd

from foldline.core.io.labels import THRESHOLD, Labels
from foldline.viewer.lookup import is_in

MAX_DEVIATIONS = 3.0  # robust standard deviations of the residuals
_MAD = 1.4826  # times the median absolute deviation: the standard deviation of a normal law


def add_suspected_errors(rows: pd.DataFrame, predictions: pd.DataFrame, labels: Labels) -> None:
    """Add `self_confidence`, `guess`, `guess_p` and `suspected` to the rows, in place.

    Members are averaged; rows of the test part stay without, whatever the file holds.
    Classification: self_confidence is p(label) in [0, 1]; a label is suspected where the most
    probable class is another one, with at least the mean probability that this class has among
    its own rows (the off-diagonal of the confident joint: Northcutt, Jiang and Chuang, 2021).
    Several labels a row: self_confidence is the least probability of what is said of one label,
    guess all that are predicted; suspected where one label is contradicted with at least the mean
    confidence of rows that agree. Regression: guess is the prediction, self_confidence the
    negative |residual|; a label is suspected whose residual lies further than three robust
    standard deviations from the median one.
    """
    rows["self_confidence"], rows["guess_p"], rows["suspected"] = np.nan, np.nan, False
    rows["guess"] = np.nan if labels.task == "regression" else ""
    at = pd.Series(range(len(rows)), index=rows["id"])
    usable = set(rows["id"][rows["part"] != "test"].tolist())
    seen = predictions[is_in(predictions["id"], usable)]
    if labels.task == "regression":
        means = seen["predicted"].astype("float64").groupby(seen["id"]).mean()
        if len(means):
            _judge_numbers(rows, at[means.index].to_numpy(), means.to_numpy())
        return
    columns = [name for name in labels.columns if name in seen]
    table = seen[columns].groupby(seen["id"]).mean()
    if len(table) and len(columns) == len(labels.classes):
        judge = _judge_labels if labels.task == "multilabel" else _judge_classes
        judge(rows, at[table.index].to_numpy(), table.to_numpy("float64"), labels)


def _judge_classes(rows: pd.DataFrame, at: np.ndarray, p: np.ndarray, labels: Labels) -> None:
    """Judge rows `at` (n,) by their probabilities (n, classes)."""
    codes = labels.encode(rows["label"].iloc[at])
    at, p, codes = at[codes >= 0], p[codes >= 0], codes[codes >= 0]
    own = p[np.arange(len(p)), codes]
    size = np.bincount(codes, minlength=p.shape[1])
    usual = np.bincount(codes, weights=own, minlength=p.shape[1]) / np.maximum(size, 1)
    usual[size == 0] = np.inf  # a class without rows is nobody's true one
    best = p.argmax(axis=1)
    top = p.max(axis=1)
    names = np.array(labels.classes, dtype=object)
    _set_rows(rows, at, "self_confidence", own)
    _set_rows(rows, at, "guess", names[best])
    _set_rows(rows, at, "guess_p", top)
    _set_rows(rows, at, "suspected", (best != codes) & (top >= usual[best]))


def _judge_labels(rows: pd.DataFrame, at: np.ndarray, p: np.ndarray, labels: Labels) -> None:
    """Judge rows `at` (n,) by each label's own probability (n, classes)."""
    given = labels.encode(rows["label"].iloc[at]) == 1
    own = np.where(given, p, 1 - p)
    agrees = own >= THRESHOLD
    count = [(agrees & (given != yes)).sum(axis=0) for yes in (True, False)]
    sums = [np.where(agrees & (given != yes), own, 0).sum(axis=0) for yes in (True, False)]
    # Of a label that is given, the usual confidence of rows without it, and the other way round.
    usual = [
        np.where(n > 0, s / np.maximum(n, 1), np.inf) for n, s in zip(count, sums, strict=True)
    ]
    against = 1 - own
    _set_rows(rows, at, "self_confidence", own.min(axis=1))
    _set_rows(rows, at, "guess", np.array(labels.decode(p), dtype=object))
    _set_rows(rows, at, "guess_p", np.maximum(p, 1 - p).min(axis=1))
    contradicted: np.ndarray = ~agrees & (against >= np.where(given, usual[0], usual[1]))
    _set_rows(rows, at, "suspected", np.asarray(contradicted.any(axis=1)))


def _judge_numbers(rows: pd.DataFrame, at: np.ndarray, guess: np.ndarray) -> None:
    """Judge rows `at` (n,) by their predicted numbers (n,)."""
    residual = rows["label"].iloc[at].to_numpy(dtype=np.float64) - guess
    # A model that is off by the same everywhere accuses no label.
    off = np.abs(residual - np.median(residual))
    spread = _MAD * float(np.median(off))
    _set_rows(rows, at, "self_confidence", -np.abs(residual))
    _set_rows(rows, at, "guess", guess)
    _set_rows(rows, at, "suspected", off > MAX_DEVIATIONS * spread if spread else off > 0)


def _set_rows(rows: pd.DataFrame, at: np.ndarray, column: str, values: np.ndarray) -> None:
    whole = rows[column].to_numpy(copy=True)
    whole[at] = values
    rows[column] = whole
