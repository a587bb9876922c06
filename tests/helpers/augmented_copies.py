"""Copies of one text by a method of a batch, each with random numbers of its own."""

from collections.abc import Callable
from typing import Any

from foldline.augmentation.random_streams import RandomStreams
from foldline.augmentation.word_tokenizer import Batch


def copies(
    change: Callable[..., list[str]],
    text: str,
    count: int,
    label: str = "",
    seed: int = 0,
    **options: Any,
) -> list[str]:
    """Return `count` changed copies of a text."""
    streams = RandomStreams.create(seed, ["row"] * count, list(range(count)))
    return change(Batch([text] * count, [label] * count, streams), **options)
