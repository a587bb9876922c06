"""Checks of token ids: known, within the embeddings, not truncated, little padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from foldline.core.params import Recipe
from foldline.diagnostics.initial_model import InitialModel, first_epoch_batches, padding_ratio
from foldline.diagnostics.inputs import DiagnosticInputs
from foldline.diagnostics.verdicts import OK, WRONG, Finding, grade
from foldline.encoders.model_sizes import find_embeddings
from foldline.models.neural import transformer
from foldline.models.neural.dataset import TokenizedRows
from foldline.models.neural.long_text import make_reader
from foldline.models.neural.ragged_array import RaggedArray
from foldline.models.text_encoding import MAX_UNKNOWN, unknown_share

UNKNOWN_SHARE = 0.02  # of tokens; a suitable subword tokenizer leaves almost none
CUT_LIMITS = (0.1, 1.1)  # of texts: to be looked at, never wrong
PADDING_LIMITS = (0.2, 9.9)  # of positions; bucketed batches of 1,000 rows have less than 0.08
FATAL = ("token ids in range", "unknown tokens")  # a model with such tokens is not trained


def encode_valid(inputs: DiagnosticInputs, initial: InitialModel) -> TokenizedRows:
    """Return the tokenised validation rows."""
    reader = make_reader(inputs.recipe)
    return transformer.encode_rows(initial.tokenizer, inputs.valid, inputs.labels, reader)[0]


def check_unknown(initial: InitialModel, valid: TokenizedRows) -> Finding:
    """Report the share of unknown tokens, in the worse of training and validation rows."""
    name, token = FATAL[1], initial.tokenizer.unk_token_id
    if token is None or token == initial.tokenizer.eos_token_id:  # GPT-2's bytes know everything
        return Finding(name, OK, "the tokenizer has no unknown token")
    shares = {
        part: unknown_share(initial.tokenizer, rows.columns["input_ids"].flat)
        for part, rows in (("train", initial.rows), ("valid", valid))
    }
    summary = ", ".join(f"{share:.1%} of {part}" for part, share in shares.items())
    advice = (
        "the tokenizer does not cover this script: choose a model for these languages; for "
        "scratch raise scratch.vocabulary, or set scratch.tokenizer to bpe or jamo"
    )
    verdict = grade(max(shares.values()), UNKNOWN_SHARE, MAX_UNKNOWN)
    return Finding(name, verdict, summary, advice, shares)


def check_range(initial: InitialModel, valid: TokenizedRows) -> Finding:
    """Compare token ids, positions and token types with the sizes of their embeddings."""
    faults, summary = [], []
    for name, highest, size in _embedding_limits(initial.model, [initial.rows, valid]):
        summary.append(f"{name} up to {highest} of {size}")
        if highest >= size:
            faults.append(name)
    advice = (
        f"{' and '.join(faults)} beyond the embeddings: tokenizer and model do not match, "
        "or max_length is more than the model reads"
    )
    return Finding(FATAL[0], WRONG if faults else OK, "; ".join(summary), advice if faults else "")


def check_cut(initial: InitialModel, recipe: Recipe) -> Finding:
    """Report how many texts are longer than max_length; windows read them all the same."""
    lengths, how = np.array(initial.rows.lengths), recipe.train.long_text
    summary = (
        f"{initial.cut:.1%} of the texts are longer than max_length={recipe.max_length}; "
        f"pieces have {lengths.mean():.0f} tokens, half of them {np.median(lengths):.0f} or less"
    )
    advice = "raise max_length, or set train.long_text to window, which reads all"
    if how != "head_tail":
        advice += ", or to head_tail, which also reads the end"
    verdict = OK if how == "window" else grade(initial.cut, *CUT_LIMITS)
    return Finding("texts cut", verdict, summary, advice, {"share": initial.cut})


def check_padding(initial: InitialModel, recipe: Recipe) -> Finding:
    """Report the share of padding among the positions of the first epoch's batches."""
    ratio = padding_ratio(
        initial.rows, first_epoch_batches(initial.rows, recipe.batch_size, recipe.seed)
    )
    share = 1 - 1 / ratio
    summary = f"{share:.1%} of the positions are padding ({ratio:.2f} positions a token)"
    advice = "texts of very different lengths: lower batch_size or max_length"
    return Finding("padding", grade(share, *PADDING_LIMITS), summary, advice, {"ratio": ratio})


def _embedding_limits(model: Any, parts: list[TokenizedRows]) -> Iterator[tuple[str, int, int]]:
    """Yield name, highest index and table size of each embedding."""
    ids = RaggedArray.concatenate([rows.columns["input_ids"] for rows in parts])
    embeddings = find_embeddings(model)
    if embeddings is not None:
        yield "token ids", int(ids.flat.max()), int(embeddings.weight.shape[0])
    types = [
        rows.columns["token_type_ids"].flat for rows in parts if "token_type_ids" in rows.columns
    ]
    for name, module in model.named_modules():
        size = getattr(module, "num_embeddings", None)
        if size is None:
            continue
        if name.endswith("token_type_embeddings") and types:
            yield "token types", int(np.concatenate(types).max()), int(size)
        elif name.endswith("position_embeddings"):
            padding = getattr(module, "padding_idx", None)
            first = 0 if padding is None else padding + 1  # RoBERTa starts there
            yield "positions", first + int(ids.lengths.max()) - 1, int(size)
