"""The last layer of a model whose head reads the first token alone: no other is calculated."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import PreTrainedModel

from foldline.models.neural.attention import FAMILIES, cast_to_autocast


@contextmanager
def first_token_only(model: Any) -> Iterator[None]:
    """Spare what no head reads, in training and prediction: outputs and gradients stay.

    Of the last layer, only keys and values are needed of other tokens; five sixths of its products
    are not. A model of another kind is left as it is.
    """
    layer = find_last_layer(model)
    if layer is None or "forward" in vars(layer):  # of another kind, or within such a block
        yield
        return
    layer.forward = _FirstTokenForward(layer)
    try:
        yield
    finally:
        del layer.forward


def find_last_layer(model: Any) -> Any:
    """Give the last layer of a model whose head reads the first token; None of any other."""
    for module in model.modules():
        name = type(module).__name__
        if isinstance(module, PreTrainedModel) and name.endswith("ForSequenceClassification"):
            base: Any = module.base_model
            known = name.removesuffix("ForSequenceClassification") in FAMILIES
            return base.encoder.layer[-1] if known else None
    return None


class _FirstTokenForward:
    """A layer's outputs (b, 1, width) for the first of (b, t, width) tokens."""

    def __init__(self, layer: Any) -> None:
        own = type(layer.attention.self)
        cross = own.__name__.replace("Self", "Cross")
        self.layer, self.attend = layer, getattr(sys.modules[own.__module__], cross).forward

    def __call__(self, tokens: Any, mask: Any = None, *_: Any, **__: Any) -> Any:
        first, attention = tokens[:, :1], self.layer.attention
        seen = None if mask is None else mask[:, :, :1]
        found, _ = self.attend(attention.self, first, cast_to_autocast(tokens), seen)
        return self.layer.feed_forward_chunk(attention.output(found, first))
