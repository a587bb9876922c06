"""Predictions of a few validation rows after each epoch."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import replace_atomically
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed, rank_keys

FILE = Path("reports/sample_predictions.csv")
COUNT = 8


def select_ids(ids: list[str], seed: int) -> tuple[str, ...]:
    """Return COUNT sampled ids, independent of the order of the rows."""
    order = np.argsort(rank_keys(derive_seed(seed, "samples"), ids), kind="stable")
    return tuple(ids[index] for index in order[:COUNT])


def select_rows(rows: pd.DataFrame, ids: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows with these ids, in the order of the ids."""
    indices = {name: index for index, name in enumerate(rows["id"].tolist())}
    return rows.iloc[[indices[name] for name in ids]].reset_index(drop=True)


def build_table(
    samples: Mapping[int, np.ndarray],
    final: np.ndarray,
    valid: pd.DataFrame,
    ids: tuple[str, ...],
    labels: Labels,
) -> pd.DataFrame:
    """Return `epoch`, `id`, `label`, `predicted` and `probability` of each row and epoch.

    `samples` are predictions of the rows `ids` after each epoch. A model without epochs has only
    `final`, its predictions of all of `valid`. `probability` is that of the predicted class, if
    there is one.
    """
    rows = select_rows(valid, ids)
    predictions: list[tuple[int | str, np.ndarray]] = [*samples.items()]
    if not predictions and len(rows):
        positions = {name: position for position, name in enumerate(valid["id"].tolist())}
        predictions = [("", final[[positions[name] for name in ids]])]
    lines = []
    for epoch, values in predictions:
        is_regression = labels.task == "regression"
        decoded = [f"{v:.6g}" if is_regression else v for v in labels.decode(values)]
        probabilities = [""] * len(rows)
        if labels.task == "classification":
            probabilities = [f"{row.max():.4f}" for row in values]
        for index, (name, label) in enumerate(zip(rows["id"], rows["label"], strict=True)):
            lines.append((epoch, name, label, decoded[index], probabilities[index]))
    return pd.DataFrame(lines, columns=["epoch", "id", "label", "predicted", "probability"])


def write_samples(table: pd.DataFrame, path: Path = FILE) -> None:
    """Write what `build_table` returns; without validation rows only its header."""
    with replace_atomically(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
