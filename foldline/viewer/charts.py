"""Counts behind the pictures, over all rows: the page only draws them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json
from foldline.data.multilabel import explode_labels
from foldline.viewer.row_table import ViewData
from foldline.viewer.split_charts import similarity_charts

SPLIT_REPORT = Path("reports/split.json")
LENGTH_BINS = [5, 10, 20, 40, 80, 160, 320]  # characters: upper ends of the groups by length
BINS = 32


def chart_data(found: ViewData) -> dict[str, Any]:
    """Give the numbers of each picture that the data allow, by name."""
    rows = found.rows
    parts = [part for part in ("train", "valid", "test", "") if (rows["part"] == part).any()]
    length = (rows["text"].str.len() + rows["text_pair"].str.len()).to_numpy()
    drawn: dict[str, Any] = {"parts": parts}
    if found.labels.task == "regression":
        values = rows["label"].astype("float64").to_numpy()
        drawn["values"] = _histogram(rows, parts, values)
    else:
        each = explode_labels(rows, found.labels.task)
        table = pd.crosstab(each["label"], each["part"])
        table = table.reindex(index=list(found.labels.classes), columns=parts, fill_value=0)
        drawn["classes"] = {name: row.tolist() for name, row in table.iterrows()}
    drawn["lengths"] = _histogram(rows, parts, np.minimum(length, np.percentile(length, 99)))
    drawn["longest"] = int(length.max())
    times = rows["time"].to_numpy()
    if np.isfinite(times).all() and times.min() < times.max():
        drawn["times"] = _histogram(rows, parts, times)
    if (rows["dup"] >= 0).any():
        drawn["duplicates"] = _duplicate_counts(rows, length)
    if rows["self_confidence"].notna().any():
        drawn["confidence"] = _confidence_histogram(rows)
    if len(found.copies):
        drawn["copies"] = _copy_counts(found)
    if SPLIT_REPORT.exists() and (measured := similarity_charts(read_json(SPLIT_REPORT))):
        drawn["similarity"] = measured
    return drawn


def _histogram(rows: pd.DataFrame, parts: list[str], values: np.ndarray) -> dict[str, Any]:
    """Count values by part in equal bins: edges (b+1,), and (b,) counts of each part."""
    whole = bool((values == np.floor(values)).all() and np.ptp(values) < BINS)
    if whole:  # each whole number has its own bin, centred on it
        edges = np.arange(values.min() - 0.5, values.max() + 1)
    else:
        edges = np.histogram_bin_edges(values, bins=BINS)
    counts = [np.histogram(values[rows["part"] == part], edges)[0].tolist() for part in parts]
    return {"edges": [float(f"{edge:.10g}") for edge in edges], "counts": counts, "whole": whole}


def _duplicate_counts(rows: pd.DataFrame, length: np.ndarray) -> dict[str, list[int]]:
    """Count rows, rows that are duplicates, and rows in conflict by length of the text."""
    group = np.searchsorted(LENGTH_BINS, length, side="left")
    size = int(group.max()) + 1

    def count(mask: np.ndarray) -> list[int]:
        return [int(n) for n in np.bincount(group[mask], minlength=size)]

    return {
        "upper": LENGTH_BINS[:size],
        "rows": count(np.ones(len(rows), dtype=bool)),
        "duplicates": count((rows["dup"] >= 0).to_numpy()),
        "conflicts": count(rows["conflict"].to_numpy()),
    }


def _confidence_histogram(rows: pd.DataFrame) -> dict[str, Any]:
    """Count p(label), or |residual|, of the rows that have one; suspected ones beside it."""
    seen = rows[rows["self_confidence"].notna()]
    values = seen["self_confidence"].abs().to_numpy()
    top = float(values.max()) or 1.0
    edges = np.linspace(0.0, 1.0 if rows["guess_p"].notna().any() else top, 21)
    marked = seen["suspected"].to_numpy(dtype=bool)
    both = [np.histogram(v, edges)[0].tolist() for v in (values[~marked], values[marked])]
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": both}


def _copy_counts(found: ViewData) -> dict[str, Any]:
    """Count training rows, rows left out by under-sampling, and copies, by class."""
    if found.labels.task == "regression":
        return {"methods": found.copies["method"].value_counts().sort_index().to_dict()}
    train = found.rows[found.rows["part"] == "train"]
    train, copies = (explode_labels(table, found.labels.task) for table in (train, found.copies))
    kept = train["label"][~train["unsampled"]].value_counts()
    out = train["label"][train["unsampled"]].value_counts()
    made = copies["label"].value_counts()
    names = found.labels.classes
    return {
        "methods": found.copies["method"].value_counts().sort_index().to_dict(),
        "classes": {n: [int(c.get(n, 0)) for c in (kept, made, out)] for n in names},
    }
