"""What stands on both sides of a split, and what may not be copied because it is held out.

Two rows are the same where `prepare` put them into one duplicate group. Official files stay as
they are, but for training rows: those can be dropped.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.corpus.groups import duplicate_keys
from foldline.corpus.normal import key
from foldline.frame.errors import FoldlineError, listed

SHORT = 2  # words: such texts come again by chance
SHOWN = 10  # rows named in a message
KEPT = 1_000  # rows named in the details
HELD = ("valid", "test")


@dataclass(frozen=True)
class Leak:
    """The rows of an official part that have a duplicate among the training rows.

    `short` of them are two words or less; `exact` are equal to one there, `disagree` with another
    label; `sources` are the training rows that would have to go.
    """

    part: str
    ids: list[str]
    of: int
    exact: int
    short: int
    disagree: int
    sources: frozenset[str]

    @property
    def share(self) -> float:
        """Give the share of the part's rows that leak, 0 to 1."""
        return len(self.ids) / self.of if self.of else 0.0

    def words(self) -> str:
        """Tell of it, short texts and other labels apart."""
        return (
            f"{len(self.ids)} of {self.of} {self.part} rows ({self.share:.1%}) have a duplicate in "
            f"train: {self.short} of them are {SHORT} words or less, {self.exact} are equal, and "
            f"{self.disagree} of the equal ones have another label there"
        )

    def details(self) -> dict[str, Any]:
        """Give its numbers and rows for a file."""
        counts = {"exact": self.exact, "short": self.short, "disagree": self.disagree}
        return {"rows": len(self.ids), "share": self.share, **counts, "ids": self.ids[:KEPT]}


def digest(text: str, text_pair: str) -> str:
    """Give 32 hex digits that equal texts share: case does not count, nor the order of a pair."""
    texts = sorted(filter(None, (key(text), key(text_pair))))
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:32]


def held_out(*tables: pd.DataFrame) -> pd.DataFrame:
    """Give the digests (column key) of the tables' texts, sorted, each once; none for empty ones.

    With them a copy that equals a held-out row is refused by those who may not read the row.
    """
    keys: set[str] = set()
    for table in tables:
        pairs = zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True)
        keys |= {digest(text, pair) for text, pair in pairs if text or pair}
    return pd.DataFrame({"key": sorted(keys)}, dtype="str")


def find_leaks(table: pd.DataFrame) -> dict[str, Leak]:
    """Find what the official valid and test rows share with the training rows, by part.

    `table` is as prepared, before rows are shared out: a part that is taken from the training
    rows cannot leak.
    """
    keys = pd.Series(duplicate_keys(table), index=table.index, dtype="object")
    train = table["part"] == "train"
    names = set(table["dup_group"][train]) - {""}
    labels: dict[Any, set[str]] = {}
    for found, label in zip(keys[train], table["label"][train], strict=True):
        labels.setdefault(found, set()).add(label)
    labels.pop(None, None)
    return {
        part: _leak(table, keys, names, labels, part)
        for part in HELD
        if (table["part"] == part).any()
    }


def drop_leaks(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop the training rows that stand in official valid or test rows too, and count them.

    Nothing is taken from an official part: a row that valid shares with test stays, and is left
    out of the folds (`learnable`). Where valid is taken from the training rows, that happens
    afterwards, so it shares none with test.

    Raises:
        FoldlineError: where no training row is left.
    """
    held = set(table["dup_group"][table["part"].isin(HELD)]) - {""}
    leaking = (table["part"] == "train") & table["dup_group"].isin(held)
    kept = table[~leaking].reset_index(drop=True)
    if not (kept["part"] == "train").any():
        raise FoldlineError(
            f"split.drop_from_train=true leaves no training row: all {leaking.sum()} stand in "
            "valid or test too. Check data.train, or make prepare.duplicates.match stricter"
        )
    return kept, int(leaking.sum())


def learnable(table: pd.DataFrame) -> "pd.Series[bool]":
    """Say of which valid and training rows no test row is a duplicate: (n,) bool."""
    test = set(table["dup_group"][table["part"] == "test"]) - {""}
    return (table["part"] != "test") & ~table["dup_group"].isin(test)


def check_budget(leaks: dict[str, Leak], most: float) -> None:
    """Stop where a larger share than `most` (0 to 1) of an official part stands in train.

    Raises:
        FoldlineError: naming the rows, and what mends it.
    """
    over = [leak for leak in leaks.values() if leak.share > most]
    if not over:
        return
    sources = frozenset().union(*(leak.sources for leak in over))
    told = [f"{leak.words()}. The rows are {listed(leak.ids, SHOWN)}" for leak in over]
    raise FoldlineError(
        f"split.max_leak_share={most:g} is exceeded: {'; and '.join(told)}. Scores on such rows "
        f"flatter. Set split.drop_from_train=true to drop the training rows that leak "
        f"({len(sources)} of them do), or split.max_leak_share higher; "
        "prepare.duplicates says what a duplicate is (pairs, min_chars, threshold)"
    )


def _leak(
    table: pd.DataFrame,
    keys: "pd.Series[Any]",
    names: set[str],
    labels: dict[Any, set[str]],
    part: str,
) -> Leak:
    own = table["part"] == part
    rows = table[own & table["dup_group"].isin(names)]
    texts = (rows["text"] + " " + rows["text_pair"]).tolist()
    there = [labels.get(found, set()) for found in keys[rows.index]]
    train = table["part"] == "train"
    return Leak(
        part=part,
        ids=rows["id"].tolist(),
        of=int(own.sum()),
        exact=sum(bool(found) for found in there),
        short=sum(len(text.split()) <= SHORT for text in texts),
        disagree=sum(
            bool(found - {label}) for found, label in zip(there, rows["label"], strict=True)
        ),
        sources=frozenset(table["id"][train & table["dup_group"].isin(set(rows["dup_group"]))]),
    )
