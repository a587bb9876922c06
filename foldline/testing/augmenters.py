"""Checks of augmenters: ways to change a text without changing its label."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from foldline.augmentation.augmenters import TextwiseAugmenter
from foldline.augmentation.requests import CopyRequest, TextPair
from foldline.augmentation.word_tokenizer import Batch
from foldline.testing.contract import get_function, require
from foldline.testing.sample_data import TEXTS

Change = Callable[[list[CopyRequest], int], list[TextPair]]
LIVELY = "the one quick two brown three fox nine. ten twelve because believe"


def check_augmenter(part: Any, options: Mapping[str, Any] | None = None) -> None:
    """Check an augmenter: a function `augment(batch, **options)`, or a module that defines it.

    Raises:
        ContractError: naming what is wrong and what to change.
    """
    function = get_function(part, "augment", options)

    def change(batch: Batch) -> list[str]:
        before = list(batch.texts)
        changed = function(batch)
        right = isinstance(changed, list) and all(isinstance(text, str) for text in changed)
        require(
            right and len(changed) == len(before),
            f"{len(changed) if right else type(changed).__name__} came back for "
            f"{len(before)} texts",
            "Return a list with one changed str for each of `batch.texts`, in their order",
        )
        require(
            batch.texts == before, "`augment` changed `batch.texts`", "Return a new list of texts"
        )
        return list(changed)

    first, second = (TextwiseAugmenter(seed, "own", change) for seed in (1, 2))
    check_copies(first)
    check_independence(first, first)
    check_variety(first, second)


def sample_requests(number: int = 0) -> list[CopyRequest]:
    """Return a copy to be made of each sample text, as one of a pair."""
    return [CopyRequest(text, text[::-1], "food", f"r{n}", number) for n, text in enumerate(TEXTS)]


def check_copies(change: Change) -> None:
    """Check that any text is changed to a text, the same at each call, by no global generator."""
    requests, states = sample_requests(), (random.getstate(), np.random.get_state())
    copies = change(requests, 0)
    require(
        len(copies) == len(requests) and all(isinstance(t, str) for texts in copies for t in texts),
        f"{len(copies)} copies came back for {len(requests)}, or not all are texts",
        "Return one changed str for each text",
    )
    for request, texts in zip(requests, copies, strict=True):
        before = (request.text.strip(), request.text_pair.strip())
        require(
            [bool(text.strip()) for text in texts] == [bool(text) for text in before],
            f"{request.text[:40]!r} became {texts[0][:40]!r}",
            "Never empty a text; return it unchanged where it cannot be changed",
        )
    after = random.getstate(), np.random.get_state()
    require(
        after[0] == states[0]
        and all(np.array_equal(a, b) for a, b in zip(after[1], states[1], strict=True)),
        "the augmenter draws from the global generator of `random` or `numpy.random`",
        "Draw from `batch.generators()` or `batch.streams` alone, so that the seed decides all",
    )
    require(
        change(requests, 0) == copies,
        "the same copies came out differently at a second call",
        "Draw from `batch.generators()` or `batch.streams` alone, and keep nothing between calls",
    )


def check_independence(change: Change, other: Change) -> None:
    """Check that a copy is the same alone and among others; `other` is `change` made anew."""
    together = change(sample_requests(3), 1)
    alone = [other([request], 1)[0] for request in reversed(sample_requests(3))]
    require(
        alone[::-1] == together,
        "a copy made alone differs from the same copy made among others",
        "Take one generator of `batch.generators()` for each text, and change it by that alone",
    )


def check_variety(
    change: Change, other_seed: Change | None, text: str = LIVELY, random_copies: bool = True
) -> None:
    """Check that most copies differ from their source, from each other, and by seed."""
    requests = [CopyRequest(text, "x y", "food", "r", number) for number in range(16)]
    copies = change(requests, 0)
    changed = sum(copy != text for copy, _ in copies)
    require(
        changed >= 8,
        f"{changed} of 16 copies of {text!r} differ from it",
        "Change most texts: a copy that equals its source adds nothing",
    )
    if not random_copies:
        return
    advice = "Draw from `batch.generators()`: each copy, try and seed has random numbers of its own"
    require(len(set(copies)) > 2, "all 16 copies of a text are about the same", advice)
    require(change(requests, 1) != copies, "a second try makes the same copies", advice)
    require(other_seed is None or other_seed(requests, 0) != copies, "two seeds agree", advice)
