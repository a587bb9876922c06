"""The numbers of the page's charts, counted over all rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json
from foldline.data.multilabel import explode_labels
from foldline.data.split_similarity import MAX_P, MIN_AUC_GAP, PAIRS
from foldline.viewer.row_table import ViewData

SPLIT_REPORT = Path("reports/split.json")
LENGTH_BINS = [5, 10, 20, 40, 80, 160, 320]  # characters: upper ends of the bins
BINS = 32


def chart_data(view: ViewData) -> dict[str, Any]:
    """Return the numbers of each chart that the data allow, by name."""
    rows = view.rows
    parts = [part for part in ("train", "valid", "test", "") if (rows["part"] == part).any()]
    length = (rows["text"].str.len() + rows["text_pair"].str.len()).to_numpy()
    charts: dict[str, Any] = {"parts": parts}
    if view.labels.task == "regression":
        values = rows["label"].astype("float64").to_numpy()
        charts["values"] = _histogram(rows, parts, values)
    else:
        each = explode_labels(rows, view.labels.task)
        table = pd.crosstab(each["label"], each["part"])
        table = table.reindex(index=list(view.labels.classes), columns=parts, fill_value=0)
        charts["classes"] = {name: row.tolist() for name, row in table.iterrows()}
    charts["lengths"] = _histogram(rows, parts, np.minimum(length, np.percentile(length, 99)))
    charts["longest"] = int(length.max())
    times = rows["time"].to_numpy()
    if np.isfinite(times).all() and times.min() < times.max():
        charts["times"] = _histogram(rows, parts, times)
    if (rows["dup"] >= 0).any():
        charts["duplicates"] = _duplicate_counts(rows, length)
    if rows["self_confidence"].notna().any():
        charts["confidence"] = _confidence_histogram(rows)
    if len(view.copies):
        charts["copies"] = _copy_counts(view)
    known = view.prepared and SPLIT_REPORT.exists()
    if known and (measured := similarity_chart(read_json(SPLIT_REPORT))):
        charts["similarity"] = measured
    return charts


def _histogram(rows: pd.DataFrame, parts: list[str], values: np.ndarray) -> dict[str, Any]:
    """Return equal bins' edges (b+1,), and their counts in each part (b,)."""
    whole = bool((values == np.floor(values)).all() and np.ptp(values) < BINS)
    if whole:  # each whole number has its own bin, centred on it
        edges = np.arange(values.min() - 0.5, values.max() + 1)
    else:
        edges = np.histogram_bin_edges(values, bins=BINS)
    counts = [np.histogram(values[rows["part"] == part], edges)[0].tolist() for part in parts]
    return {"edges": [float(f"{edge:.10g}") for edge in edges], "counts": counts, "whole": whole}


def _duplicate_counts(rows: pd.DataFrame, length: np.ndarray) -> dict[str, list[int]]:
    """Return the numbers of rows, duplicates and conflicts by length of the text."""
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
    """Return a histogram of p(label), or |residual|: unsuspected rows, then suspected ones."""
    seen = rows[rows["self_confidence"].notna()]
    values = seen["self_confidence"].abs().to_numpy()
    top = float(values.max()) or 1.0
    edges = np.linspace(0.0, 1.0 if rows["guess_p"].notna().any() else top, 21)
    marked = seen["suspected"].to_numpy(dtype=bool)
    both = [np.histogram(v, edges)[0].tolist() for v in (values[~marked], values[marked])]
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": both}


def _copy_counts(view: ViewData) -> dict[str, Any]:
    """Return the numbers of training rows, copies and undersampled rows by class."""
    if view.labels.task == "regression":
        return {"methods": view.copies["method"].value_counts().sort_index().to_dict()}
    train = view.rows[view.rows["part"] == "train"]
    train, copies = (explode_labels(table, view.labels.task) for table in (train, view.copies))
    kept = train["label"][~train["unsampled"]].value_counts()
    out = train["label"][train["unsampled"]].value_counts()
    copied = copies["label"].value_counts()
    names = view.labels.classes
    return {
        "methods": view.copies["method"].value_counts().sort_index().to_dict(),
        "classes": {n: [int(c.get(n, 0)) for c in (kept, copied, out)] for n in names},
    }


def similarity_chart(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each pair of parts that reports/split.json compares.

    `labels`, `lengths` and `unseen` are distances and shares in [0, 1]. `auc`, `p` and `tokens`
    (token, part that has more of it, share of each part's texts) are those of a classifier;
    `differs` is where it separates the parts clearly and significantly.
    """
    charts = []
    for first, second in PAIRS:
        pair = measured.get("similarity", {}).get(f"{first}_{second}")
        if not pair:
            continue
        labels = pair["labels"]
        auc, p = pair.get("auc"), pair.get("p")
        tested = auc is not None and p is not None
        charts.append(
            {
                "parts": [first, second],
                "auc": auc,
                "p": p,
                "differs": tested and abs(auc - 0.5) > MIN_AUC_GAP and p <= MAX_P,
                "labels": labels.get("total_variation", labels.get("ks")),
                "lengths": pair["length_ks"],
                "unseen": pair["unseen_tokens"],
                "tokens": [
                    [token["token"], token["more_in"], *token["shares"]]
                    for token in pair.get("tokens", [])
                ],
            }
        )
    return charts
