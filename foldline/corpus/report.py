"""What a split came to: shares, class balance, duplicates that cross."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.corpus.groups import duplicate_keys
from foldline.corpus.splits import PARTS

LARGE_GROUP = 0.1  # share of all rows


def split_report(table: pd.DataFrame, task: str) -> tuple[dict[str, Any], list[str]]:
    """Give the numbers for DVC, and notes on what a user should know before training."""
    keys, groups = duplicate_keys(table), table["group"].tolist()
    rows = {part: np.flatnonzero(table["part"] == part).tolist() for part in PARTS}
    metrics: dict[str, Any] = {part: len(rows[part]) for part in PARTS}
    notes = []
    for part, before in (("valid", ["train"]), ("test", ["train", "valid"])):
        earlier = [row for other in before for row in rows[other]]
        texts, names = {keys[row] for row in earlier}, {groups[row] for row in earlier}
        crossing = [row for row in rows[part] if keys[row] and keys[row] in texts]
        related = sum(groups[row] in names for row in rows[part]) - len(crossing)
        metrics[f"crossing_{part}"] = len(crossing)
        metrics[f"balance_gap_{part}"] = _gap(table, rows["train"], rows[part], task)
        notes += _crossing(part, before, len(crossing), related, len(rows[part]))
    largest = max(Counter(groups).values())
    metrics["groups"] = len(set(groups))
    metrics["largest_group_share"] = largest / len(table)
    if largest > LARGE_GROUP * len(table):
        notes.append(
            f"the largest group holds {largest} rows ({largest / len(table):.0%}): groups that "
            "share a duplicate are one, so parts and folds cannot be even"
        )
    return metrics, notes


def _crossing(part: str, before: list[str], crossing: int, related: int, rows: int) -> list[str]:
    places, notes = " or ".join(before), []
    if crossing:
        notes.append(
            f"{crossing} of {rows} {part} rows ({crossing / rows:.1%}) stand in {places} too: the "
            "official files leak, scores on them flatter"
        )
    if related > 0:
        notes.append(
            f"{related} of {rows} {part} rows ({related / rows:.1%}) are of a group (data.group) "
            f"that has other rows in {places}: official files stay as they are"
        )
    return notes


def _gap(table: pd.DataFrame, train: list[int], other: list[int], task: str) -> float | None:
    """Give the largest difference of a class share, or of the means in standard deviations."""
    if not other or not train:
        return None
    labels = table["label"]
    if task == "classification":
        shares = [labels.iloc[rows].value_counts(normalize=True) for rows in (train, other)]
        return float(shares[0].sub(shares[1], fill_value=0.0).abs().max())
    values = labels.to_numpy(dtype=np.float64)
    spread = float(values[train].std()) or 1.0
    return abs(float(values[train].mean() - values[other].mean())) / spread
