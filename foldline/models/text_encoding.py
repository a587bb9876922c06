"""Tokenisation of texts and pairs."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError

Columns = dict[str, list[list[int]]]
# A higher share of unknown tokens means that the tokenizer does not fit the texts.
MAX_UNKNOWN = 0.3


def encode(tokenizer: Any, rows: pd.DataFrame, max_length: int) -> Columns:
    """Return token ids of texts or pairs, truncated to `max_length`, without padding.

    Each row decides alone whether it is a pair, so its tokens do not depend on the other rows.
    """
    encoded: Columns = {name: [[]] * len(rows) for name in ("input_ids", "attention_mask")}
    texts, seconds = rows["text"].tolist(), rows["text_pair"].tolist()
    for paired in (False, True):
        indices = [i for i, second in enumerate(seconds) if bool(second) == paired]
        if not indices:
            continue
        pairs = [seconds[i] for i in indices] if paired else None
        tokens = tokenizer(
            [texts[i] for i in indices], pairs, truncation=True, max_length=max_length
        )
        for name, values in tokens.items():
            column = encoded.setdefault(name, [[]] * len(rows))
            for index, ids in zip(indices, values, strict=True):
                column[index] = ids
    return _fill_empty(encoded, tokenizer)


def check_tokens(tokenizer: Any, ids: np.ndarray, name: str) -> None:
    """Refuse a tokenizer that does not know the script of the training tokens `ids` (t,).

    Raises:
        FoldlineError: if more than `MAX_UNKNOWN` of the tokens are unknown.
    """
    unknown = tokenizer.unk_token_id
    # GPT-2 has its end of text as unknown token, but its bytes cover every text.
    if unknown is None or unknown == tokenizer.eos_token_id:
        return
    share = unknown_share(tokenizer, ids)
    if share > MAX_UNKNOWN:
        reason = "it was made for another language. Use another model"
        if name == "scratch":
            reason = "raise scratch.vocabulary, or set scratch.tokenizer to bpe or jamo"
        raise FoldlineError(
            f"model={name}: {share:.0%} of the tokens of the training rows are unknown to its "
            f"tokenizer: {reason}"
        )


def unknown_share(tokenizer: Any, ids: np.ndarray) -> float:
    """Return the share of unknown tokens in (t,), ignoring special tokens such as [CLS]."""
    special = sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
    tokens = ids[~np.isin(ids, special)]
    return int((tokens == tokenizer.unk_token_id).sum()) / max(1, len(tokens))


def _fill_empty(encoded: Columns, tokenizer: Any) -> Columns:
    """Give texts without any token (GPT-2 adds no special ones) a single padding token."""
    filler = {"input_ids": tokenizer.pad_token_id, "attention_mask": 1}
    for index, ids in enumerate(encoded["input_ids"]):
        if not ids:
            for name, column in encoded.items():
                column[index] = [filler.get(name, 0)]
    return encoded
