"""Changes of whole words, and of the marks between them; the texts come back with single spaces."""

from collections.abc import Callable
from functools import partial

import numpy as np

from foldline.augmentation.random_streams import exchanged, ranges, scaled
from foldline.augmentation.thesaurus import Slot, Thesaurus
from foldline.augmentation.word_tokenizer import Batch
from foldline.core.params import Augment

MARKS = (".", ",", "!", "?", ";", ":")


def aeda(batch: Batch, *, share: float) -> list[str]:
    """Put punctuation marks before words, 1 to `share` a word (AEDA: Karimi et al., 2021)."""
    words, draws = batch.words, batch.draws
    most = np.maximum(1, (share * words.sizes).astype(np.int64))
    counts = 1 + draws.below(most)
    places = np.repeat(words.first, counts) + draws.places(words.sizes, counts)
    marks = scaled(draws.shares(counts), np.array(len(MARKS)))
    return words.inserted(places, np.array(MARKS, dtype=object)[marks].tolist())


def swap(batch: Batch, *, share: float) -> list[str]:
    """Exchange two words, `share` times a word and at least once (EDA: Wei and Zou, 2019)."""
    words, draws = batch.words, batch.draws
    counts = np.where(words.sizes > 1, _counts(share, words.sizes), 0)
    sizes = np.repeat(words.sizes, counts)
    ones = scaled(draws.shares(counts), sizes)
    others = scaled(draws.shares(counts), sizes - 1)
    others += others >= ones
    return words.ordered(exchanged(words.sizes + 1, counts, ones, others))  # ends stay


def delete(batch: Batch, *, share: float) -> list[str]:
    """Drop each word with chance `share`, one at least, never all (EDA: Wei and Zou, 2019)."""
    words, draws = batch.words, batch.draws
    sizes, first = words.sizes, words.first
    kept = np.ones(len(words), dtype=bool)
    kept[np.repeat(first, sizes) + ranges(sizes)] = draws.shares(sizes) >= share
    left = np.add.reduceat(kept, first, dtype=np.int64) - 1
    drawn = first + draws.below(sizes)
    kept[drawn[left == sizes]] = False
    kept[drawn[(left == 0) | (sizes == 1)]] = True
    return words.ordered(np.flatnonzero(kept))


def synonym(batch: Batch, *, share: float, thesaurus: Thesaurus) -> list[str]:
    """Put synonyms in the place of words, `share` a word and at least one (EDA).

    What stands around a replaced word stays byte for byte.
    """
    slots, sizes = _slots(batch, thesaurus)
    counts = np.minimum(sizes, _counts(share, batch.words.sizes))
    places = batch.draws.places(sizes, counts).tolist()
    shares = batch.draws.shares(counts).tolist()
    found, begin = [], 0
    for text, own, count in zip(batch.texts, slots, counts.tolist(), strict=True):
        end = begin + count
        for place, drawn in sorted(zip(places[begin:end], shares[begin:end], strict=True))[::-1]:
            slot = own[place]
            text = text[: slot.start] + slot.fit(slot.drawn(drawn)) + text[slot.end :]
        found.append(text)
        begin = end
    return found


def insert(batch: Batch, *, share: float, thesaurus: Thesaurus) -> list[str]:
    """Put a synonym of some word anywhere between words, `share` times a word (EDA)."""
    words, draws = batch.words, batch.draws
    slots, sizes = _slots(batch, thesaurus)
    counts = np.where(sizes > 0, _counts(share, words.sizes), 0)
    owners = np.repeat(np.arange(len(slots)), counts).tolist()
    places = scaled(draws.shares(counts), np.repeat(sizes, counts)).tolist()
    shares = draws.shares(counts).tolist()
    gaps = np.repeat(words.first, counts) + scaled(
        draws.shares(counts), np.repeat(words.sizes + 1, counts)
    )
    drawn = zip(owners, places, shares, strict=True)
    new = [slots[owner][place].drawn(share) for owner, place, share in drawn]
    return words.inserted(gaps, new)


def eda(batch: Batch, *, augment: Augment, thesaurus: Thesaurus) -> list[str]:
    """Change by one of EDA's four ways, drawn; by the next one where that changes nothing."""
    ways: tuple[Callable[[Batch], list[str]], ...] = (
        partial(synonym, share=augment.synonym.share, thesaurus=thesaurus),
        partial(insert, share=augment.insert.share, thesaurus=thesaurus),
        partial(swap, share=augment.swap.share),
        partial(delete, share=augment.delete.share),
    )
    found = np.array(batch.texts, dtype=object)
    drawn = batch.draws.below(np.full(len(found), len(ways)))
    waiting = np.ones(len(found), dtype=bool)
    for turn in range(len(ways)):
        for number, way in enumerate(ways):
            rows = np.flatnonzero(waiting & ((drawn + turn) % len(ways) == number))
            if len(rows):
                found[rows] = way(batch.part(rows))
        waiting &= found == np.array(batch.texts, dtype=object)
    return list(found)


def _slots(batch: Batch, thesaurus: Thesaurus) -> tuple[list[list[Slot]], np.ndarray]:
    """Give the words of each text that have synonyms, and their number: (texts,)."""
    slots = [
        thesaurus.slots(text, label) for text, label in zip(batch.texts, batch.labels, strict=True)
    ]
    return slots, np.fromiter(map(len, slots), dtype=np.int64, count=len(slots))


def _counts(share: float, sizes: np.ndarray) -> np.ndarray:
    return np.maximum(1, np.rint(share * sizes).astype(np.int64))
