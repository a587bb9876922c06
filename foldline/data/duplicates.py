"""Rows that are one text: equal, of equal skeleton, or near; each strength holds the one before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldline.core.params import Duplicates
from foldline.data.normalization import casefold_key, skeleton

if TYPE_CHECKING:
    from foldline.data.similarity_join import CandidateLists, GramSets

MAX_CHARACTERS = 50_000_000  # characters whose sets fit into about 1.5 GB of memory
LARGE_SHARE = 0.1  # share of all rows that are one group
MAX_SHOWN = 40  # characters of a text
MAX_WORK = 1e10  # members of sets that an exact join may have to look at: a minute or two


@dataclass(frozen=True)
class DuplicateGroups:
    """Which rows are one: equal numbers, (n,) int64 each; a pair is the same the other way round.

    `exact`, `skeleton` and `near` compare whole rows: the text, or both texts of a pair; `near`
    is None where it is not asked for. `together` is the strength and the kind of pairs that
    params.yaml asks for, closed: what a chain of duplicates joins is one.
    """

    exact: np.ndarray
    skeleton: np.ndarray
    near: np.ndarray | None
    together: np.ndarray
    notes: list[str]


def find_duplicates(table: pd.DataFrame, wanted: Duplicates) -> DuplicateGroups:
    """Find the duplicates among the rows of `table` (text, text_pair).

    exact: equal but for case and form of characters (NFKC). skeleton: equal letters, every number
    alike; texts without a letter are compared exactly. near: the skeletons' sets of character
    3-grams have a Jaccard similarity of at least `wanted.threshold`; shorter skeletons must be
    equal. Texts shorter than `wanted.min_chars`, and empty ones, are duplicates of nothing.

    `wanted.pairs` both: two pairs are one where their sentences are, one by one and either way
    round (near: where the sentences stand in the same near groups). either: where they share one.
    """
    texts, pairs = table["text"].tolist(), table["text_pair"].tolist()
    numbers, unique = pd.factorize(np.array([*texts, *pairs], dtype=object))
    keys = [casefold_key(text) for text in unique]
    real = np.fromiter(map(len, keys), np.int64, len(keys)) >= wanted.min_chars
    bones = [
        (skeleton(text) if counts else "") or f"\0{text}"
        for text, counts in zip(keys, real, strict=True)
    ]
    exact, equal = _factorize(keys), _factorize(bones)
    strongest, notes = exact if wanted.match == "exact" else equal, []
    if wanted.match == "near":
        groups, said = group_near_texts(_first_values(bones, equal), wanted.threshold)
        strongest, notes = groups[equal], [said]
    sides = numbers.reshape(2, len(table))
    whole = _pair_codes(strongest[sides], real[sides])
    together = whole
    if wanted.pairs == "either" and any(pairs):
        together = _chain_codes(strongest[sides], real[sides])
        notes += _chain_notes(whole, together, strongest[sides], table)
    return DuplicateGroups(
        exact=_pair_codes(exact[sides], real[sides]),
        skeleton=_pair_codes(equal[sides], real[sides]),
        near=whole if wanted.match == "near" else None,
        together=together,
        notes=notes,
    )


def group_near_texts(texts: list[str], threshold: float) -> tuple[np.ndarray, str]:
    """Group different texts by chains of near ones: (n,) int64, and a line that says how.

    Texts that start with a null character are near to nothing.
    """
    from foldline.data import similarity_join

    texts = ["" if text.startswith("\0") else text for text in texts]
    # The order of rows must not count.
    order = sorted(range(len(texts)), key=texts.__getitem__)
    sets, lists, way = candidate_pairs([texts[row] for row in order], threshold)
    groups = np.empty(len(texts), dtype=np.int64)
    groups[order] = similarity_join.similar_groups(sets, lists, threshold)
    return groups, f"near duplicates (Jaccard of 3-grams from {threshold:g}): {way}"


def candidate_pairs(texts: list[str], threshold: float) -> tuple["GramSets", "CandidateLists", str]:
    """Choose how near ones among sorted texts are found: their sets, who meets, and words for it.

    A prefix-filter join finds all pairs of short texts. Where that would take more than WORK, or
    their sets more memory than GRAMS, as with many long texts, MinHash proposes pairs, and their
    sets decide; it looks at neighbours, so that the texts must be sorted.
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
    way = f"MinHash of {count}, verified; recall {recall:.3f} at the threshold"
    if lists.counts.max(initial=0) == minhash.MAX_NEIGHBOURS:
        way += f", less where more than {minhash.MAX_NEIGHBOURS} texts are alike"
    return minhash.LongTexts(texts), lists, way


def name_groups(codes: np.ndarray, ids: list[str]) -> list[str]:
    """Name each row's group by the smallest id in it."""
    names: dict[int, str] = {}
    for code, name in zip(codes.tolist(), ids, strict=True):
        names[code] = min(name, names.get(code, name))
    return [names[code] for code in codes.tolist()]


def _factorize(keys: list[str]) -> np.ndarray:
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0], dtype=np.int64)


def _first_values(values: list[str], numbers: np.ndarray) -> list[str]:
    """Give the value of each number, in the order of numbers."""
    return [values[row] for row in np.unique(numbers, return_index=True)[1]]


def _pair_codes(sides: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Give numbers to rows by both sentences, either way round; one real one must be there."""
    low, high = sides.min(axis=0), sides.max(axis=0)
    width = int(sides.max(initial=0)) + 1
    return np.where(real.any(axis=0), low * width + high, -1 - np.arange(len(low)))


def _chain_codes(sides: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Give numbers to rows by chains of shared sentences; only real ones join."""
    from foldline.data.similarity_join import merge_groups

    rows = np.tile(np.arange(sides.shape[1]), 2)
    links = np.stack([rows, sides.ravel() + sides.shape[1]], axis=1)[real.ravel()]
    nodes = np.arange(sides.shape[1] + int(sides.max(initial=0)) + 1)
    return merge_groups(nodes, links)[: sides.shape[1]]


def _chain_notes(
    whole: np.ndarray, together: np.ndarray, sides: np.ndarray, table: pd.DataFrame
) -> list[str]:
    """Tell of a large group that shared sentences made, with the one that most of its rows hold."""
    most, equal = (int(np.unique(c, return_counts=True)[1].max()) for c in (together, whole))
    if most <= LARGE_SHARE * len(table) or most == equal:
        return []
    codes, sizes = np.unique(together, return_counts=True)
    rows = np.flatnonzero(together == codes[sizes.argmax()])
    own = sides[:, rows]
    numbers, counts = np.unique(own, return_counts=True)
    side, place = np.argwhere(own == numbers[counts.argmax()])[0]
    text = table[("text", "text_pair")[side]].iloc[rows[place]]
    return [
        f"prepare.duplicates.pairs=either joins rows that share one text, in chains: {most} of "
        f"{len(table)} rows ({most / len(table):.0%}) are one group, which no split divides; of "
        f"equal pairs the largest is {equal}. '{text[:MAX_SHOWN]}' alone stands in {counts.max()} of "
        "them. If such texts are titles over many rows, set prepare.duplicates.pairs=both, and "
        "name their column as data.group if rows under one title must stay together"
    ]
