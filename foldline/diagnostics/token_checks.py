"""Checks of token ids: known, within the embeddings, not truncated, little padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from foldline.core.params import Recipe
from foldline.diagnostics.initial_model import InitialModel, first_epoch_batches, padding_ratio
from foldline.diagnostics.inputs import DiagnosticInputs
from foldline.diagnostics.verdicts import OK, WRONG, Finding, grade
from foldline.models.neural import transformer
from foldline.models.neural.dataset import TokenizedRows
from foldline.models.neural.long_text import make_reader
from foldline.models.neural.ragged_array import RaggedArray
from foldline.models.text_encoding import MAX_UNKNOWN, unknown_share

UNKNOWN_SHARE = 0.02  # of tokens; a suitable subword tokenizer leaves almost none
CUT_LIMITS = (0.1, 1.1)  # of texts: to be looked at, never wrong
PADDING_LIMITS = (0.2, 9.9)  # of positions; bucketed batches of 1,000 rows have less than 0.08
FATAL = ("token ids in range", "unknown tokens")  # a model with such tokens is not trained


def encode_valid(found: DiagnosticInputs, start: InitialModel) -> TokenizedRows:
    """Return the tokenised validation rows."""
    reading = make_reader(found.recipe)
    return transformer.encode_rows(start.tokenizer, found.valid, found.labels, reading)[0]


def check_unknown(start: InitialModel, held: TokenizedRows) -> Finding:
    """Report the share of unknown tokens, in the worse of training and validation rows."""
    name, token = FATAL[1], start.tokenizer.unk_token_id
    if token is None or token == start.tokenizer.eos_token_id:  # GPT-2's bytes know everything
        return Finding(name, OK, "the tokenizer has no unknown token")
    shares = {
        part: unknown_share(start.tokenizer, rows.columns["input_ids"].flat)
        for part, rows in (("train", start.rows), ("valid", held))
    }
    shown = ", ".join(f"{share:.1%} of {part}" for part, share in shares.items())
    advice = (
        "the tokenizer does not cover this script: choose a model for these languages; for "
        "scratch raise scratch.vocabulary, or set scratch.tokenizer to bpe or jamo"
    )
    verdict = grade(max(shares.values()), UNKNOWN_SHARE, MAX_UNKNOWN)
    return Finding(name, verdict, shown, advice, shares)


def check_range(start: InitialModel, held: TokenizedRows) -> Finding:
    """Compare token ids, positions and token types with the sizes of their embeddings."""
    faults, shown = [], []
    for what, most, room in _embedding_limits(start.model, [start.rows, held]):
        shown.append(f"{what} up to {most} of {room}")
        if most >= room:
            faults.append(what)
    advice = (
        f"{' and '.join(faults)} beyond the embeddings: tokenizer and model do not match, "
        "or max_length is more than the model reads"
    )
    return Finding(FATAL[0], WRONG if faults else OK, "; ".join(shown), advice if faults else "")


def check_cut(start: InitialModel, recipe: Recipe) -> Finding:
    """Report how many texts are longer than max_length."""
    lengths = np.array(start.rows.lengths)
    shown = (
        f"{start.cut:.1%} of the texts are longer than max_length={recipe.max_length}; "
        f"pieces have {lengths.mean():.0f} tokens, half of them {np.median(lengths):.0f} or less"
    )
    advice = "raise max_length, or set train.long_text to head_tail or window"
    return Finding("texts cut", grade(start.cut, *CUT_LIMITS), shown, advice, {"share": start.cut})


def check_padding(start: InitialModel, recipe: Recipe) -> Finding:
    """Report the share of padding among the positions of the first epoch's batches."""
    ratio = padding_ratio(
        start.rows, first_epoch_batches(start.rows, recipe.batch_size, recipe.seed)
    )
    share = 1 - 1 / ratio
    shown = f"{share:.1%} of the positions are padding ({ratio:.2f} positions a token)"
    advice = "texts of very different lengths: lower batch_size or max_length"
    return Finding("padding", grade(share, *PADDING_LIMITS), shown, advice, {"ratio": ratio})


def _embedding_limits(model: Any, parts: list[TokenizedRows]) -> Iterator[tuple[str, int, int]]:
    """Yield name, highest index and table size of each embedding."""
    ids = RaggedArray.concatenate([rows.columns["input_ids"] for rows in parts])
    yield "token ids", int(ids.flat.max()), int(model.get_input_embeddings().num_embeddings)
    types = [
        rows.columns["token_type_ids"].flat for rows in parts if "token_type_ids" in rows.columns
    ]
    for name, module in model.named_modules():
        room = getattr(module, "num_embeddings", None)
        if room is None:
            continue
        if name.endswith("token_type_embeddings") and types:
            yield "token types", int(np.concatenate(types).max()), int(room)
        elif name.endswith("position_embeddings"):
            padding_ = getattr(module, "padding_idx", None)
            first = 0 if padding_ is None else padding_ + 1  # RoBERTa starts there
            yield "positions", first + int(ids.lengths.max()) - 1, int(room)
