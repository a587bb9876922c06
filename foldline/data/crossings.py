"""What stands on two sides of a split, counted from the parts and folds that were made."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.data.duplicates import duplicate_keys
from foldline.data.normalization import casefold_key
from foldline.data.row_links import LARGE_SHARE, duplicate_levels, sentence_codes

SIDES = {"valid": ("valid", "train"), "test": ("test", "train"), "test_valid": ("test", "valid")}
MAX_EXAMPLES, MAX_CHARACTERS = 10, 120


@dataclass(frozen=True)
class Crossings:
    """Details for a file, and notes for the user."""

    details: dict[str, Any]
    notes: list[str]


def report_crossings(table: pd.DataFrame, folds: pd.DataFrame) -> Crossings:
    """Count and list what parts (`part`) and folds (`fold`) divide."""
    parts, in_folds = measure_crossings(table), measure_fold_crossings(folds)
    sizes = table["part"].value_counts()
    notes = [
        f"{_count(counts['sentence'], sizes[part], part)} share one sentence of a pair with "
        f"{other} (reports/split.json: released)"
        for name, (part, other) in SIDES.items()
        if (counts := parts.get(name, {})).get("sentence")
    ]
    left_out = bool((folds["duplicate"] != "").any())
    released = {"parts": list_released(table, "part"), "folds": list_released(folds, "fold")}
    chain = released["parts"].get("near", {"examples": [{"rows": 0}]})["examples"][0]
    if chain["rows"] > LARGE_SHARE * len(table):
        notes.append(
            f"a chain of {chain['rows']} near duplicates is in several parts, as it fits none: "
            f"'{chain['text'][:40]}'; the numbers of duplicates count it as a whole"
        )
    effects = {
        "skeleton": "have a duplicate in another fold"
        + (
            ": the models that predict them are not trained on it"
            if left_out
            else ": out-of-fold scores are too high"
        ),
        "near": "have a near duplicate in another fold, or are in a chain of them: out-of-fold "
        "scores may be too high",
        "sentence": "share one sentence of a pair with another fold: out-of-fold scores may be too "
        "high",
    }
    counts = in_folds | {"near": in_folds["near"] - in_folds["skeleton"]}
    notes += [
        f"folds: {_count(counts[kind], len(folds), '')} {effect}"
        for kind, effect in effects.items()
        if counts[kind]
    ]
    details = {"crossing": {**parts, "folds": in_folds}, "released": released}
    return Crossings(details, notes)


def _count(rows: int, total: int, name: str) -> str:
    return f"{rows} of {total} {name} rows ({rows / total:.1%})".replace("  ", " ")


def measure_crossings(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many rows of a part share something with an earlier part, by SIDES and kind.

    `group` is the user's group (`user_group`). `exact`, `skeleton` and `near` are duplicates, each
    includes the one before; `sentence` are rows without one that share one sentence of a pair.
    """
    values, parts = _link_values(table), table["part"].to_numpy()
    return {
        name: _count_rows(values, parts == other, parts == part)
        for name, (part, other) in SIDES.items()
        if (parts == part).any()
    }


def measure_fold_crossings(table: pd.DataFrame) -> dict[str, int]:
    """Return how many rows (with their `fold`) share something with another fold, by kind."""
    folds, crossing = table["fold"].to_numpy(), {}
    values = _link_values(table)
    for kind, (rows, codes) in values.items():
        own = pd.Series(folds[rows]).groupby(codes)
        divided = (own.transform("min") != own.transform("max")).to_numpy()
        crossing[kind] = set(rows[divided].tolist())
    crossing["sentence"] = crossing["sentence"] - crossing["near"]
    return {kind: len(rows) for kind, rows in crossing.items()}


def list_released(table: pd.DataFrame, side: str) -> dict[str, dict[str, Any]]:
    """Return what stands on several sides (`part` or `fold`), by kind of link.

    `values` is how many such texts there are, `links` how many joins of sides they would make,
    `examples` are those of the most rows.
    """
    released = {}
    for kind, (rows, codes) in _link_values(table).items():
        if kind == "group" or not len(rows):
            continue
        linked = pd.DataFrame({"row": rows, "code": codes}).drop_duplicates(["row", "code"])
        linked["side"] = table[side].to_numpy()[linked["row"]]
        counts = linked.groupby("code").agg(rows=("row", "size"), sides=("side", "nunique"))
        counts = counts[counts["sides"] > 1]
        if len(counts):
            released[kind] = {
                "values": len(counts),
                "links": int((counts["sides"] - 1).sum()),
                "examples": _show_examples(table, kind, rows, codes, counts["rows"]),
            }
    return released


def _link_values(table: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return by kind the rows (m,) and what they hold as codes (m,): equal ones are linked."""
    rows, levels = np.arange(len(table)), duplicate_levels(table)
    users = table["user_group"].to_numpy(dtype=object)
    keys = duplicate_keys(table)
    has_text = np.array([key is not None for key in keys], dtype=bool)
    exact = pd.factorize(pd.Series(keys, dtype="object")[has_text])[0]
    return {
        "group": (rows[users != ""], pd.factorize(users[users != ""])[0]),
        "exact": (rows[has_text], exact),
        "skeleton": (rows, levels["skeleton"]),
        "near": (rows, levels["near"]),
        "sentence": sentence_codes(table if table["sentence"].any() else _name_sentences(table)),
    }


def _name_sentences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its sentences named by their texts, where rows are pairs."""
    if not table["text_pair"].any():
        return table
    names = {role: table[role].map(casefold_key) for role in ("text", "text_pair")}
    return table.assign(sentence=names["text"], sentence_pair=names["text_pair"])


def _count_rows(
    values: Mapping[str, tuple[np.ndarray, np.ndarray]], earlier: np.ndarray, own: np.ndarray
) -> dict[str, int]:
    crossing = {}
    for kind, (rows, codes) in values.items():
        shared = np.isin(codes, codes[earlier[rows]]) & own[rows]
        crossing[kind] = set(rows[shared].tolist())
    crossing["sentence"] = crossing["sentence"] - crossing["near"]
    return {kind: len(rows) for kind, rows in crossing.items()}


def _show_examples(
    table: pd.DataFrame, kind: str, rows: np.ndarray, codes: np.ndarray, counts: "pd.Series[int]"
) -> list[dict[str, Any]]:
    """Return the texts of the most rows, with their numbers of rows."""
    examples = []
    for code in counts.sort_values(ascending=False, kind="stable").index[:MAX_EXAMPLES]:
        own = table.iloc[rows[codes == code]]
        texts = (own["text"] + " | " + own["text_pair"]).str.removesuffix(" | ").tolist()
        if kind == "sentence":
            sides = Counter([*own["text"], *own["text_pair"]])
            texts = [text for text, count in sides.items() if count == max(sides.values())]
        examples.append({"text": min(texts)[:MAX_CHARACTERS], "rows": int(counts[code])})
    return sorted(examples, key=lambda example: (-example["rows"], example["text"]))
