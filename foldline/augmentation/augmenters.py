"""The table of augmenters: ways to change a text without changing its label.

A method is made from the training rows and the params, and then asked for copies. A copy depends
on nothing but its source, the seed, its number and the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd

from foldline.augmentation import word_augmenters
from foldline.augmentation.backtranslation import Backtranslating
from foldline.augmentation.llm import Rewriting
from foldline.augmentation.nlpaug_adapter import made, nlpaug
from foldline.augmentation.random_streams import Draws
from foldline.augmentation.requests import Ask, Method, Texts
from foldline.augmentation.thesaurus import Thesaurus
from foldline.augmentation.typos import noise
from foldline.augmentation.word_tokenizer import Batch
from foldline.core.errors import FoldlineError
from foldline.core.io.components import Component, Options, is_component
from foldline.core.io.seeds import derive
from foldline.core.params import Augment

# Texts that are changed at once: their arrays stay in the processor's cache.
BLOCK = 1500


@dataclass
class Training:
    """What methods are made from: the training rows, the params, the task and the seed."""

    rows: pd.DataFrame
    augment: Augment
    task: str
    seed: int
    components: Options = field(default_factory=dict)

    @cached_property
    def thesaurus(self) -> Thesaurus:
        """Give the synonyms, whose filter is fitted once for all methods that use them."""
        return Thesaurus(self.rows, self.augment.synonym, self.task)


@dataclass(frozen=True)
class Each:
    """Changes each text for itself; an empty or blank one stays as it is."""

    seed: int
    method: str
    change: Callable[[Batch], list[str]]

    def __call__(self, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give the changed texts; both of a pair have random numbers of their own."""
        seeds = [derive(self.seed, "augment", self.method, attempt, side) for side in (0, 1)]
        found: list[Texts] = []
        for begin in range(0, len(asks), BLOCK):
            texts, pairs, *others = map(list, zip(*asks[begin : begin + BLOCK], strict=True))
            sides = zip(seeds, (texts, pairs), strict=True)
            found += zip(*(self._side(seed, own, *others) for seed, own in sides), strict=True)
        return found

    def _side(
        self, seed: int, texts: list[str], labels: list[str], names: list[str], numbers: list[int]
    ) -> list[str]:
        if not any(texts):
            return texts
        batch = Batch(texts, labels, Draws.of(seed, names, numbers))
        if all(map(str.strip, texts)):
            return self.change(batch)
        found, full = np.array(texts, dtype=object), np.flatnonzero([t.strip() for t in texts])
        found[full] = self.change(batch.part(full)) if len(full) else []
        return list(found)


class ComponentChange:
    """Change texts by an augmenter from components/, whose result is checked."""

    def __init__(self, name: str, options: Options) -> None:
        self.component = Component(name, "augmenter", options)

    def __call__(self, batch: Batch) -> list[str]:
        """Return the changed texts."""
        changed = self.component(batch)
        right = isinstance(changed, list) and all(isinstance(text, str) for text in changed)
        if right and len(changed) == len(batch.texts):
            return list(changed)
        found = f"{len(changed)} texts" if right else type(changed).__name__
        raise self.component.result_error(found, f"a list of {len(batch.texts)} str, one a text")


def make_method(name: str, training: Training) -> Method:
    """Return the method that a name of AUGMENTERS, or of a component, means."""
    if is_component(name):
        return Each(training.seed, name, ComponentChange(name, training.components))
    return AUGMENTERS[name](training)


def exchanged(asks: list[Ask], attempt: int) -> list[Texts]:
    """Exchange the texts of each pair; a row with one text stays as it is."""
    return [(a.text_pair, a.text) if a.text_pair else (a.text, "") for a in asks]


def _each(change: Callable[..., list[str]], name: str) -> Callable[[Training], Method]:
    def make(training: Training) -> Method:
        share = getattr(training.augment, name).share
        return Each(training.seed, name, partial(change, share=share))

    return make


def _with_synonyms(change: Callable[..., list[str]], name: str) -> Callable[[Training], Method]:
    def make(training: Training) -> Method:
        share = getattr(training.augment, name).share
        own = partial(change, share=share, thesaurus=training.thesaurus)
        return Each(training.seed, name, own)

    return make


def _eda(training: Training) -> Method:
    own = partial(word_augmenters.eda, augment=training.augment, thesaurus=training.thesaurus)
    return Each(training.seed, "eda", own)


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
    "aeda": _each(word_augmenters.aeda, "aeda"),
    "swap": _each(word_augmenters.swap, "swap"),
    "delete": _each(word_augmenters.delete, "delete"),
    "insert": _with_synonyms(word_augmenters.insert, "insert"),
    "synonym": _with_synonyms(word_augmenters.synonym, "synonym"),
    "eda": _eda,
    "noise": _each(noise, "noise"),
    "pairswap": _pairswap,
    "nlpaug": _nlpaug,
    "backtranslation": lambda t: Backtranslating.of(t.augment.backtranslation, t.seed),
    "llm": lambda t: Rewriting(t.augment.llm, t.seed),
}
