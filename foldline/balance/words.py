"""Changes of whole words, and of the marks between them.

Words are what stands between spaces, in every language; the text comes back with single spaces.
"""

from collections.abc import Callable

from foldline.balance.drawing import Draw
from foldline.balance.thesaurus import Thesaurus
from foldline.frame.params import Augment

MARKS = (".", ",", "!", "?", ";", ":")


def aeda(text: str, draw: Draw, *, share: float) -> str:
    """Put punctuation marks before words, 1 to `share` a word (AEDA: Karimi et al., 2021)."""
    words = text.split()
    if not words:
        return text
    most = max(1, int(share * len(words)))
    for place in draw.places(len(words), 1 + draw.below(most)):
        words[place] = f"{MARKS[draw.below(6)]} {words[place]}"
    return " ".join(words)


def swap(text: str, draw: Draw, *, share: float) -> str:
    """Exchange two words, `share` times a word and at least once (EDA: Wei and Zou, 2019)."""
    words = text.split()
    if len(words) < 2:
        return text
    for _ in range(_count(share, words)):
        one, other = draw.places(len(words), 2)
        words[one], words[other] = words[other], words[one]
    return " ".join(words)


def delete(text: str, draw: Draw, *, share: float) -> str:
    """Drop each word with chance `share`, one at least, never all (EDA: Wei and Zou, 2019)."""
    words = text.split()
    if len(words) < 2:
        return text
    kept = [word for word in words if not draw.chance(share)]
    if not kept:
        return words[draw.below(len(words))]
    if len(kept) == len(words):
        del kept[draw.below(len(words))]
    return " ".join(kept)


def synonym(text: str, draw: Draw, *, label: str, share: float, thesaurus: Thesaurus) -> str:
    """Put synonyms in the place of words, `share` a word and at least one (EDA).

    What stands around a replaced word stays byte for byte.
    """
    slots = thesaurus.slots(text, label)
    count = min(len(slots), _count(share, text.split()))
    chosen = sorted(slots[place] for place in draw.places(len(slots), count))
    for slot in reversed(chosen):
        new = slot.fit(slot.synonyms[draw.below(len(slot.synonyms))])
        text = text[: slot.start] + new + text[slot.end :]
    return text


def insert(text: str, draw: Draw, *, label: str, share: float, thesaurus: Thesaurus) -> str:
    """Put a synonym of some word anywhere between words, `share` times a word (EDA)."""
    slots, words = thesaurus.slots(text, label), text.split()
    if not slots:
        return text
    for _ in range(_count(share, words)):
        synonyms = slots[draw.below(len(slots))].synonyms
        words.insert(draw.below(len(words) + 1), synonyms[draw.below(len(synonyms))])
    return " ".join(words)


def eda(text: str, draw: Draw, *, label: str, augment: Augment, thesaurus: Thesaurus) -> str:
    """Change by one of EDA's four ways, drawn; by the next one where that changes nothing."""
    ways: tuple[Callable[[], str], ...] = (
        lambda: synonym(text, draw, label=label, share=augment.synonym.share, thesaurus=thesaurus),
        lambda: insert(text, draw, label=label, share=augment.insert.share, thesaurus=thesaurus),
        lambda: swap(text, draw, share=augment.swap.share),
        lambda: delete(text, draw, share=augment.delete.share),
    )
    first = draw.below(4)
    for way in (*ways[first:], *ways[:first]):
        changed = way()
        if changed != text:
            return changed
    return text


def _count(share: float, words: list[str]) -> int:
    return max(1, round(share * len(words)))
