"""Attention in plain products, where torch's fused kernels are slower or cannot be written down."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from foldline.frame.params import Recipe
from foldline.modeling.neural.precision import resolved

# Tokens of a short text: plain products keep a number for each pair of tokens and head.
SHORT = 128


@contextmanager
def plain(model: Any) -> Iterator[None]:
    """Let a model of transformers attend by plain products, then as before."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def to_learn(model: Any, recipe: Recipe) -> AbstractContextManager[None]:
    """Let a model attend in training by what is fastest backward.

    For short texts in bfloat16 on a CPU these are plain products: torch's fused attention takes
    1.2 to 2 times as long backward with dropout, and up to six times without. Forward alone, in
    float32, or over long texts, for which plain products take memory, it stays.
    """
    half = resolved(recipe.train.precision) == "bfloat16"
    faster = half and recipe.max_length <= SHORT and not torch.cuda.is_available()
    return plain(model) if faster else nullcontext()
