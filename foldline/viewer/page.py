"""One HTML file with the rows, the charts' numbers, and the scripts that show them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.pages.page import render_page
from foldline.viewer.row_table import ViewData

BODY = Path(__file__).parent / "web" / "page.html"
# Joined in this order into one script.
SCRIPTS = (
    "words.js", "text.js", "embedded.js", "language.js", "numbers.js", "diff.js", "data.js",
    "state.js", "filter.js", "facets.js", "list.js", "details.js", "draw.js", "charts.js",
    "main.js",
)  # fmt: skip
# Of the columns without a role: a page of many long ones would open slowly.
MAX_UNUSED, MAX_CHARACTERS = 20, 300
STYLES = ("base.css", "page.css", "rows.css", "charts.css")


def render_view(view: ViewData, charts: dict[str, Any], language: str) -> str:
    """Return the whole page."""
    summary = {
        "language": language,
        "task": view.labels.task,
        "notes": view.notes,
        "charts": charts,
    }
    return render_page(BODY, SCRIPTS, STYLES, summary, page_columns(view))


def page_columns(view: ViewData) -> dict[str, Any]:
    """Return the rows as columns; repeated values are indices into a list of names."""
    rows = view.rows
    row_of = pd.Series(range(len(rows)), index=rows["id"])
    regression = view.labels.task == "regression"
    is_multilabel = view.labels.task == "multilabel"
    first = [] if is_multilabel else list(view.labels.classes)
    occurring = {*rows["label"].tolist(), *(rows["guess"].tolist() if is_multilabel else [])}
    labels = [*first, *sorted(occurring - set(first))]
    data: dict[str, Any] = {
        "id": rows["id"].tolist(),
        "text": rows["text"].tolist(),
        "pair": rows["text_pair"].tolist() if rows["text_pair"].any() else None,
        "part": _indices(rows["part"], ["train", "valid", "test", ""]),
        "label": _round_numbers(rows["label"]) if regression else _indices(rows["label"], labels),
        "fold": rows["fold"].tolist(),
        "dup": rows["dup"].tolist(),
        "time": _round_numbers(rows["time"]) if rows["time"].nunique() > 1 else None,
        "group": rows["group"].tolist() if rows["group"].any() else None,
        "confidence": _round_numbers(rows["self_confidence"]),
        "guess": _round_numbers(rows["guess"]) if regression else _indices(rows["guess"], labels),
        "guess_p": _round_numbers(rows["guess_p"]),
        "labels": [] if regression else labels,
    }
    data["columns"] = _unused_columns(view)
    data["more_columns"] = max(0, view.unused.shape[1] - MAX_UNUSED)
    for flag in ("conflict", "suspected", "unsampled"):
        data[flag] = np.flatnonzero(rows[flag].to_numpy(dtype=bool)).tolist()
    judged, copies, originals = view.judgements, view.copies, view.originals
    data["judgements"] = _indexed_column(judged, "annotator") | {
        "row": row_of[judged["id"]].tolist(),
        "label": judged["label"].tolist(),
    }
    data["copies"] = _indexed_column(copies, "method") | {
        "row": row_of[copies["source_id"]].tolist(),
        "text": copies["text"].tolist(),
        "pair": copies["text_pair"].tolist(),
    }
    data["originals"] = {
        "row": row_of[originals["id"]].tolist(),
        "text": originals["text"].tolist(),
        "pair": originals["text_pair"].tolist(),
    }
    return data


def _unused_columns(view: ViewData) -> dict[str, list[str]]:
    """Return the first raw columns without a role, long values cut; one list of values each."""
    table = view.unused.iloc[:, :MAX_UNUSED].reindex(view.rows["id"], fill_value="")
    return {
        str(name): [_cut_text(value) for value in values.tolist()] for name, values in table.items()
    }


def _cut_text(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _indexed_column(table: pd.DataFrame, column: str) -> dict[str, list[Any]]:
    names = sorted(set(table[column].tolist()))
    return {f"{column}s": names, column: _indices(table[column], names)}


def _indices(values: "pd.Series[Any]", names: list[str]) -> list[int]:
    """Return the index of each value in `names`, -1 where it is not there."""
    index_of = {name: index for index, name in enumerate(names)}
    return [index_of.get(value, -1) for value in values.tolist()]


def _round_numbers(values: "pd.Series[Any]") -> list[float | None]:
    """Return numbers with few digits, times as integers, None where there is no number."""
    numbers = pd.to_numeric(values).astype("float64").tolist()
    return [None if not np.isfinite(n) else _round_number(n) for n in numbers]


def _round_number(number: float) -> float:
    if number == int(number):
        return int(number)
    return round(number, 4) if abs(number) >= 1e-3 else float(f"{number:.3g}")
