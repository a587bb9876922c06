"""Small changes of a text that should not change what it says."""

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from foldline.augmentation import word_augmenters
from foldline.augmentation.hangul import is_hangul
from foldline.augmentation.thesaurus import match_case
from foldline.augmentation.typos import add_typos
from foldline.augmentation.word_tokenizer import Batch
from foldline.evaluation.behaviour.particles import (
    NOUN_ENDING,
    adapt_particle,
    drop_object_particles,
)

Change = Callable[[Batch], list[str]]
_PUNCTUATION = re.compile(r"(?<!\w)[^\w\s@#]+|[^\w\s]+(?!\w)")
# Years and amounts; short numbers, percentages and ratings carry meaning.
_NUMBER = re.compile(r"(?<![\w.,/:-])\d{3,6}(?![\d%/:.,-]|\s*점|\w*[A-Za-z])")


def _map(change: Callable[[str], str]) -> Change:
    return lambda batch: [change(text) for text in batch.texts]


def remove_punctuation(text: str) -> str:
    """Return a text without punctuation marks, except those inside words and numbers."""
    return " ".join(_PUNCTUATION.sub(" ", text).split())


def change_numbers(text: str) -> str:
    """Return a text with another last digit of each number of three or more digits: 2012, 2013."""
    return _NUMBER.sub(lambda match: f"{match[0][:-1]}{int(match[0][-1]) ^ 1}", text)


def remove_spaces(batch: Batch, *, share: float) -> list[str]:
    """Remove each space with probability `share`, at least one."""
    gaps = [text.split() for text in batch.texts]
    sizes = np.array([len(words) - 1 for words in gaps])
    chosen, numbers = batch.streams.integers(sizes), batch.streams.random(sizes)
    changed, start = [], 0
    for words, size, one in zip(gaps, sizes.tolist(), chosen.tolist(), strict=True):
        removed = numbers[start : start + size] < share
        if size and not removed.any():
            removed[one] = True
        start += size
        joints = ["" if own else " " for own in removed.tolist()]
        parts = zip(words, [*joints, ""], strict=True)
        changed.append("".join(word + joint for word, joint in parts))
    return changed


# With a share of what is changed; the names of augmenters are theirs.
SHARED: dict[str, Callable[..., list[str]]] = {
    "noise": add_typos,
    "aeda": word_augmenters.aeda,
    "delete": word_augmenters.delete,
    "swap": word_augmenters.swap,
    "no_space": remove_spaces,
}
PLAIN: dict[str, Change] = {
    "lowercase": _map(str.lower),
    "uppercase": _map(str.upper),
    "no_punctuation": _map(remove_punctuation),
    "numbers": _map(change_numbers),
    "particles": _map(drop_object_particles),
}
PERTURBATIONS = (*SHARED, *PLAIN)


def make_perturbation(name: str, share: float | None) -> Change:
    """Return the change of a name in PERTURBATIONS."""
    return partial(SHARED[name], share=share) if name in SHARED else PLAIN[name]


class TermSwap:
    """Exchanges the terms of a text with others of their groups.

    Latin terms match whole words in any case; Hangul terms match before particles, which are
    adapted to the new term.
    """

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._positions: dict[str, tuple[Sequence[str], int]] = {}
        for group in groups:
            for position, term in enumerate(group):
                self._positions.setdefault(term.lower(), (group, position))
        terms = sorted(self._positions, key=len, reverse=True)
        latin = "|".join(re.escape(term) for term in terms if not is_hangul(term))
        hangul = "|".join(re.escape(term) for term in terms if is_hangul(term))
        arms = [rf"(?<![\w@#/.'’-])(?:{latin})(?![\w@/’'-]|\.\w)"] if latin else []
        if hangul:
            arms.append(f"(?<![가-힣])(?P<hangul>{hangul})(?P<ending>{NOUN_ENDING.pattern})")
        self._pattern = re.compile("|".join(arms), re.IGNORECASE)
        self.shifts = max(len(group) for group in groups) - 1

    def swap(self, text: str, shift: int) -> str:
        """Return a text whose terms are those `shift` places on in their groups, from 1 on."""

        def replace(match: re.Match[str]) -> str:
            own = match.groupdict()
            term = own.get("hangul") or match[0]
            group, position = self._positions[term.lower()]
            step = 1 + (shift - 1) % (len(group) - 1)
            new = group[(position + step) % len(group)]
            if own.get("hangul"):
                return new + adapt_particle(new, own["ending"])
            return match_case(term, new)

        return self._pattern.sub(replace, text)
