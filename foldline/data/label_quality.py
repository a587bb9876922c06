"""The health of labels: what gives them away, shortcuts to them, and rows out of their time."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listed
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive, rank_keys
from foldline.core.params import Data
from foldline.data import label_artifacts, label_in_text, shortcuts
from foldline.data.classes import MIN_CLASS_ROWS
from foldline.data.multilabel import explode_labels, split_labels

MIN_ROWS = 100  # distinct rows; of fewer nothing certain can be said
MAX_ROWS, MAX_CHARACTERS = 50_000, 10_000_000  # looked at, at most
_MAX_LISTED = 30
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class LabelQuality:
    """Three numbers, everything behind them, and lines for the user."""

    metrics: dict[str, float]
    details: dict[str, Any]
    notes: list[str]


def check_label_quality(rows: pd.DataFrame, labels: Labels, data: Data, seed: int) -> LabelQuality:
    """Look for what gives labels away, without opening the labels of an official test file.

    `rows` are the prepared rows with their `dup_group`, empty where there is none. Each group
    of duplicates counts once for each label (equal pairs, where a group is of pairs that share
    a text), and at most 50,000 rows (10 million characters), drawn by their ids, are looked at.
    Nothing hangs on the order of rows.

    The metrics: `given_away`, the share of rows that hold a word which nearly decides their
    label; `shortcut`, how far the best baseline that should fail comes from chance (0) to
    perfect (1); `later_rows` of an official part, later than the first row of one that follows.
    """
    known = rows[rows["part"].isin(_PARTS[:2])]
    alone = known["dup_group"] == ""
    known = known.assign(dup_group=known["id"].where(alone, known["dup_group"]))
    times, notes = find_time_overlaps(rows) if data.time else ({}, [])
    if labels.task != "regression":
        notes = [*_repetition_notes(explode_labels(known, labels.task)), *notes]
    sample = distinct_rows(known, seed)
    words: dict[str, Any] = {}
    found: dict[str, shortcuts.Shortcut] = {}
    if len(sample) >= MIN_ROWS:
        words = _find_label_words(sample, labels.task)
        found = shortcuts.find_shortcuts(sample, labels.task, seed)
    clear = {name: one for name, one in found.items() if one.clear}
    notes = [
        *(_word_notes(words, len(sample)) if words else []),
        *[shortcuts.shortcut_note(name, one, labels.task) for name, one in clear.items()],
        *notes,
    ]
    metrics = {
        "given_away": words["share"] if words else 0.0,
        "shortcut": max((round(one.gain, 4) for one in found.values()), default=0.0),
        "later_rows": max((entry["rows"] for entry in times.values()), default=0),
    }
    details = {
        "rows": len(sample),
        "labels": words,
        "shortcuts": {name: _round_values(asdict(one)) for name, one in found.items()},
        "time": times,
    }
    return LabelQuality(metrics, details, notes)


def distinct_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Give one row of each duplicate group and label, in an order that says nothing.

    Pairs are one where both texts are equal: their groups hold whatever shares a sentence. The
    order, and which rows are left out of very many, follow from ids alone.
    """
    keys = rank_keys(derive(seed, "health"), rows["id"].tolist())
    mixed = rows.iloc[np.argsort(keys, kind="stable")]
    alike = ["text", "text_pair"] if _has_pairs(rows) else ["dup_group"]
    mixed = mixed.drop_duplicates([*alike, "label"])
    most = label_artifacts.START_CHARACTERS + label_artifacts.END_CHARACTERS
    length = sum(mixed[role].str.len().clip(upper=most) for role in ("text", "text_pair"))
    few = int(np.searchsorted(np.cumsum(length), MAX_CHARACTERS, side="right"))
    return mixed.iloc[: min(MAX_ROWS, max(few, MIN_ROWS))].reset_index(drop=True)


def _find_label_words(rows: pd.DataFrame, task: str) -> dict[str, Any]:
    """Look through the words of each text column; `share` is of the rows that are given away."""
    tables: list[pd.DataFrame] = []
    in_text: list[dict[str, Any]] = []
    given = np.zeros(len(rows), dtype=bool)
    for role in ("text", "text_pair") if _has_pairs(rows) else ("text",):
        each = rows.drop_duplicates([role, "label"])  # a title may stand over many comments
        texts, labels = each[role].tolist(), each["label"].tolist()
        ngrams = label_artifacts.find_ngrams(texts)
        if task != "regression":
            table = label_artifacts.class_associations(ngrams, split_labels(labels, task))
            found = label_in_text.find_class_names_in_text(split_labels(labels, task), texts)
        else:
            table = label_artifacts.number_correlations(ngrams, np.array(labels, dtype=np.float64))
            found = label_in_text.find_numbers_in_text(labels, texts)
        sure = label_artifacts.is_artifact(table)
        sold = each[role][label_artifacts.contains_ngram(ngrams, table["ngram"][sure])]
        given |= rows[role].isin(set(sold)).to_numpy()
        in_text += [{"column": role} | one for one in found]
        tables.append(table.assign(column=role, sure=sure))
    table = pd.concat(tables, ignore_index=True)
    linked = table[~table["sure"] & (table["q"] < label_artifacts.MAX_Q)]
    return {
        "share": round(float(given.mean()), 4),
        "in_text": [_round_values(one) for one in in_text],
        "gives_away": _records(table[table["sure"]]),
        "associated": _records(linked),
        "associated_count": len(linked),
    }


def _has_pairs(rows: pd.DataFrame) -> bool:
    return bool((rows["text_pair"] != "").any())


def _word_notes(words: dict[str, Any], rows: int) -> list[str]:
    notes = []
    named, given = words["in_text"], words["gives_away"]
    if label_artifacts.is_noteworthy(
        sum(entry["texts"] for entry in named) / rows, [entry["coverage"] for entry in named]
    ):
        shown = [f"{_percent(e['coverage'])} of {e.get('label', 'all')}" for e in named]
        notes.append(
            f"the label itself stands in the texts: in {listed(shown)}. If it was written there "
            "with the label, take it out"
        )
    if label_artifacts.is_noteworthy(words["share"], [entry["coverage"] for entry in given]):
        notes.append(
            f"words that nearly decide the label stand in {_percent(words['share'])} of the texts: "
            f"{listed([_format_ngram(entry) for entry in _widest_per_class(given)], 5)}. See whether they are what "
            "the texts are about, or came in with the label"
        )
    return notes


def _format_ngram(entry: dict[str, Any]) -> str:
    if "mean" in entry:
        return f"'{entry['ngram']}' ({entry['texts']} texts: {entry['mean']:g})"
    return f"'{entry['ngram']}' ({_percent(entry['coverage'])} of {entry['label']})"


def _widest_per_class(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the widest n-gram of each class: parts of one tag say the same."""
    ordered = sorted(entries, key=lambda e: (-e["coverage"], -len(e["ngram"]), e["ngram"]))
    best: dict[Any, dict[str, Any]] = {}
    for entry in ordered:
        best.setdefault(entry["label"] or entry["texts"], entry)
    return list(best.values())


def _repetition_notes(rows: pd.DataFrame) -> list[str]:
    """Note classes that look large enough, and are few texts written again and again."""
    sizes = rows["label"].value_counts()
    single = rows.drop_duplicates(["dup_group", "label"])["label"].value_counts()
    few = sorted(
        sizes.index[(sizes >= MIN_CLASS_ROWS) & (single.reindex(sizes.index) < MIN_CLASS_ROWS)]
    )
    if not few:
        return []
    shown = listed(f"{name} ({single[name]} in {sizes[name]} rows)" for name in few)
    return [
        f"classes with fewer than {MIN_CLASS_ROWS} texts that are no duplicates of others: {shown}"
    ]


def find_time_overlaps(rows: pd.DataFrame) -> tuple[dict[str, Any], list[str]]:
    """Find rows that are later than the first row of a part that should follow them.

    A file without the column stands at 0 throughout, and has no place in time.
    """
    found: dict[str, Any] = {}
    notes = []
    times = {part: rows[rows["part"] == part].set_index("id")["time"] for part in _PARTS}
    times = {part: column for part, column in times.items() if (column != 0).any()}
    for place, earlier in enumerate(_PARTS):
        for later in _PARTS[place + 1 :]:
            if earlier not in times or later not in times:
                continue
            column = times[earlier]
            late = column[column > times[later].min()]
            ids = sorted(late.index)
            if ids:
                found[f"{earlier}_after_{later}"] = {"rows": len(ids), "ids": ids[:_MAX_LISTED]}
                notes.append(
                    f"{len(ids)} of {len(column)} rows of {earlier} are later than the first row "
                    f"of {later}, so the score is no forecast: ids {listed(ids, 5)}"
                )
    return found, notes


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    kept = table.drop(columns="sure").head(_MAX_LISTED)
    return [_round_values(record) for record in kept.to_dict(orient="records")]


def _round_values(entry: Any) -> dict[str, Any]:
    """Round to what a reader needs, with no trace of how a machine adds."""
    return {
        str(key): float(f"{value:.4g}") if isinstance(value, float) else value
        for key, value in entry.items()
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
