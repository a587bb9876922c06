"""How `target.transform` changed the distribution of regression targets: a plot and a line."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import replace_atomically
from foldline.core.io.labels import Labels
from foldline.models.interface import Model
from foldline.models.target_transform import TransformedModel, skewness

FILE = Path("reports/plots/target.csv")
BLOCKS = "▁▂▃▄▅▆▇█"


def write_histograms(
    model: Model, rows: pd.DataFrame, labels: Labels, path: Path = FILE
) -> list[str]:
    """Write histograms before and after the transform, and return the lines that describe it."""
    targets = labels.encode(rows["label"]) if labels.task == "regression" else np.empty(0)
    with replace_atomically(path) as temporary:
        table = build_histograms(model, targets)
        table.to_csv(temporary, index=False, lineterminator="\n")
    line = format_transform(model, targets)
    return [line] if line else []


def build_histograms(model: Model, values: np.ndarray, bins: int = 20) -> pd.DataFrame:
    """Return `space` (before, after), `low`, `high` and `rows` of the bins of (n,) targets."""
    spaces = {"before": values} if len(values) else {}
    if isinstance(model, TransformedModel):
        spaces["after"] = model.transform.forward(values)
    tables = [pd.DataFrame({"space": [], "low": [], "high": [], "rows": []})]
    for space, numbers in spaces.items():
        counts, edges = np.histogram(numbers, bins)
        columns = {"space": space, "low": edges[:-1], "high": edges[1:], "rows": counts}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def format_transform(model: Model, values: np.ndarray) -> str:
    """Return a line on how the transform changed the distribution of (n,) targets."""
    if not isinstance(model, TransformedModel):
        return ""
    transformed = model.transform.forward(values)
    return (
        f"target.transform={model.transform.name}: skew {skewness(values):.2f} "
        f"{draw_histogram(values)} -> {skewness(transformed):.2f} {draw_histogram(transformed)}"
    )


def draw_histogram(values: np.ndarray) -> str:
    """Return the distribution of (n,) values as a line of block characters."""
    counts = np.histogram(values, 16)[0]
    heights = np.ceil(counts / max(counts.max(), 1) * (len(BLOCKS) - 1)).astype(int)
    return "".join(BLOCKS[height] for height in heights)
