"""What balancing came to."""

from typing import Any

import pandas as pd

from foldline.balance.rows import ORIGINAL

# With more labels than this they are numbers, and a ratio of classes says nothing.
MOST_CLASSES = 200


def balance_report(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Give rows, drops, copies, and the largest class over the smallest before and after."""
    originals = int((after["method"] == ORIGINAL).sum())
    metrics: dict[str, Any] = {
        "rows": len(after),
        "dropped": len(before) - originals,
        "copies": len(after) - originals,
    }
    if before["label"].nunique() <= MOST_CLASSES:
        metrics |= {"ratio_before": _ratio(before), "ratio_after": _ratio(after)}
    return metrics


def _ratio(rows: pd.DataFrame) -> float:
    counts = rows["label"].value_counts()
    return float(counts.max() / counts.min())
