"""The page of a run: reports/evaluation.html."""

from pathlib import Path
from typing import Any

import pandas as pd

from foldline.core.io.files import to_json_values
from foldline.core.io.labels import Labels
from foldline.pages.page import pack, render_page
from foldline.report.judged_rows import LENGTHS, choose_rows, count_outcomes, make_columns

BODY = Path(__file__).parent / "web" / "report.html"
# Joined in this order into one script.
SCRIPTS = (
    "words.js", "korean_names.js", "text.js", "embedded.js", "language.js", "numbers.js",
    "draw.js", "lines.js", "elements.js", "headline.js", "run.js", "outcomes.js",
    "probabilities.js", "failures.js", "report.js",
)  # fmt: skip
STYLES = ("base.css", "charts.css", "report.css", "print.css")
# Keys of what comes from texts: rows, examples, words.
FROM_TEXTS = {
    "rows", "examples", "highest_loss", "suspected_labels", "words", "ids", "least_alike",
}  # fmt: skip
MAX_ROWS = 5000
MAX_PACKED = 1_300_000  # characters: a page of less than 2 MB


def render_report(
    facts: dict[str, Any], labels: Labels, rows: pd.DataFrame, language: str, with_texts: bool
) -> str:
    """Return the page; the same facts and rows give the same bytes.

    It has at most MAX_ROWS rows, errors first, with their texts cut until they fit. Without texts
    it has only numbers and names of classes, to be passed on.
    """
    facts = facts if with_texts else hide_texts(facts)
    shown = choose_rows(labels, rows, MAX_ROWS) if with_texts else rows.iloc[:0]
    columns, characters = _fit_columns(labels, shown)
    summary = facts | {
        "language": language,
        "outcomes": count_outcomes(labels, rows),
        "rows": {"all": len(rows), "shown": len(shown), "characters": characters},
    }
    return render_page(BODY, SCRIPTS, STYLES, to_json_values(summary), columns)


def _fit_columns(labels: Labels, rows: pd.DataFrame) -> tuple[dict[str, Any], int]:
    """Return the columns with texts as long as fit, and the most characters of a text."""
    for characters in LENGTHS:
        columns = make_columns(labels, rows, characters)
        if len(pack(columns)) <= MAX_PACKED:
            break
    return columns, characters


def hide_texts(content: Any) -> Any:
    """Return content without what comes from texts: lists of rows, examples, words."""
    if isinstance(content, dict):
        hidden = {
            "rows",
            "examples",
            "highest_loss",
            "suspected_labels",
            "words",
            "ids",
            "least_alike",
        }
        return {
            key: [] if key in hidden and isinstance(value, list) else hide_texts(value)
            for key, value in content.items()
        }
    return [hide_texts(value) for value in content] if isinstance(content, list) else content
