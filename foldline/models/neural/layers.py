"""The layers of a transformer of any family, from embeddings to head."""

import re
from typing import Any

import torch

from foldline.core.errors import FoldlineError

# Parameters below the layers: BERT's embeddings, LLaMA's embed_tokens, GPT-2's wte and wpe.
EMBEDDING_NAMES = re.compile(r"embed|\bwte\b|\bwpe\b")


def encoder_layers(model: Any) -> list[Any]:
    """Return the encoder's layers from bottom to top: the outermost ModuleList."""
    for module in model.base_model.modules():
        if isinstance(module, torch.nn.ModuleList):
            return list(module)
    raise FoldlineError(
        f"{type(model).__name__} has no ModuleList of layers: set train.layer_decay to 1.0, "
        "train.trainable_layers to all and train.reinit_layers to 0"
    )


def parameter_depths(model: Any) -> dict[str, int]:
    """Return each parameter's depth: 0 embeddings, 1 the lowest layer, ..., last the head."""
    layers = encoder_layers(model)
    layer_depths = {id(p): d for d, layer in enumerate(layers, 1) for p in layer.parameters()}
    base = {id(p) for p in model.base_model.parameters()}
    depths = {}
    for name, parameter in model.named_parameters():
        is_embedding = id(parameter) in base and EMBEDDING_NAMES.search(name)
        depths[name] = layer_depths.get(id(parameter), 0 if is_embedding else len(layers) + 1)
    return depths


def freeze(model: Any, trainable: str | int) -> None:
    """Freeze all but the head and the top `trainable` layers ("all", "head", or a number).

    Raises:
        FoldlineError: if the model has fewer layers.
    """
    if trainable == "all":
        return
    base = {id(p) for p in model.base_model.parameters()}
    lowest = len(encoder_layers(model)) + 1
    if isinstance(trainable, int):
        lowest -= _check_count(model, "trainable_layers", trainable)
    for name, depth in parameter_depths(model).items():
        parameter = model.get_parameter(name)
        head = id(parameter) not in base
        parameter.requires_grad_(head or (trainable != "head" and depth >= lowest))


def reinitialise(model: Any, count: int) -> None:
    """Reinitialise the top `count` layers and the pooler (Zhang et al., 2021).

    They are the most specific to the pre-training task.

    Raises:
        FoldlineError: if the model has fewer layers.
    """
    if not count:
        return
    top = encoder_layers(model)[-_check_count(model, "reinit_layers", count) :]
    pooler = getattr(model.base_model, "pooler", None)
    for part in [*top, *([pooler] if pooler is not None else [])]:
        for parameter in part.parameters():
            parameter._is_hf_initialized = False  # loaded weights are marked and would be skipped
        for module in part.modules():
            model._init_weights(module)


def find_head(model: Any) -> Any:
    """Return the linear layer that computes the outputs, None if there is none."""
    outputs = model.config.num_labels
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    return next((m for m in reversed(linear) if m.out_features == outputs), None)


def _check_count(model: Any, key: str, count: int) -> int:
    n_layers = len(encoder_layers(model))
    if count > n_layers:
        raise FoldlineError(
            f"train.{key}={count}: the model has {n_layers} layers; set it to {n_layers} or less"
        )
    return count
