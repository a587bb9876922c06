"""What stands on both sides of a split, and what may not be copied because it is held out.

Two rows leak into each other by text, where `prepare` put them into one duplicate group, or by
group (`group`: a user, a movie). Official files stay as they are, but for training rows: those
can be dropped.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError, listed
from foldline.data.groups import duplicate_keys
from foldline.data.normalization import casefold_key

SHORT_WORDS = 2  # words: such texts come again by chance
MAX_SHOWN = 10  # rows named in a message
MAX_LISTED = 1_000  # rows named in the details
HELD_OUT_PARTS = ("valid", "test")
LINKS = {"text": "dup_group", "group": "group"}
UNGROUP_ADVICE = "where a group may stand on both sides, set split.method=stratified"


@dataclass(frozen=True)
class Leak:
    """The rows of an official part that share a text or a group with training rows: `ids`.

    `by_text` have a duplicate there: `short` of them are two words or less; `exact` are equal to
    one there, `disagree` with another label. `by_group` are of a group that stands there. `sources`
    are the training rows that would have to go; `in_valid` are rows beside `ids` that share a text
    or a group with official valid rows.
    """

    part: str
    ids: list[str]
    of: int
    by_text: int
    by_group: int
    exact: int
    short: int
    disagree: int
    sources: frozenset[str]
    in_valid: list[str]

    @property
    def share(self) -> float:
        """Give the share of the part's rows that leak, 0 to 1."""
        return len(self.ids) / self.of if self.of else 0.0

    def words(self) -> str:
        """Tell of it: by text, by group, and altogether."""
        told = []
        if self.by_text:
            told.append(
                f"{self._of(self.by_text)} have a duplicate in train: {self.short} of them are "
                f"{SHORT_WORDS} words or less, {self.exact} are equal, and {self.disagree} of the equal "
                "ones have another label there"
            )
        if self.by_group:
            told.append(
                f"{self._of(self.by_group)} are of a group (data.group) that stands in train"
            )
        if len(told) > 1:
            told.append(f"by text or by group {self._of(len(self.ids))}")
        return "; ".join(told)

    def _of(self, rows: int) -> str:
        return f"{rows} of {self.of} {self.part} rows ({rows / self.of:.1%})"

    def details(self) -> dict[str, Any]:
        """Give its numbers and rows for a file."""
        names = ("by_text", "by_group", "exact", "short", "disagree")
        counts = {name: getattr(self, name) for name in names}
        return {"rows": len(self.ids), "share": self.share, **counts, "ids": self.ids[:MAX_LISTED]}


def text_digest(text: str, text_pair: str) -> str:
    """Give 32 hex digits that equal texts share: case does not count, nor the order of a pair."""
    texts = sorted(filter(None, (casefold_key(text), casefold_key(text_pair))))
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:32]


def hash_held_out(*tables: pd.DataFrame) -> pd.DataFrame:
    """Give the digests (column key) of the tables' texts, sorted, each once; none for empty ones.

    With them a copy that equals a held-out row is refused by those who may not read the row.
    """
    keys: set[str] = set()
    for table in tables:
        pairs = zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True)
        keys |= {text_digest(text, pair) for text, pair in pairs if text or pair}
    return pd.DataFrame({"key": sorted(keys)}, dtype="str")


def find_leaks(table: pd.DataFrame) -> dict[str, Leak]:
    """Find what the official valid and test rows share with the training rows, by part.

    `table` is as prepared, before rows are shared out: a part that is taken from the training
    rows cannot leak. Where groups may be torn, `group` is to be empty.
    """
    keys = pd.Series(duplicate_keys(table), index=table.index, dtype="object")
    train = table["part"] == "train"
    labels: dict[Any, set[str]] = {}
    for found, label in zip(keys[train], table["label"][train], strict=True):
        labels.setdefault(found, set()).add(label)
    labels.pop(None, None)
    return {
        part: _find_part_leaks(table, keys, labels, part)
        for part in HELD_OUT_PARTS
        if (table["part"] == part).any()
    }


def drop_leaks(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop the training rows that share a text or group with official rows, and count them.

    Nothing is taken from an official part: a row that valid shares with test stays, and is left
    out of the folds (`independent_of_test`). Where valid is taken from the training rows, that happens
    afterwards, so it shares none with test.

    Raises:
        FoldlineError: where no training row is left.
    """
    leaking = (table["part"] == "train") & related_rows(table, table["part"].isin(HELD_OUT_PARTS))
    kept = table[~leaking].reset_index(drop=True)
    if not (kept["part"] == "train").any():
        raise FoldlineError(
            f"split.drop_from_train=true leaves no training row: all {leaking.sum()} stand in "
            "valid or test too, by text or by group. Check data.train, make "
            f"prepare.duplicates.match stricter, or, {UNGROUP_ADVICE}"
        )
    return kept, int(leaking.sum())


def independent_of_test(table: pd.DataFrame) -> "pd.Series[bool]":
    """Say which valid and training rows share no text or group with an official test row: (n,)."""
    test = table["part"] == "test"
    return ~(test | related_rows(table, test))


def related_rows(table: pd.DataFrame, those: "pd.Series[bool]") -> "pd.Series[bool]":
    """Say which rows share a text or a group with `those`, by either: (n,) bool."""
    return _rows_sharing(table, those, "text") | _rows_sharing(table, those, "group")


def _rows_sharing(table: pd.DataFrame, those: "pd.Series[bool]", by: str) -> "pd.Series[bool]":
    column = table[LINKS[by]]
    return column.isin(set(column[those]) - {""})


def check_leak_share(leaks: dict[str, Leak], most: float) -> None:
    """Stop where a larger share than `most` (0 to 1) of an official part stands in train.

    Raises:
        FoldlineError: naming the rows, and what mends it.
    """
    over = [leak for leak in leaks.values() if leak.share > most]
    if not over:
        return
    sources = frozenset().union(*(leak.sources for leak in over))
    told = [f"{leak.words()}. The rows are {listed(leak.ids, MAX_SHOWN)}" for leak in over]
    raise FoldlineError(
        f"split.max_leak_share={most:g} is exceeded: {'; and '.join(told)}. Scores on such rows "
        f"flatter. Set split.drop_from_train=true to drop the training rows that leak "
        f"({len(sources)} of them do), or split.max_leak_share higher; "
        "prepare.duplicates says what a duplicate is (pairs, min_chars, threshold)"
        + (f"; {UNGROUP_ADVICE}" if any(leak.by_group for leak in over) else "")
    )


def _find_part_leaks(
    table: pd.DataFrame, keys: "pd.Series[Any]", labels: dict[Any, set[str]], part: str
) -> Leak:
    train, own = table["part"] == "train", table["part"] == part
    by_text, by_group = (own & _rows_sharing(table, train, by) for by in LINKS)
    rows = table[by_text]
    texts = (rows["text"] + " " + rows["text_pair"]).tolist()
    there = [labels.get(found, set()) for found in keys[rows.index]]
    valid = related_rows(table, table["part"] == "valid") & (part == "test")
    leaking = by_text | by_group
    return Leak(
        part=part,
        ids=table["id"][leaking].tolist(),
        of=int(own.sum()),
        by_text=len(rows),
        by_group=int(by_group.sum()),
        exact=sum(bool(found) for found in there),
        short=sum(len(text.split()) <= SHORT_WORDS for text in texts),
        disagree=sum(
            bool(found - {label}) for found, label in zip(there, rows["label"], strict=True)
        ),
        sources=frozenset(table["id"][train & related_rows(table, own)]),
        in_valid=table["id"][own & valid & ~leaking].tolist(),
    )
