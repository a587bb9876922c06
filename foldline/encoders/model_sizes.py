"""Sizes that must fit: weights to config.json, tokenizer to embeddings, texts to positions."""

import math
from functools import cache
from typing import Any

from foldline.core.console import say
from foldline.core.errors import FoldlineError, listing
from foldline.encoders.foreign_code import is_foreign

POOLER = "pooler"  # of BERT; many checkpoints lack it, and fine-tuning trains it
DECODER = "decoder"  # of T5; a sentence encoder needs none
HASHING = ("canine",)  # model types that hash characters, and have no table of token embeddings


def count_embeddings(name: str, model: Any) -> int | float:
    """Return the rows of a model's embedding table; infinite if it has none to compare with.

    A note says where a table was not found, so that the sizes are not compared.
    """
    embeddings = find_embeddings(model)
    if embeddings is not None:
        return int(embeddings.weight.shape[0])
    if not _has_no_table(model):
        _note_unknown(name)
    return math.inf


def find_embeddings(model: Any) -> Any:
    """Return a model's layer of token embeddings; None if it has none, or it is not found.

    Code that a model brings often does not tell which layer that is: then it is the first table of
    as many rows as its config has tokens.
    """
    if _has_no_table(model):
        return None
    embeddings = _get_declared_embeddings(model)
    return _search_embeddings(model) if embeddings is None else embeddings


def count_tokens(tokenizer: Any) -> int:
    """Return one more than the largest token id."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def max_positions(model: Any) -> int | None:
    """Return the most tokens that a model reads, None if unlimited.

    RoBERTa and its relatives number positions from after their padding index. DeBERTa v3 and XLNet
    count them by distance alone.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    limit = int(limit) if limit is not None and limit > 0 else None  # XLNet has -1: no limit
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(module, "num_embeddings"):
            padding = getattr(module, "padding_idx", None)
            table = int(module.num_embeddings) - (0 if padding is None else padding + 1)
            return table if limit is None else min(table, limit)
    return None if getattr(model.config, "relative_attention", False) else limit


def check_length(name: str, model: Any, max_length: int) -> None:
    """Refuse texts longer than a model reads.

    Raises:
        FoldlineError: with the limit.
    """
    longest = max_positions(model)
    if longest and max_length > longest:
        raise FoldlineError(
            f"max_length={max_length} is more than the {longest} tokens that {name} reads; "
            f"set max_length to {longest} or less"
        )


def check_weights(name: str, model: Any, report: Any) -> None:
    """Refuse an encoder that is partly random because its weights do not fit its config.json.

    `report` is transformers' account of the loading. A head may be new.

    Raises:
        FoldlineError: naming a weight that is missing or has another size.
    """
    mismatched = {str(item[0]): item[1:] for item in report["mismatched_keys"]}
    absent = {*report["missing_keys"], *mismatched}
    if getattr(model.config, "auto_map", None) and not is_foreign(model):
        absent |= set(report["unexpected_keys"])  # written by a model of other code
    prefix = f"{model.base_model_prefix}."
    is_base = model.base_model is model
    optional = {POOLER, DECODER} if is_base else {POOLER}
    encoder = {
        key
        for key in absent
        if (is_base or key.startswith(prefix))
        and optional.isdisjoint(key.removeprefix(prefix).split("."))
    }
    if not encoder:
        return
    first = min(encoder)
    sizes = mismatched.get(first)
    detail = f"{first} is {list(sizes[0])} in the file and {list(sizes[1])} by it" if sizes else ""
    raise FoldlineError(
        f"{name}: the weights do not fit its config.json: {detail or listing(sorted(encoder), 3)}"
        f"{'' if detail else ' missing or unknown'}. The model would be partly random: copy "
        "config.json and the weights again from the same model, or choose another one"
    )


def check_vocabulary(key: str, name: str, tokenizer: Any, model: Any) -> None:
    """Refuse a tokenizer without a vocabulary, or with tokens that a model has no embedding of.

    Raises:
        FoldlineError: with both numbers.
    """
    check_filled(key, name, tokenizer)
    tokens, embeddings = count_tokens(tokenizer), count_embeddings(name, model)
    if tokens > embeddings:
        raise FoldlineError(
            f"{key}={name}: its tokenizer has {tokens} tokens and its model embeddings of "
            f"{embeddings}: tokens were added without model.resize_token_embeddings({tokens}), or "
            "the tokenizer is another model's. Copy the tokenizer's files again from where the "
            "model comes from"
        )


def check_filled(key: str, name: str, tokenizer: Any) -> None:
    """Refuse a tokenizer that has special tokens alone: transformers makes one for no files.

    Raises:
        FoldlineError: naming the files.
    """
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise FoldlineError(
            f"{key}={name}: its tokenizer has no vocabulary, only {len(tokenizer)} special tokens; "
            "copy tokenizer.json (or vocab.txt, or the sentencepiece model) there from the model "
            "that it was trained from"
        )


def enlarge_embeddings(name: str, tokenizer: Any, model: Any) -> str | None:
    """Resize a model's embeddings to its tokenizer, and return a note; None if they fit.

    Raises:
        FoldlineError: if there are so many that the tokenizer must be another model's, or the
            model's code cannot resize them.
    """
    tokens, embeddings = count_tokens(tokenizer), count_embeddings(name, model)
    if tokens <= embeddings:
        return None
    if tokens > 2 * embeddings or _get_declared_embeddings(model) is None:
        check_vocabulary("model", name, tokenizer, model)
    model.resize_token_embeddings(tokens)
    return (
        f"note: the tokenizer of {name} has {tokens} tokens and the model had embeddings of "
        f"{embeddings}: {tokens - embeddings} new ones start near the mean of the others"
    )


def _has_no_table(model: Any) -> bool:
    return getattr(getattr(model, "config", None), "model_type", None) in HASHING


def _get_declared_embeddings(model: Any) -> Any:
    """Return the layer that a model declares; Perceiver declares its latent vectors instead."""
    try:
        embeddings = model.get_input_embeddings()
    except NotImplementedError:
        return None
    return embeddings if hasattr(embeddings, "weight") else None


def _search_embeddings(model: Any) -> Any:
    import torch

    size = getattr(model.config.get_text_config(), "vocab_size", None)
    tables = (module for module in model.modules() if isinstance(module, torch.nn.Embedding))
    return next((table for table in tables if table.num_embeddings == size), None)


@cache
def _note_unknown(name: str) -> None:
    """Say once in a process that a model's embeddings could not be counted."""
    say(
        f"note: the token embeddings of {name} were not found, so it is not checked that there is "
        "one for each token of its tokenizer"
    )
