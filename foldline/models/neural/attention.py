"""Faster attention: eager kernels for short texts, inputs cast once, the first token alone."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from foldline.core.params import Recipe
from foldline.models.neural.precision import resolve_precision

# Families with BERT's attention module.
FAMILIES = ("Bert", "Roberta", "XLMRoberta", "Camembert", "Electra")
# Tokens of a short text: eager attention stores a value for each pair of tokens and head.
SHORT_TEXT = 128


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Use the eager attention implementation of transformers inside the block."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def inputs_cast_once(model: Any) -> Iterator[None]:
    """Cast the input of queries, keys and values to lower precision once, inside the block.

    Autocast would cast it three times and cast each gradient back: a sixtieth of a step on a CPU.
    Outputs are identical; gradients differ by one rounding.
    """

    def cast(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return cast_to_autocast(inputs[0]), *inputs[1:]

    attention_classes = {f"{family}SelfAttention" for family in FAMILIES}
    parts = [module for module in model.modules() if type(module).__name__ in attention_classes]
    hooks = [module.register_forward_pre_hook(cast) for module in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def cast_to_autocast(tokens: torch.Tensor) -> torch.Tensor:
    """Return tokens in autocast's precision if autocast is on."""
    device = tokens.device.type
    lower = torch.is_autocast_enabled(device)
    return tokens.to(torch.get_autocast_dtype(device)) if lower else tokens


@contextmanager
def training_attention(model: Any, recipe: Recipe) -> Iterator[None]:
    """Use the attention with the fastest backward pass inside the block.

    For short texts in bfloat16 on a CPU this is eager attention: torch's fused attention takes 1.2
    to 2 times as long backward with dropout, up to six times without. Inference, float32 and long
    texts, for which eager attention needs too much memory, keep the fused one.
    """
    with ExitStack() as changes:
        if (
            resolve_precision(recipe.train.precision) == "bfloat16"
            and not torch.cuda.is_available()
        ):
            changes.enter_context(inputs_cast_once(model))
            if recipe.max_length <= SHORT_TEXT:
                changes.enter_context(eager_attention(model))
        yield


@contextmanager
def first_token_only(model: Any) -> Iterator[None]:
    """Compute the last layer for the first token alone, inside the block.

    Outputs and gradients stay the same: of the other tokens the head needs only keys and values,
    which saves five sixths of the layer's products. Models with another kind of head are left
    alone.
    """
    layer = find_last_layer(model)
    if layer is None or "forward" in vars(layer):  # another kind of head, or nested blocks
        yield
        return
    layer.forward = _FirstTokenForward(layer)
    try:
        yield
    finally:
        del layer.forward


def find_last_layer(model: Any) -> Any:
    """Return the last layer of a model whose head reads the first token, None for other models."""
    for module in model.modules():
        name = type(module).__name__
        if isinstance(module, PreTrainedModel) and name.endswith("ForSequenceClassification"):
            base: Any = module.base_model
            family = name.removesuffix("ForSequenceClassification").removesuffix("Experts")
            return base.encoder.layer[-1] if family in FAMILIES else None
    return None


class _FirstTokenForward:
    """A layer's forward that returns outputs (b, 1, width) for (b, t, width) tokens."""

    def __init__(self, layer: Any) -> None:
        attention_class = type(layer.attention.self)
        cross_attention = attention_class.__name__.replace("Self", "Cross")
        self.layer, self.attend = (
            layer,
            getattr(sys.modules[attention_class.__module__], cross_attention).forward,
        )

    def __call__(self, tokens: Any, mask: Any = None, *_: Any, **__: Any) -> Any:
        first, attention = tokens[:, :1], self.layer.attention
        first_mask = None if mask is None else mask[:, :, :1]
        context, _ = self.attend(attention.self, first, cast_to_autocast(tokens), first_mask)
        return self.layer.feed_forward_chunk(attention.output(context, first))
