"""Duplicate rows at three strengths: exact, equal skeleton, near; each includes the one before."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldline.core.params import Duplicates
from foldline.data.normalization import casefold_key, skeleton

if TYPE_CHECKING:
    from foldline.data.similarity_join import CandidateLists, GramSets

MAX_CHARACTERS = 50_000_000  # of all texts; their sets take about 1.5 GB of memory
LARGE_SHARE = 0.1  # of all rows in one group
MAX_SHOWN = 40  # characters of a text in a note
MAX_WORK = 1e10  # set members that an exact join may compare: a minute or two


@dataclass(frozen=True)
class DuplicateGroups:
    """Group numbers of rows, (n,) int64 each: duplicates have equal numbers.

    `exact`, `skeleton` and `near` compare whole rows: the text, or both texts of a pair in either
    order; `near` is None unless params.yaml asks for it. `together` are the duplicates that a
    split keeps together, by the strength and the kind of pairs in params.yaml, joined in chains.
    `sentences` (2, n) are names of the two sentences, equal for duplicate ones; empty for a short
    sentence, and where a shared sentence is no link or the same as a duplicate.
    """

    exact: np.ndarray
    skeleton: np.ndarray
    near: np.ndarray | None
    together: np.ndarray
    sentences: np.ndarray
    notes: list[str]


def find_duplicates(table: pd.DataFrame, options: Duplicates) -> DuplicateGroups:
    """Find the duplicates among the rows of `table` (text, text_pair).

    exact: equal except for case and Unicode form (NFKC). skeleton: equal letters, with every
    number alike; texts without a letter are compared exactly. near: the skeletons' sets of
    character 3-grams have a Jaccard similarity of at least `options.threshold`; shorter skeletons
    must be equal. Texts shorter than `options.min_chars`, and empty ones, have no duplicates.

    `options.pairs` auto: pairs are duplicates where both sentences are, in either order (near:
    where the sentences are in the same near groups); `sentences` link those that share one. both:
    without such links. either: pairs are duplicates where one sentence is.
    """
    texts, pairs = table["text"].tolist(), table["text_pair"].tolist()
    numbers, unique = pd.factorize(np.array([*texts, *pairs], dtype=object))
    keys = [casefold_key(text) for text in unique]
    long_enough = np.fromiter(map(len, keys), np.int64, len(keys)) >= options.min_chars
    skeletons = [
        (skeleton(text) if is_long else "") or f"\0{text}"
        for text, is_long in zip(keys, long_enough, strict=True)
    ]
    exact, equal = _factorize(keys), _factorize(skeletons)
    codes, notes = exact if options.match == "exact" else equal, []
    if options.match == "near":
        groups, note = group_near_texts(_first_values(skeletons, equal), options.threshold)
        codes, notes = groups[equal], [note]
    sides = numbers.reshape(2, len(table))
    whole = _pair_codes(codes[sides], long_enough[sides])
    together, sentences = whole, np.full(sides.shape, "", dtype=object)
    if options.pairs == "auto" and any(pairs):
        names = _name_sentences(codes, keys)
        sentences = np.where(long_enough[sides], names[sides], "")
    if options.pairs == "either" and any(pairs):
        together = _chain_codes(codes[sides], long_enough[sides])
        notes += _chain_notes(whole, together, codes[sides], table)
    return DuplicateGroups(
        exact=_pair_codes(exact[sides], long_enough[sides]),
        skeleton=_pair_codes(equal[sides], long_enough[sides]),
        near=whole if options.match == "near" else None,
        together=together,
        sentences=sentences,
        notes=notes,
    )


def group_near_texts(texts: list[str], threshold: float) -> tuple[np.ndarray, str]:
    """Return the groups (n,) int64 of different texts in chains of near ones, and a note.

    Texts that start with a null character have no near texts.
    """
    from foldline.data import similarity_join

    texts = ["" if text.startswith("\0") else text for text in texts]
    # The order of rows must not matter.
    order = sorted(range(len(texts)), key=texts.__getitem__)
    sets, lists, description = candidate_pairs([texts[row] for row in order], threshold)
    groups = np.empty(len(texts), dtype=np.int64)
    groups[order] = similarity_join.similar_groups(sets, lists, threshold)
    return groups, f"near duplicates (Jaccard of 3-grams from {threshold:g}): {description}"


def candidate_pairs(texts: list[str], threshold: float) -> tuple["GramSets", "CandidateLists", str]:
    """Return the 3-gram sets of sorted texts, candidate pairs of near texts, and a description.

    A prefix-filter join finds all near pairs. Where that would take more than MAX_WORK, or the
    texts have more than MAX_CHARACTERS, MinHash proposes pairs and their sets decide. MinHash
    compares neighbours, so the texts must be sorted.
    """
    from foldline.data import minhash, similarity_join

    count = f"{sum(map(bool, texts)):,} texts"
    if sum(map(len, texts)) <= MAX_CHARACTERS:
        sets = similarity_join.build_gram_sets(texts)
        lists = similarity_join.prefix_candidates(sets, threshold)
        if lists.work <= MAX_WORK:
            return sets, lists, f"exact join of {count}"
    lists = minhash.band_candidates(texts, threshold)
    recall = minhash.expected_recall(threshold)
    description = f"MinHash of {count}, verified; recall {recall:.3f} at the threshold"
    if lists.counts.max(initial=0) == minhash.MAX_NEIGHBOURS:
        description += f", less where more than {minhash.MAX_NEIGHBOURS} texts are alike"
    return minhash.LongTexts(texts), lists, description


def duplicate_keys(table: pd.DataFrame) -> list[tuple[str, ...] | None]:
    """Return a key for each row that exact duplicates share; None for rows without text.

    A pair equals the same pair in the other order.
    """
    keys: list[tuple[str, ...] | None] = []
    for text, pair in zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True):
        texts = tuple(sorted(filter(None, (casefold_key(text), casefold_key(pair)))))
        keys.append(texts or None)
    return keys


def name_groups(codes: np.ndarray, ids: list[str]) -> list[str]:
    """Return the name of each row's group: the smallest id in it."""
    names: dict[int, str] = {}
    for code, name in zip(codes.tolist(), ids, strict=True):
        names[code] = min(name, names.get(code, name))
    return [names[code] for code in codes.tolist()]


def _factorize(keys: list[str]) -> np.ndarray:
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0], dtype=np.int64)


def _first_values(values: list[str], numbers: np.ndarray) -> list[str]:
    """Return the first value of each number, in the order of numbers."""
    return [values[row] for row in np.unique(numbers, return_index=True)[1]]


def _pair_codes(sides: np.ndarray, long_enough: np.ndarray) -> np.ndarray:
    """Return codes of rows by both sentences, in either order; unique if both are too short."""
    low, high = sides.min(axis=0), sides.max(axis=0)
    width = int(sides.max(initial=0)) + 1
    return np.where(long_enough.any(axis=0), low * width + high, -1 - np.arange(len(low)))


def _name_sentences(codes: np.ndarray, keys: list[str]) -> np.ndarray:
    """Return a name for each text, (n,) object: the hash of the first text of its group."""
    first: dict[int, str] = {}
    for code, key in zip(codes.tolist(), keys, strict=True):
        first[code] = min(key, first.get(code, key))
    names = {code: _hash_text(key) for code, key in first.items()}
    return np.array([names[code] for code in codes.tolist()], dtype=object)


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _chain_codes(sides: np.ndarray, long_enough: np.ndarray) -> np.ndarray:
    """Return codes of rows by chains of shared sentences that are long enough."""
    from foldline.data.similarity_join import merge_groups

    rows = np.tile(np.arange(sides.shape[1]), 2)
    links = np.stack([rows, sides.ravel() + sides.shape[1]], axis=1)[long_enough.ravel()]
    nodes = np.arange(sides.shape[1] + int(sides.max(initial=0)) + 1)
    return merge_groups(nodes, links)[: sides.shape[1]]


def _chain_notes(
    whole: np.ndarray, together: np.ndarray, sides: np.ndarray, table: pd.DataFrame
) -> list[str]:
    """Return a note on a large group of shared sentences, with its most frequent sentence."""
    most, equal = (int(np.unique(c, return_counts=True)[1].max()) for c in (together, whole))
    if most <= LARGE_SHARE * len(table) or most == equal:
        return []
    codes, sizes = np.unique(together, return_counts=True)
    rows = np.flatnonzero(together == codes[sizes.argmax()])
    own = sides[:, rows]
    numbers, counts = np.unique(own, return_counts=True)
    side, index = np.argwhere(own == numbers[counts.argmax()])[0]
    text = table[("text", "text_pair")[side]].iloc[rows[index]]
    return [
        f"prepare.duplicates.pairs=either joins rows that share one text, in chains: {most} of "
        f"{len(table)} rows ({most / len(table):.0%}) are one group, which no split divides; the "
        f"largest group of equal pairs has {equal}. '{text[:MAX_SHOWN]}' alone is in "
        f"{counts.max()} of them. Set prepare.duplicates.pairs=auto, which divides such chains "
        "where they do not fit, and name the column of titles as data.group if rows of one title "
        "must stay together"
    ]
