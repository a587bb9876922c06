"""What rows are divided by into slices: features of their texts, labels, and the user's columns.

All are computed in the order of ids, so that the order of rows changes nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.expressions import evaluate_expression
from foldline.core.io.labels import Labels, split_label_names
from foldline.core.io.texts import join_texts
from foldline.core.params import Slices
from foldline.data.column_types import TIME, parse_times, parse_values
from foldline.evaluation.training_texts import Resemblance, compare_with_training
from foldline.metrics.calibration import equal_mass_bins
from foldline.metrics.subgroup_test import Mask
from foldline.models.surface_features import KINDS, count_characters

SCRIPTS = ("Latin", "Hangul", "Han", "Kana", "other")
MAIN_SCRIPT = 0.8  # share of the letters; below it a text is mixed
NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|\w+n['’]t)\b"
    r"|\b(?:안|못)\b|않|없|아니|지\s?(?:못|마|말)",
    re.IGNORECASE,
)
QUESTION = re.compile("[?？؟]")
TITLES = {
    "digits": "share of digits",
    "question_mark": "question mark",
    "unknown_words": "share of unknown words",
    "similarity": "similarity to training texts",
    "overlap": "overlap of both texts",
    "disagreement": "annotator disagreement",
}
MISSING = "missing"
UNITS = {"length": " characters"}
MAX_VALUES = 30  # of a column, the most frequent
FEW_VALUES = 12  # Numbers with no more are slices of their own, as ratings are.
# Ranges of numbers; TENTHS where each has 10 times the least rows of a slice.
QUARTERS, TENTHS = 4, 10


@dataclass(frozen=True, eq=False)
class Condition:
    """Rows (n,) with a value of a feature; `name` is both in words."""

    feature: str
    value: str
    name: str
    rows: Mask


def find_conditions(
    rows: Mapping[str, pd.DataFrame],
    judged: str,
    folds: pd.DataFrame,
    columns: pd.DataFrame,
    labels: Labels,
    options: Slices,
) -> list[Condition]:
    """Return the conditions that at least `min_rows` of the judged rows meet, in their order.

    `rows` are those of each part, see `select_rows`, `columns` those that `prepare` hands on. Test
    rows are compared with the training texts, out-of-fold rows with those of the other folds, by
    `folds` (id, fold).
    """
    own = rows[judged]
    order = np.argsort(own["id"].to_numpy(dtype=str), kind="stable")
    own = own.iloc[order].reset_index(drop=True)
    if judged == "test":
        parts, numbers = pd.Series("test", index=own.index), None
        training = sorted(set(join_texts(rows["out_of_fold"])))
    else:
        parts = own["id"].isin(rows["valid"]["id"]).map({True: "valid", False: "train"})
        numbers = folds.drop_duplicates("id").set_index("id")["fold"].loc[own["id"]].to_numpy()
        training = []
    table = _make_features(own, compare_with_training(join_texts(own), training, numbers), labels)
    table = table.assign(part=parts, **_align_columns(columns, own["id"]))
    back = np.argsort(order, kind="stable")
    return [
        replace(found, rows=found.rows[back])
        for found in divide(table, labels, options)
        if np.count_nonzero(found.rows) >= options.min_rows
    ]


def _make_features(rows: pd.DataFrame, resemblance: Resemblance, labels: Labels) -> pd.DataFrame:
    """Return a column for each feature of the texts and labels: booleans, numbers, texts."""
    texts = join_texts(rows)
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    counts = count_characters(texts)
    return pd.DataFrame(
        {
            "length": lengths,
            "script": _find_scripts(counts),
            "digits": counts[:, KINDS.index("digit")] / np.maximum(lengths, 1),
            "negation": [NEGATION.search(text) is not None for text in texts],
            "question_mark": [QUESTION.search(text) is not None for text in texts],
            "unknown_words": resemblance.unknown,
            "similarity": resemblance.similarity,
            "overlap": _measure_overlaps(rows),
            "label": rows["label"].astype("float64" if labels.task == "regression" else "object"),
        }
    )


def _find_scripts(counts: np.ndarray) -> list[str]:
    """Return the script of most letters of each text, from its numbers of characters (n, kinds)."""
    letters = counts[:, [KINDS.index(name) for name in SCRIPTS]]
    total = letters.sum(axis=1)
    names = np.array([*SCRIPTS, "mixed", "none"])
    best = letters.argmax(axis=1)
    best[letters.max(axis=1) < MAIN_SCRIPT * total] = len(SCRIPTS)
    best[total == 0] = len(SCRIPTS) + 1
    return [str(name) for name in names[best]]


def _measure_overlaps(rows: pd.DataFrame) -> list[float]:
    """Return the Jaccard similarity of the words of both texts; NaN without a second text."""
    overlaps = []
    for text, pair in zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True):
        one, other = set(text.lower().split()), set(pair.lower().split())
        overlaps.append(len(one & other) / len(one | other) if pair and one | other else np.nan)
    return overlaps


def _align_columns(columns: pd.DataFrame, ids: "pd.Series[str]") -> dict[str, Any]:
    """Return the columns of `prepare` (id, column, value) by name, for rows with these ids."""
    found = {}
    for name, own in columns.groupby("column", sort=True):
        values = own.set_index("id")["value"]
        parsed = parse_times(values) if name == TIME else parse_values(values)
        found[str(name)] = parsed.reindex(ids).reset_index(drop=True)
    return found


def divide(table: pd.DataFrame, labels: Labels, options: Slices) -> Iterator[Condition]:
    """Yield the conditions on each feature of a table (n, features), then the expressions."""
    for name in table.columns:
        if name == "label" and labels.task == "multilabel":
            rows = [split_label_names(own) for own in table[name]]
            for label in labels.classes:
                has = pd.Series([label in own for own in rows])
                yield from _divide_column(f"label {label}", has, options)
        else:
            yield from _divide_column(name, table[name], options)
    for name, text in options.expressions.items():
        yield Condition(name, "yes", name, evaluate_expression(text, table).to_numpy())


def _divide_column(name: str, values: "pd.Series[Any]", options: Slices) -> Iterator[Condition]:
    """Yield the conditions on one feature, by its type."""
    title, unit = TITLES.get(name, name), UNITS.get(name, "")
    if pd.api.types.is_bool_dtype(values):
        is_true = values.to_numpy(dtype=bool)
        yield Condition(name, "yes", title, is_true)
        yield Condition(name, "no", f"no {title}", ~is_true)
        return
    if pd.api.types.is_datetime64_any_dtype(values):
        codes, names = _divide_dates(values, options)
    elif pd.api.types.is_numeric_dtype(values):
        codes, names = _divide_numbers(values, options, _format_number)
    else:
        filled = values.fillna("").astype("object")
        counts = Counter(sorted(filled))  # equally frequent ones in order
        names = [str(value) for value, _ in counts.most_common(MAX_VALUES)]
        codes = filled.map({value: code for code, value in enumerate(names)}).fillna(-1)
        names = [value or MISSING for value in names]
    for code, value in enumerate(f"{own}{unit}" for own in names):
        yield Condition(name, value, f"{title} {value}", (codes == code).to_numpy())
    missing = values.isna().to_numpy()
    if missing.any() and not missing.all():
        yield Condition(name, MISSING, f"{title} {MISSING}", missing)


def _format_number(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() else f"{number:.3g}"


def _divide_dates(values: "pd.Series[Any]", options: Slices) -> tuple["pd.Series[Any]", list[str]]:
    """Return the year of each date, or where there is hardly more than one, its range."""
    years = values.dt.year
    counts = years.value_counts().sort_index()
    if (counts >= options.min_rows).sum() > 1:
        names = [int(year) for year in counts.index]
        return years.map({year: code for code, year in enumerate(names)}), list(map(str, names))
    seconds = (values - pd.Timestamp(0)).dt.total_seconds()
    return _divide_numbers(
        seconds, options, lambda number: f"{pd.Timestamp(number, unit='s').date()}"
    )


def _divide_numbers(
    values: "pd.Series[Any]", options: Slices, describe: Callable[[float], str]
) -> tuple["pd.Series[Any]", list[str]]:
    """Return the range (n,) of each number, of about equally many rows, and the names of ranges.

    Missing numbers are in none.
    """
    known = values.dropna().astype("float64").sort_values(kind="stable")
    codes, found = pd.factorize(known.map(describe))
    if len(found) > FEW_VALUES:
        ranges = TENTHS if len(known) >= 10 * TENTHS * options.min_rows else QUARTERS
        # Its bins are closed below. Many rows without digits must not share one with few digits.
        bins = equal_mass_bins(-known.to_numpy(), ranges)
        codes = bins.max(initial=0) - bins
    ends = known.groupby(codes).agg(["min", "max"]).map(describe)
    names = [
        low if low == high else f"{low} to {high}"
        for low, high in zip(ends["min"], ends["max"], strict=True)
    ]
    return pd.Series(codes, known.index).reindex(values.index).fillna(-1), names
