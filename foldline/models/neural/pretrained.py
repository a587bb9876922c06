"""A pretrained transformer from a local folder or the Hugging Face hub."""

from pathlib import Path
from typing import Any

import torch

from foldline.core.errors import FoldlineError, closest_name
from foldline.core.io.labels import Labels
from foldline.core.params import KINDS, Recipe
from foldline.core.params.value_types import PRETRAINED
from foldline.core.stage import say
from foldline.encoders import hub, model_sizes


def load(recipe: Recipe, labels: Labels, label_names: dict[str, Any]) -> tuple[Any, Any]:
    """Load tokenizer and model, with a new head for the labels.

    Raises:
        FoldlineError: if neither a folder nor the hub has them, `max_length` exceeds the model's
            limit, or params need a dropout that the model does not have.
    """
    from foldline.models.neural.allocator import reallocate_parameters
    from foldline.models.neural.expert_architectures import register_architectures

    name = recipe.model
    hub.check_folder("model", name)
    register_architectures()
    try:
        tokenizer = hub.load_tokenizer(name)
        model_sizes.check_filled("model", name, tokenizer)
        model = hub.load_model(
            name,
            "AutoModelForSequenceClassification",
            num_labels=labels.outputs,
            ignore_mismatched_sizes=True,
            **label_names,
        )
    except FoldlineError as error:
        raise FoldlineError(f"model: {error}") from error
    except Exception as error:  # each library raises its own errors
        raise FoldlineError(_format_load_error(name, error)) from error
    _fit_tokenizer(tokenizer, model, recipe)
    _set_padding(tokenizer, model)
    hub.fix_token_types(tokenizer, model)
    _check_dropout(model, recipe)
    model_sizes.check_length(name, model, recipe.max_length)
    return tokenizer, reallocate_parameters(model)


def _fit_tokenizer(tokenizer: Any, model: Any, recipe: Recipe) -> None:
    """Resize trainable embeddings to the tokenizer, and note a shorter limit of positions."""
    frozen = {"lora": 0, "trainable_layers": "all"}
    for key, off in frozen.items():
        if getattr(recipe.train, key) != off:
            model_sizes.check_vocabulary("model", recipe.model, tokenizer, model)
    note = model_sizes.enlarge_embeddings(recipe.model, tokenizer, model)
    if note:
        say(note)
    if tokenizer.model_max_length < recipe.max_length:
        say(
            f"note: the tokenizer of {recipe.model} was made for {tokenizer.model_max_length} "
            f"tokens, and max_length is {recipe.max_length}: the model may read longer texts worse"
        )


def _set_padding(tokenizer: Any, model: Any) -> None:
    """Pad after the text, and give models without a padding token (GPT-2, LLaMA) one.

    Padding before the text would shift the absolute positions of GPT-2 and BERT, so that a text's
    output depended on the others. XLNet, which has relative positions, reads its summary at the
    last position and keeps its side.
    """
    if getattr(model.config, "summary_type", None) != "last":
        tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is not None:
            tokenizer.pad_token = tokenizer.eos_token
        else:
            tokenizer.add_special_tokens({"pad_token": "[PAD]"})
            model.resize_token_embeddings(len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id


def _check_dropout(model: Any, recipe: Recipe) -> None:
    """Refuse options that compare samples of dropout for models without dropout."""
    options, name = recipe.train, recipe.model
    base = {id(module) for module in model.base_model.modules()}
    drops = [m for m in model.modules() if isinstance(m, torch.nn.Dropout) and m.p > 0]
    if options.dropout_samples > 1 and all(id(module) in base for module in drops):
        raise FoldlineError(
            f"train.dropout_samples={options.dropout_samples} averages over samples of the dropout "
            f"before the head, but {name} has none; set it to 1, or choose another model"
        )
    # Attention dropout is a value in the config; summary dropouts are modules where used.
    shares = [
        value
        for key, value in model.config.to_dict().items()
        if "drop" in key and not key.startswith("summary_") and isinstance(value, int | float)
    ]
    adapted = options.lora and options.lora_dropout
    if options.rdrop and not (adapted or drops or any(shares)):
        raise FoldlineError(
            f"train.rdrop={options.rdrop} compares samples of dropout, but every dropout in the "
            f"config.json of {name} is 0; set train.rdrop to 0.0, raise a dropout there, or choose "
            "another model"
        )


def _format_load_error(name: str, error: Exception) -> str:
    reason = hub.explain_error(name, error)
    if Path(name).is_dir():
        return f"model={name}: the folder holds no model that transformers can load: {reason}"
    names = {Path(folder).name: folder for folder in hub.list_local_models()} | {
        kind: kind for kind in KINDS
    }
    nearest_name = closest_name(name, names)
    hint = f"Did you mean '{names[nearest_name]}'? " if nearest_name else ""
    return (
        f"model={name} is neither a kind ({', '.join(KINDS)}) nor a folder here, and could not be "
        f"downloaded from the hub. {hint}Without a network, download the model elsewhere and put "
        f"its folder under {PRETRAINED}. ({reason})"
    )
