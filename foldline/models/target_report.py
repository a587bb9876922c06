"""How `target.transform` changed the distribution of regression targets: a plot and a line."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import replace_atomically
from foldline.core.io.labels import Labels
from foldline.models.target_transform import TargetTransform, skewness

FILE = Path("reports/plots/target.csv")
BLOCKS = "▁▂▃▄▅▆▇█"


def write_histograms(
    transform: TargetTransform | None, rows: pd.DataFrame, labels: Labels, path: Path = FILE
) -> list[str]:
    """Write histograms before and after the transform, and return the lines that describe it."""
    targets = labels.encode(rows["label"]) if labels.task == "regression" else np.empty(0)
    with replace_atomically(path) as temporary:
        table = build_histograms(transform, targets)
        table.to_csv(temporary, index=False, lineterminator="\n")
    line = format_transform(transform, targets)
    return [line] if line else []


def build_histograms(
    transform: TargetTransform | None, values: np.ndarray, bins: int = 20
) -> pd.DataFrame:
    """Return `space` (before, after), `low`, `high` and `rows` of the bins of (n,) targets."""
    spaces = {"before": values} if len(values) else {}
    if transform is not None:
        spaces["after"] = transform.forward(values)
    tables = [pd.DataFrame({"space": [], "low": [], "high": [], "rows": []})]
    for space, numbers in spaces.items():
        counts, edges = np.histogram(numbers, bins)
        columns = {"space": space, "low": edges[:-1], "high": edges[1:], "rows": counts}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def format_transform(transform: TargetTransform | None, values: np.ndarray) -> str:
    """Return a line on how the transform changed the distribution of (n,) targets."""
    if transform is None:
        return ""
    transformed = transform.forward(values)
    return (
        f"target.transform={transform.name}: skew {skewness(values):.2f} "
        f"{draw_histogram(values)} -> {skewness(transformed):.2f} {draw_histogram(transformed)}"
    )


def draw_histogram(values: np.ndarray) -> str:
    """Return the distribution of (n,) values as a line of block characters."""
    counts = np.histogram(values, 16)[0]
    heights = np.ceil(counts / max(counts.max(), 1) * (len(BLOCKS) - 1)).astype(int)
    return "".join(BLOCKS[height] for height in heights)
