"""Leaks between parts, and hashes of held-out texts that augmentation must not copy.

Two rows leak by text, where `prepare` put them into one duplicate group, or by group (`group`: a
user, a movie). Official valid and test rows are never dropped, but training rows can be.
"""

import hashlib
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.data.duplicates import duplicate_keys
from foldline.data.normalization import casefold_key
from foldline.data.row_links import duplicate_levels

SHORT_WORDS = 2  # texts of so few words repeat by chance
MAX_SHOWN = 10  # rows named in a message
MAX_LISTED = 1_000  # rows named in the details
HELD_OUT_PARTS = ("valid", "test")
LINKS = {"text": "dup_group", "group": "group"}
MIN_ROWS = 10  # of train that dropping must leave
_TOO_MANY = (
    ". They are too many to drop, so scores are of texts that models have seen; {}. The rows"
)
_BY_GROUP = "where new texts matter more than new groups, set split.method=stratified"
_BY_LETTERS = "set prepare.duplicates.match=exact, where texts of equal letters are different rows"
_ADD_ROWS = "add rows with other texts"
MAX_DIVIDED = 0.3  # of all rows, equal: groups of texts would be as uneven
MAX_DROPPED = 0.5  # of train, of duplicates that a split of groups divides
UNGROUP_ADVICE = "where a group may be in several parts, set split.method=stratified"


@dataclass(frozen=True)
class Leak:
    """The rows (`ids`) of a part that share a text or a group with training rows.

    `by_text` have a duplicate in train: `short` of these have at most two words, `exact` are
    equal, `disagree` are equal with another label. `by_group` share a group with train. `sources`
    are the training rows that leak; `in_valid` are test rows not in `ids` that share a text or a
    group with official valid rows. `total` is the size of the part.
    """

    part: str
    ids: list[str]
    total: int
    by_text: int
    by_group: int
    exact: int
    short: int
    disagree: int
    sources: frozenset[str]
    in_valid: list[str]

    @property
    def share(self) -> float:
        """Return the share of the part's rows that leak, 0 to 1."""
        return len(self.ids) / self.total if self.total else 0.0

    def describe(self) -> str:
        """Return the numbers of leaking rows: by text, by group, and in total."""
        clauses = []
        if self.by_text:
            parts = {
                f"{self.exact} are equal": self.exact,
                f"{self.by_text - self.exact} nearly equal": self.by_text - self.exact,
                f"{self.disagree} of the equal ones have another label there": self.disagree,
                f"{self.short} have at most {SHORT_WORDS} words": self.short,
            }
            shown = ", ".join(text for text, count in parts.items() if count)
            clauses.append(f"{self._count(self.by_text)} have a duplicate in train: {shown}")
        if self.by_group:
            clauses.append(f"{self._count(self.by_group)} share a group (data.group) with train")
        if len(clauses) > 1:
            clauses.append(f"by text or by group {self._count(len(self.ids))}")
        return "; ".join(clauses)

    def _count(self, rows: int) -> str:
        return f"{rows} of {self.total} {self.part} rows ({rows / self.total:.1%})"

    def details(self) -> dict[str, Any]:
        """Return the numbers and rows for the report."""
        names = ("by_text", "by_group", "exact", "short", "disagree")
        counts = {name: getattr(self, name) for name in names}
        return {"rows": len(self.ids), "share": self.share, **counts, "ids": self.ids[:MAX_LISTED]}


def text_digest(text: str, text_pair: str) -> str:
    """Return a hash of 32 hex digits, equal for texts that differ in case or order of a pair."""
    texts = sorted(filter(None, (casefold_key(text), casefold_key(text_pair))))
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:32]


def hash_held_out(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return the sorted, distinct digests (column `key`) of the tables' texts, without empty ones.

    With them `augment` rejects copies of held-out rows without reading the rows.
    """
    keys: set[str] = set()
    for table in tables:
        pairs = zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True)
        keys |= {text_digest(text, pair) for text, pair in pairs if text or pair}
    return pd.DataFrame({"key": sorted(keys)}, dtype="str")


def find_leaks(table: pd.DataFrame) -> dict[str, Leak]:
    """Find the valid and test rows that share a text or group with train, by part.

    Where groups may be divided, `group` must be empty.
    """
    keys = pd.Series(duplicate_keys(table), index=table.index, dtype="object")
    train = table["part"] == "train"
    labels: dict[Any, set[str]] = {}
    for key, label in zip(keys[train], table["label"][train], strict=True):
        labels.setdefault(key, set()).add(label)
    labels.pop(None, None)
    return {
        part: _find_part_leaks(table, keys, labels, part)
        for part in HELD_OUT_PARTS
        if (table["part"] == part).any()
    }


def drop_leaks(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the table without training rows that share a text or group with official rows.

    Also returns the number of dropped rows. Official rows stay: a valid row that test shares is
    left out of the folds (`independent_of_test`).

    Raises:
        FoldlineError: where no training rows are left.
    """
    train = table["part"] == "train"
    leaking = train & related_rows(table, table["part"].isin(HELD_OUT_PARTS))
    left = int((train & ~leaking).sum())
    if _too_few(left, int(train.sum())):
        shares = [leak.share for leak in find_leaks(table).values()]
        by_text = train & _rows_sharing(table, table["part"].isin(HELD_OUT_PARTS), "text")
        few_texts = not _too_few(int((train & ~by_text).sum()), int(train.sum()))
        raise FoldlineError(
            f"split.drop_from_train=true leaves {left or 'no'} training rows: {leaking.sum()} of "
            f"{train.sum()} are in valid or test too, by text or by group. Check data.train; or "
            f"set split.drop_from_train=false and {_allow_leaks(shares)} to keep them"
            + (f"; or, {UNGROUP_ADVICE}" if few_texts else "")
        )
    return table[~leaking].reset_index(drop=True), int(leaking.sum())


@dataclass(frozen=True)
class DividedDuplicates:
    """The `rows` without `dropped` training rows (ids), valid rows that folds leave out; notes."""

    rows: pd.DataFrame
    dropped: list[str]
    left_out: list[str]
    notes: list[str]


def drop_divided_duplicates(
    table: pd.DataFrame, own_parts: Collection[str], near: bool
) -> DividedDuplicates:
    """Drop training rows that equal rows of the parts that were taken from train.

    Such duplicates are of several users' groups, which come first, or too many for one part. Rows
    are equal where their letters are, with `near` also where they are near duplicates. Valid rows
    that equal test rows are for the folds to leave out. Nothing is dropped or left out where that
    would take more than half of a part.
    """
    codes = duplicate_levels(table)["near" if near else "skeleton"]
    advice = _BY_GROUP if table["user_group"].any() else _BY_LETTERS
    if advice == _BY_GROUP and np.bincount(codes).max() > MAX_DIVIDED * len(table):
        advice = _ADD_ROWS
    parts, by_group = table["part"].to_numpy(), bool(table["user_group"].any())
    dropped = (parts == "train") & np.isin(codes, codes[np.isin(parts, list(own_parts))])
    in_test = (parts == "valid") & np.isin(codes, codes[parts == "test"]) & bool(own_parts)
    notes, ids = [], []
    for part, others, how, equal in [
        ("train", "valid or test", "dropped", dropped),
        ("valid", "test", "left out of the folds", in_test),
    ]:
        total = int((parts == part).sum())
        too_many = equal.sum() > MAX_DROPPED * total
        ids.append([] if too_many else table["id"][equal].tolist())
        if equal.any():
            rows = f"{equal.sum()} of {total} {part} rows have a duplicate in {others}"
            rows += ", in another group (data.group)" if by_group else ""
            shown = listing(table["id"][equal], MAX_SHOWN)
            effect = _TOO_MANY.format(advice)
            notes.append(f"{rows}{effect if too_many else f', and are {how}'}: {shown}")
    kept = table[~table["id"].isin(ids[0])].reset_index(drop=True)
    return DividedDuplicates(kept, ids[0], ids[1], notes)


def _too_few(left: int, rows: int) -> bool:
    return left < max(1, min(MIN_ROWS, rows // 4))


def _allow_leaks(shares: Iterable[float]) -> str:
    """Return the limit that allows the largest share, rounded up."""
    return f"split.max_leak_share={math.ceil(max(shares, default=1.0) * 100 - 1e-9) / 100:g}"


def independent_of_test(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return which train and valid rows share no text or group with test rows: (n,) bool."""
    test = table["part"] == "test"
    return ~(test | related_rows(table, test))


def related_rows(table: pd.DataFrame, selected: "pd.Series[bool]") -> "pd.Series[bool]":
    """Return which rows share a text or a group with the `selected` rows: (n,) bool."""
    return _rows_sharing(table, selected, "text") | _rows_sharing(table, selected, "group")


def _rows_sharing(table: pd.DataFrame, selected: "pd.Series[bool]", by: str) -> "pd.Series[bool]":
    column = table[LINKS[by]]
    return column.isin(set(column[selected]) - {""})


def check_leak_share(leaks: dict[str, Leak], table: pd.DataFrame, most: float) -> None:
    """Raise where a larger share than `most` (0 to 1) of an official part leaks.

    Raises:
        FoldlineError: naming the rows, and the parameters to change.
    """
    over = [leak for leak in leaks.values() if leak.share > most]
    if not over:
        return
    leaking = [f"{leak.describe()}. The rows are {listing(leak.ids, MAX_SHOWN)}" for leak in over]
    raise FoldlineError(
        f"split.max_leak_share={most:g} is exceeded: {'; and '.join(leaking)}. Scores on such rows "
        f"are too high. {_leak_remedies(leaks, table, most)}"
    )


def _leak_remedies(leaks: dict[str, Leak], table: pd.DataFrame, most: float) -> str:
    """Return what can be done about leaks, each of which lets the split go on."""
    sources = frozenset().union(*(leak.sources for leak in leaks.values()))
    rows = int((table["part"] == "train").sum())
    left, allow = rows - len(sources), _allow_leaks(leak.share for leak in leaks.values())
    remedies = [f"{allow} keeps all rows"]
    if not _too_few(left, rows):
        drop = f"drops the {len(sources)} training rows that leak and leaves {left}"
        remedies.insert(0, f"split.drop_from_train=true {drop}")
    single_texts = not table["text_pair"].any()
    few_equal = all(leak.exact <= most * leak.total for leak in leaks.values())
    by_group = any(leak.by_group for leak in leaks.values())
    if single_texts and few_equal and not by_group:
        remedies.append("prepare.duplicates.match=exact counts only equal texts")
    message = f"Set one of these: {'; '.join(remedies)}"
    if by_group and all(leak.by_text <= most * leak.total for leak in leaks.values()):
        message += f"; {UNGROUP_ADVICE}"
    return message


def _find_part_leaks(
    table: pd.DataFrame, keys: "pd.Series[Any]", labels: dict[Any, set[str]], part: str
) -> Leak:
    train, own = table["part"] == "train", table["part"] == part
    by_text, by_group = (own & _rows_sharing(table, train, by) for by in LINKS)
    rows = table[by_text]
    texts = (rows["text"] + " " + rows["text_pair"]).tolist()
    train_labels = [labels.get(key, set()) for key in keys[rows.index]]
    valid = related_rows(table, table["part"] == "valid") & (part == "test")
    leaking = by_text | by_group
    return Leak(
        part=part,
        ids=table["id"][leaking].tolist(),
        total=int(own.sum()),
        by_text=len(rows),
        by_group=int(by_group.sum()),
        exact=sum(map(bool, train_labels)),
        short=sum(len(text.split()) <= SHORT_WORDS for text in texts),
        disagree=sum(
            bool(others - {label})
            for others, label in zip(train_labels, rows["label"], strict=True)
        ),
        sources=frozenset(table["id"][train & related_rows(table, own)]),
        in_valid=table["id"][own & valid & ~leaking].tolist(),
    )
