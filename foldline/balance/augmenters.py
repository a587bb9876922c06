"""The table of augmenters: ways to change a text without changing its label.

A method is made from the training rows and the params, and then asked for copies. A copy depends
on nothing but its source, the seed, its number and the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import pandas as pd

from foldline.balance import words
from foldline.balance.adapter import made, nlpaug
from foldline.balance.asks import Ask, Method, Texts
from foldline.balance.drawing import Draw
from foldline.balance.llm import Rewriting
from foldline.balance.noise import noise
from foldline.balance.thesaurus import Thesaurus
from foldline.balance.translation import Backtranslating
from foldline.frame.errors import FoldlineError
from foldline.frame.params import Augment


@dataclass
class Training:
    """What methods are made from: the training rows, the params, the task and the seed."""

    rows: pd.DataFrame
    augment: Augment
    task: str
    seed: int

    @cached_property
    def thesaurus(self) -> Thesaurus:
        """Give the synonyms, whose filter is fitted once for all methods that use them."""
        return Thesaurus(self.rows, self.augment.synonym, self.task)


@dataclass(frozen=True)
class Each:
    """Changes each text for itself; an empty one stays empty."""

    seed: int
    method: str
    change: Callable[..., str]
    labelled: bool = False

    def __call__(self, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give the changed texts; both of a pair are drawn for, the first one first."""
        found = []
        for text, pair, label, name, number in asks:
            draw = Draw(self.seed, "augment", name, self.method, number, attempt)
            change = partial(self.change, label=label) if self.labelled else self.change
            found.append((text and change(text, draw), pair and change(pair, draw)))
        return found


def exchanged(asks: list[Ask], attempt: int) -> list[Texts]:
    """Exchange the texts of each pair; a row with one text stays as it is."""
    return [(a.text_pair, a.text) if a.text_pair else (a.text, "") for a in asks]


def _each(change: Callable[..., str], name: str) -> Callable[[Training], Method]:
    def make(training: Training) -> Method:
        share = getattr(training.augment, name).share
        return Each(training.seed, name, partial(change, share=share))

    return make


def _with_synonyms(change: Callable[..., str], name: str) -> Callable[[Training], Method]:
    def make(training: Training) -> Method:
        share = getattr(training.augment, name).share
        own = partial(change, share=share, thesaurus=training.thesaurus)
        return Each(training.seed, name, own, labelled=True)

    return make


def _eda(training: Training) -> Method:
    own = partial(words.eda, augment=training.augment, thesaurus=training.thesaurus)
    return Each(training.seed, "eda", own, labelled=True)


def _nlpaug(training: Training) -> Method:
    made(training.augment.nlpaug)  # what cannot be used is told before any row is changed
    return Each(training.seed, "nlpaug", partial(nlpaug, options=training.augment.nlpaug))


def _pairswap(training: Training) -> Method:
    if not (training.rows["text_pair"] != "").any():
        raise FoldlineError(
            "augment: pairswap exchanges the two texts of a pair, but no training row has a second "
            "one; set data.text_pair to its column, or choose another method"
        )
    return exchanged


AUGMENTERS: dict[str, Callable[[Training], Method]] = {
    "aeda": _each(words.aeda, "aeda"),
    "swap": _each(words.swap, "swap"),
    "delete": _each(words.delete, "delete"),
    "insert": _with_synonyms(words.insert, "insert"),
    "synonym": _with_synonyms(words.synonym, "synonym"),
    "eda": _eda,
    "noise": _each(noise, "noise"),
    "pairswap": _pairswap,
    "nlpaug": _nlpaug,
    "backtranslation": lambda t: Backtranslating.of(t.augment.backtranslation, t.seed),
    "llm": lambda t: Rewriting(t.augment.llm, t.seed),
}
