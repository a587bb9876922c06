"""Changes of whole words and punctuation marks; the results have single spaces."""

from collections.abc import Callable
from functools import partial

import numpy as np

from foldline.augmentation.random_streams import apply_swaps, concatenate_ranges, scale
from foldline.augmentation.thesaurus import Slot, Thesaurus
from foldline.augmentation.word_tokenizer import Batch
from foldline.core.params import Augment

MARKS = (".", ",", "!", "?", ";", ":")


def aeda(batch: Batch, *, share: float) -> list[str]:
    """Insert 1 to `share` * words punctuation marks before words (AEDA: Karimi et al., 2021)."""
    words, streams = batch.words, batch.streams
    most = np.maximum(1, (share * words.sizes).astype(np.int64))
    counts = 1 + streams.integers(most)
    positions = np.repeat(words.first, counts) + streams.sample(words.sizes, counts)
    marks = scale(streams.random(counts), np.array(len(MARKS)))
    return words.insert(positions, np.array(MARKS, dtype=object)[marks].tolist())


def swap(batch: Batch, *, share: float) -> list[str]:
    """Swap two words, `share` * words times and at least once (EDA: Wei and Zou, 2019)."""
    words, streams = batch.words, batch.streams
    counts = np.where(words.sizes > 1, _count_changes(share, words.sizes), 0)
    sizes = np.repeat(words.sizes, counts)
    ones = scale(streams.random(counts), sizes)
    others = scale(streams.random(counts), sizes - 1)
    others += others >= ones
    return words.reorder(apply_swaps(words.sizes + 1, counts, ones, others))  # ends stay


def delete(batch: Batch, *, share: float) -> list[str]:
    """Delete each word with probability `share`, at least one, never all (EDA)."""
    words, streams = batch.words, batch.streams
    sizes, first = words.sizes, words.first
    kept = np.ones(len(words), dtype=bool)
    kept[np.repeat(first, sizes) + concatenate_ranges(sizes)] = streams.random(sizes) >= share
    left = np.add.reduceat(kept, first, dtype=np.int64) - 1
    chosen = first + streams.integers(sizes)
    kept[chosen[left == sizes]] = False
    kept[chosen[(left == 0) | (sizes == 1)]] = True
    return words.reorder(np.flatnonzero(kept))


def synonym(batch: Batch, *, share: float, thesaurus: Thesaurus) -> list[str]:
    """Replace `share` * words words by synonyms, at least one (EDA).

    All other bytes of the text stay the same.
    """
    slots, sizes = _find_slots(batch, thesaurus)
    counts = np.minimum(sizes, _count_changes(share, batch.words.sizes))
    positions = batch.streams.sample(sizes, counts).tolist()
    numbers = batch.streams.random(counts).tolist()
    changed, start = [], 0
    for text, own, count in zip(batch.texts, slots, counts.tolist(), strict=True):
        end = start + count
        choices = sorted(zip(positions[start:end], numbers[start:end], strict=True))
        for position, draw in choices[::-1]:
            slot = own[position]
            text = text[: slot.start] + slot.adapt(slot.pick(draw)) + text[slot.end :]
        changed.append(text)
        start = end
    return changed


def insert(batch: Batch, *, share: float, thesaurus: Thesaurus) -> list[str]:
    """Insert synonyms of random words at random positions, `share` * words times (EDA)."""
    words, streams = batch.words, batch.streams
    slots, sizes = _find_slots(batch, thesaurus)
    counts = np.where(sizes > 0, _count_changes(share, words.sizes), 0)
    owners = np.repeat(np.arange(len(slots)), counts).tolist()
    positions = scale(streams.random(counts), np.repeat(sizes, counts)).tolist()
    numbers = streams.random(counts).tolist()
    gaps = np.repeat(words.first, counts) + scale(
        streams.random(counts), np.repeat(words.sizes + 1, counts)
    )
    choices = zip(owners, positions, numbers, strict=True)
    new = [slots[owner][position].pick(number) for owner, position, number in choices]
    return words.insert(gaps, new)


def eda(batch: Batch, *, augment: Augment, thesaurus: Thesaurus) -> list[str]:
    """Apply one of EDA's four changes at random; the next one if that changes nothing."""
    changes: tuple[Callable[[Batch], list[str]], ...] = (
        partial(synonym, share=augment.synonym.share, thesaurus=thesaurus),
        partial(insert, share=augment.insert.share, thesaurus=thesaurus),
        partial(swap, share=augment.swap.share),
        partial(delete, share=augment.delete.share),
    )
    texts = np.array(batch.texts, dtype=object)
    choice = batch.streams.integers(np.full(len(texts), len(changes)))
    unchanged = np.ones(len(texts), dtype=bool)
    for turn in range(len(changes)):
        for number, change in enumerate(changes):
            rows = np.flatnonzero(unchanged & ((choice + turn) % len(changes) == number))
            if len(rows):
                texts[rows] = change(batch.select(rows))
        unchanged &= texts == np.array(batch.texts, dtype=object)
    return list(texts)


def _find_slots(batch: Batch, thesaurus: Thesaurus) -> tuple[list[list[Slot]], np.ndarray]:
    """Return the words of each text that have synonyms, and their number: (texts,)."""
    slots = [
        thesaurus.find_slots(text, label)
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]
    return slots, np.fromiter(map(len, slots), dtype=np.int64, count=len(slots))


def _count_changes(share: float, sizes: np.ndarray) -> np.ndarray:
    return np.maximum(1, np.rint(share * sizes).astype(np.int64))
