"""The table of augmenters: ways to change a text without changing its label.

An augmenter is made from the training rows and the params. A copy depends on nothing but its
source, the seed, its number and the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np
import pandas as pd

from foldline.augmentation import word_augmenters
from foldline.augmentation.backtranslation import BackTranslator
from foldline.augmentation.llm import LlmRewriter
from foldline.augmentation.nlpaug_adapter import augment_with_nlpaug, load_augmenter
from foldline.augmentation.random_streams import RandomStreams
from foldline.augmentation.requests import Augmenter, CopyRequest, TextPair
from foldline.augmentation.sampling_plan import list_methods
from foldline.augmentation.thesaurus import Thesaurus
from foldline.augmentation.typos import add_typos
from foldline.augmentation.word_tokenizer import Batch
from foldline.core.errors import FoldlineError
from foldline.core.io.components import Component, Options, is_component
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Augment

# Texts changed at once: their arrays fit into the processor's cache.
BLOCK_SIZE = 1500


@dataclass
class AugmenterInputs:
    """What augmenters are made from: the training rows, the params, the task and the seed."""

    rows: pd.DataFrame
    augment: Augment
    task: str
    seed: int
    components: Options = field(default_factory=dict)

    @cached_property
    def thesaurus(self) -> Thesaurus:
        """Return the synonyms; their filter is fitted once for all methods that use them."""
        return Thesaurus(self.rows, self.augment.synonym, self.task)


@dataclass(frozen=True)
class TextwiseAugmenter:
    """Changes each text by itself; an empty or blank one stays as it is."""

    seed: int
    method: str
    change: Callable[[Batch], list[str]]

    def __call__(self, requests: list[CopyRequest], attempt: int) -> list[TextPair]:
        """Return the changed texts; each of a pair has its own random numbers."""
        seeds = [derive_seed(self.seed, "augment", self.method, attempt, side) for side in (0, 1)]
        changed: list[TextPair] = []
        for start in range(0, len(requests), BLOCK_SIZE):
            block = requests[start : start + BLOCK_SIZE]
            texts, pairs, *others = map(list, zip(*block, strict=True))
            sides = zip(seeds, (texts, pairs), strict=True)
            changed += zip(
                *(self._change_side(seed, own, *others) for seed, own in sides), strict=True
            )
        return changed

    def _change_side(
        self, seed: int, texts: list[str], labels: list[str], ids: list[str], numbers: list[int]
    ) -> list[str]:
        if not any(texts):
            return texts
        batch = Batch(texts, labels, RandomStreams.create(seed, ids, numbers))
        if all(map(str.strip, texts)):
            return self.change(batch)
        changed, rows = np.array(texts, dtype=object), np.flatnonzero([t.strip() for t in texts])
        changed[rows] = self.change(batch.select(rows)) if len(rows) else []
        return list(changed)


class ComponentAugmenter:
    """Changes texts by an augmenter from components/, whose result is checked."""

    def __init__(self, name: str, options: Options) -> None:
        self.component = Component(name, "augmenter", options)

    def __call__(self, batch: Batch) -> list[str]:
        """Return the changed texts."""
        changed = self.component(batch)
        is_list = isinstance(changed, list) and all(isinstance(text, str) for text in changed)
        if is_list and len(changed) == len(batch.texts):
            return list(changed)
        actual = f"{len(changed)} texts" if is_list else type(changed).__name__
        raise self.component.result_error(actual, f"a list of {len(batch.texts)} str, one a text")


def make_augmenter(name: str, inputs: AugmenterInputs) -> Augmenter:
    """Return the augmenter of a name in AUGMENTERS, or of a component."""
    if is_component(name):
        change = ComponentAugmenter(name, inputs.components)
        return TextwiseAugmenter(inputs.seed, name, change)
    return AUGMENTERS[name](inputs)


class TextAugmenter:
    """Changes texts by the methods that params name, fitted on these rows alone.

    It may be pickled: models and dictionaries are loaded when first needed in a process.

    Raises:
        FoldlineError: if a method lacks its file, model or package.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        augment: Augment,
        task: str,
        seed: int,
        components: Options = MappingProxyType({}),
    ) -> None:
        inputs = AugmenterInputs(rows, augment, task, seed, components)
        self._augmenters = {name: make_augmenter(name, inputs) for name in list_methods(augment)}

    def augment(self, method: str, requests: list[CopyRequest], attempt: int) -> list[TextPair]:
        """Return (text, text_pair) of each request; unchanged where the method cannot change it.

        A result depends on the seed, the request, the method and the attempt, not on the other
        requests.
        """
        return self._augmenters[method](requests, attempt)


def swap_pairs(requests: list[CopyRequest], attempt: int) -> list[TextPair]:
    """Return the two texts of each pair in the other order; a single text stays as it is."""
    return [(r.text_pair, r.text) if r.text_pair else (r.text, "") for r in requests]


def _with_share(
    change: Callable[..., list[str]], name: str
) -> Callable[[AugmenterInputs], Augmenter]:
    def make(inputs: AugmenterInputs) -> Augmenter:
        share = getattr(inputs.augment, name).share
        return TextwiseAugmenter(inputs.seed, name, partial(change, share=share))

    return make


def _with_synonyms(
    change: Callable[..., list[str]], name: str
) -> Callable[[AugmenterInputs], Augmenter]:
    def make(inputs: AugmenterInputs) -> Augmenter:
        share = getattr(inputs.augment, name).share
        own = partial(change, share=share, thesaurus=inputs.thesaurus)
        return TextwiseAugmenter(inputs.seed, name, own)

    return make


def _make_eda(inputs: AugmenterInputs) -> Augmenter:
    change = partial(word_augmenters.eda, augment=inputs.augment, thesaurus=inputs.thesaurus)
    return TextwiseAugmenter(inputs.seed, "eda", change)


def _make_nlpaug(inputs: AugmenterInputs) -> Augmenter:
    load_augmenter(inputs.augment.nlpaug)  # fails before any row is changed
    change = partial(augment_with_nlpaug, options=inputs.augment.nlpaug)
    return TextwiseAugmenter(inputs.seed, "nlpaug", change)


def _make_pairswap(inputs: AugmenterInputs) -> Augmenter:
    if not (inputs.rows["text_pair"] != "").any():
        raise FoldlineError(
            "augment: pairswap exchanges the two texts of a pair, but no training row has a second "
            "one; set data.text_pair to its column, or choose another method"
        )
    return swap_pairs


AUGMENTERS: dict[str, Callable[[AugmenterInputs], Augmenter]] = {
    "aeda": _with_share(word_augmenters.aeda, "aeda"),
    "swap": _with_share(word_augmenters.swap, "swap"),
    "delete": _with_share(word_augmenters.delete, "delete"),
    "insert": _with_synonyms(word_augmenters.insert, "insert"),
    "synonym": _with_synonyms(word_augmenters.synonym, "synonym"),
    "eda": _make_eda,
    "noise": _with_share(add_typos, "noise"),
    "pairswap": _make_pairswap,
    "nlpaug": _make_nlpaug,
    "backtranslation": lambda i: BackTranslator.from_options(i.augment.backtranslation, i.seed),
    "llm": lambda inputs: LlmRewriter(inputs.augment.llm, inputs.seed),
}
