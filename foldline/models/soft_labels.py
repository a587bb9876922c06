"""Training targets and sample weights of rows, with hard or soft labels."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels

AUXILIARY = "auxiliary"  # the column of rows with data.auxiliary_label


def add_soft_labels(rows: pd.DataFrame, shares: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return rows with the columns `p_<class>` of `shares` (`id` and those columns).

    A copy gets the shares of its source row (`source_id`); a row without shares gets its label with
    certainty. Without any shares the rows stay as they are: labels are hard.
    """
    if shares.empty:
        return rows
    targets = _select_by_source(shares.set_index("id")[labels.columns], rows).to_numpy(np.float64)
    certain = np.eye(len(labels.classes))[labels.encode(rows["label"])]
    targets = np.where(np.isnan(targets), certain, targets)
    return rows.assign(**{name: targets[:, column] for column, name in enumerate(labels.columns)})


def add_weights(rows: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the `weight` column of `weights` (`id`, `weight`), copies their source's.

    Without any weights the rows stay as they are: all count the same.
    """
    if weights.empty:
        return rows
    values = _select_by_source(weights.set_index("id")["weight"], rows)
    return rows.assign(weight=values.to_numpy(dtype=np.float64))


def add_auxiliary_labels(rows: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the column `auxiliary`: the `label` of `labels` (`id`, `label`), or "".

    A copy has its source's. Without any labels the rows stay as they are.
    """
    if labels.empty:
        return rows
    values = _select_by_source(labels.set_index("id")["label"], rows)
    return rows.assign(**{AUXILIARY: values.fillna("").tolist()})


def _select_by_source(values: Any, rows: pd.DataFrame) -> Any:
    """Return the value of each row's source, by id."""
    source = rows["source_id"] if "source_id" in rows else rows["id"]
    return values.reindex(source.to_numpy())


def sample_weights(rows: pd.DataFrame) -> np.ndarray | None:
    """Return the sample weights (n,) with mean 1, or None if all rows count the same."""
    if "weight" not in rows or rows.empty:
        return None
    weights = rows["weight"].to_numpy(dtype=np.float64)
    return np.asarray(weights / weights.mean())


def training_targets(rows: pd.DataFrame, labels: Labels) -> np.ndarray:
    """Return (n, c) shares where rows have them, else class codes, indicators or values."""
    if labels.classes and set(labels.columns) <= set(rows.columns):
        return rows[labels.columns].to_numpy(dtype=np.float64)
    return labels.encode(rows["label"])


def expand_soft_targets(
    targets: np.ndarray, weights: np.ndarray | None = None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return row numbers, codes and weights (k,): a row occurs once for each class with a share.

    Hard targets (n,) occur once each. `weights` (n,) are the rows' weights, None for 1 each.
    """
    if targets.ndim == 1:
        return slice(None), targets, weights
    rows, codes = np.nonzero(targets)
    shares = targets[rows, codes]
    return rows, codes, shares if weights is None else shares * weights[rows]
