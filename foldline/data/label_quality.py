"""Label quality: artifacts and shortcuts that predict labels, and parts that overlap in time."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listing
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.core.params import Data
from foldline.data import label_artifacts, label_in_text, shortcuts
from foldline.data.classes import MIN_CLASS_ROWS
from foldline.data.multilabel import explode_labels, split_labels

MIN_ROWS = 100  # distinct rows; fewer are not tested
MAX_ROWS, MAX_CHARACTERS = 50_000, 10_000_000
_MAX_LISTED = 30
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class LabelQuality:
    """Metrics of label quality, their details, and notes for the user."""

    metrics: dict[str, float]
    details: dict[str, Any]
    notes: list[str]


def check_label_quality(rows: pd.DataFrame, labels: Labels, data: Data, seed: int) -> LabelQuality:
    """Look for label artifacts, shortcuts and overlaps in time, without using test labels.

    `rows` are the prepared rows with their `dup_group`, which may be empty. Each duplicate group
    counts once for each label (equal pairs, in groups of pairs that share a text). At most 50,000
    rows or 10 million characters, sampled by id, are used. The order of rows does not matter.

    Metrics: `given_away`, the share of rows with an n-gram that nearly determines the label;
    `shortcut`, the score of the best baseline that should fail, from chance (0) to perfect (1);
    `later_rows`, the rows of an official part that are later than the first row of the next part.
    """
    train_valid = rows[rows["part"].isin(_PARTS[:2])]
    groups = train_valid["dup_group"]
    train_valid = train_valid.assign(dup_group=train_valid["id"].where(groups == "", groups))
    times, notes = find_time_overlaps(rows) if data.time else ({}, [])
    if labels.task != "regression":
        notes = [*_repetition_notes(explode_labels(train_valid, labels.task)), *notes]
    sample = distinct_rows(train_valid, seed)
    words: dict[str, Any] = {}
    baselines: dict[str, shortcuts.Shortcut] = {}
    if len(sample) >= MIN_ROWS:
        words = _find_label_words(sample, labels.task)
        baselines = shortcuts.find_shortcuts(sample, labels.task, seed)
        notes = [
            *_word_notes(words, len(sample)),
            *[shortcuts.shortcut_note(n, s, labels.task) for n, s in baselines.items() if s.clear],
            *notes,
        ]
    metrics = {
        "given_away": words["share"] if words else 0.0,
        "shortcut": max((round(shortcut.gain, 4) for shortcut in baselines.values()), default=0.0),
        "later_rows": max((entry["rows"] for entry in times.values()), default=0),
    }
    details = {
        "rows": len(sample),
        "labels": words,
        "shortcuts": {
            name: _round_values(asdict(shortcut)) for name, shortcut in baselines.items()
        },
        "time": times,
    }
    return LabelQuality(metrics, details, notes)


def distinct_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one row of each duplicate group and label, in random order.

    Pairs are duplicates only where both texts are equal: their groups may share one sentence. The
    order, and which of very many rows are left out, depend only on ids.
    """
    keys = rank_keys(derive_seed(seed, "health"), rows["id"].tolist())
    shuffled = rows.iloc[np.argsort(keys, kind="stable")]
    group = ["text", "text_pair"] if _has_pairs(rows) else ["dup_group"]
    shuffled = shuffled.drop_duplicates([*group, "label"])
    most = label_artifacts.START_CHARACTERS + label_artifacts.END_CHARACTERS
    length = sum(shuffled[role].str.len().clip(upper=most) for role in ("text", "text_pair"))
    fitting = int(np.searchsorted(np.cumsum(length), MAX_CHARACTERS, side="right"))
    return shuffled.iloc[: min(MAX_ROWS, max(fitting, MIN_ROWS))].reset_index(drop=True)


def _find_label_words(rows: pd.DataFrame, task: str) -> dict[str, Any]:
    """Test the n-grams of each text column; `share` is of the rows that have an artifact."""
    tables: list[pd.DataFrame] = []
    in_text: list[dict[str, Any]] = []
    has_artifact = np.zeros(len(rows), dtype=bool)
    for role in ("text", "text_pair") if _has_pairs(rows) else ("text",):
        distinct = rows.drop_duplicates([role, "label"])  # a title may be of many comments
        texts, labels = distinct[role].tolist(), distinct["label"].tolist()
        ngrams = label_artifacts.find_ngrams(texts)
        if task != "regression":
            table = label_artifacts.class_associations(ngrams, split_labels(labels, task))
            entries = label_in_text.find_class_names_in_text(split_labels(labels, task), texts)
        else:
            table = label_artifacts.number_correlations(ngrams, np.array(labels, dtype=np.float64))
            entries = label_in_text.find_numbers_in_text(labels, texts)
        sure = label_artifacts.is_artifact(table)
        matching = distinct[role][label_artifacts.contains_ngram(ngrams, table["ngram"][sure])]
        has_artifact |= rows[role].isin(set(matching)).to_numpy()
        in_text += [{"column": role} | entry for entry in entries]
        tables.append(table.assign(column=role, sure=sure))
    table = pd.concat(tables, ignore_index=True)
    linked = table[~table["sure"] & (table["q"] < label_artifacts.MAX_Q)]
    return {
        "share": round(float(has_artifact.mean()), 4),
        "in_text": [_round_values(entry) for entry in in_text],
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
            f"the texts contain the label itself: {listing(shown)}. If it was written there with "
            "the label, remove it"
        )
    if label_artifacts.is_noteworthy(words["share"], [entry["coverage"] for entry in given]):
        notes.append(
            f"words that nearly determine the label are in {_percent(words['share'])} of the "
            f"texts: {listing(map(_format_ngram, _widest_per_class(given)), 5)}. Check whether "
            "they are what the texts are about, or were added with the label"
        )
    return notes


def _format_ngram(entry: dict[str, Any]) -> str:
    if "mean" in entry:
        return f"'{entry['ngram']}' ({entry['texts']} texts: {entry['mean']:g})"
    return f"'{entry['ngram']}' ({_percent(entry['coverage'])} of {entry['label']})"


def _widest_per_class(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the n-gram of largest coverage of each class: parts of one tag are redundant."""
    ordered = sorted(entries, key=lambda e: (-e["coverage"], -len(e["ngram"]), e["ngram"]))
    best: dict[Any, dict[str, Any]] = {}
    for entry in ordered:
        best.setdefault(entry["label"] or entry["texts"], entry)
    return list(best.values())


def _repetition_notes(rows: pd.DataFrame) -> list[str]:
    """Return a note on classes that are large enough only by duplicates."""
    sizes = rows["label"].value_counts()
    single = rows.drop_duplicates(["dup_group", "label"])["label"].value_counts()
    repeated = sorted(
        sizes.index[(sizes >= MIN_CLASS_ROWS) & (single.reindex(sizes.index) < MIN_CLASS_ROWS)]
    )
    if not repeated:
        return []
    shown = listing(f"{name} ({single[name]} in {sizes[name]} rows)" for name in repeated)
    return [f"classes with fewer than {MIN_CLASS_ROWS} distinct texts: {shown}"]


def find_time_overlaps(rows: pd.DataFrame) -> tuple[dict[str, Any], list[str]]:
    """Find rows that are later than the first row of a following part.

    Files without the column have time 0 and are left out.
    """
    overlaps: dict[str, Any] = {}
    notes = []
    times = {part: rows[rows["part"] == part].set_index("id")["time"] for part in _PARTS}
    times = {part: column for part, column in times.items() if (column != 0).any()}
    for index, earlier in enumerate(_PARTS):
        for later in _PARTS[index + 1 :]:
            if earlier not in times or later not in times:
                continue
            column = times[earlier]
            late = column[column > times[later].min()]
            ids = sorted(late.index)
            if ids:
                overlaps[f"{earlier}_after_{later}"] = {"rows": len(ids), "ids": ids[:_MAX_LISTED]}
                notes.append(
                    f"{len(ids)} of {len(column)} rows of {earlier} are later than the first row "
                    f"of {later}, so the score is not that of a forecast: ids {listing(ids, 5)}"
                )
    return overlaps, notes


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    kept = table.drop(columns="sure").head(_MAX_LISTED)
    return [_round_values(record) for record in kept.to_dict(orient="records")]


def _round_values(entry: Any) -> dict[str, Any]:
    """Return the values with four digits, which do not depend on the order of summation."""
    return {
        str(key): float(f"{value:.4g}") if isinstance(value, float) else value
        for key, value in entry.items()
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
