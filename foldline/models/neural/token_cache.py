"""A cache of token ids, shared by the folds and trials of one process."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from foldline.models.neural.long_text import LongTextReader
from foldline.models.neural.ragged_array import RaggedArray

CHUNK = 5_000  # texts tokenised at once: Python lists take ten times the memory


@dataclass
class TokenCache:
    """Tokenised texts: their pieces' ids, the first piece (n + 1,) of each, which are truncated."""

    columns: dict[str, RaggedArray] = field(default_factory=dict)
    first_piece: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    cut: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    index: dict[tuple[str, str], int] = field(default_factory=dict)

    def encode(
        self, tokenizer: Any, rows: pd.DataFrame, reader: LongTextReader
    ) -> tuple[dict[str, RaggedArray], np.ndarray, np.ndarray]:
        """Return the pieces' ids, their row numbers (k,), and which rows are truncated (n,).

        Equal to the result of `reader.read`; only texts that are not cached are tokenised.
        """
        texts = list(zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True))
        new = dict.fromkeys(text for text in texts if text not in self.index)
        if new or not self.columns:
            self._encode_new(tokenizer, list(new), reader)
        indices = np.array([self.index[text] for text in texts], dtype=np.int64)
        count = np.diff(self.first_piece)[indices]
        piece_rows = np.repeat(np.arange(len(indices)), count)
        if np.array_equal(indices, np.arange(len(self.cut))):
            return self.columns, piece_rows, self.cut
        start = np.cumsum(count) - count
        pieces = np.repeat(self.first_piece[indices] - start, count) + np.arange(len(piece_rows))
        columns = {name: values.take(pieces) for name, values in self.columns.items()}
        return columns, piece_rows, self.cut[indices]

    def _encode_new(
        self, tokenizer: Any, texts: list[tuple[str, str]], reader: LongTextReader
    ) -> None:
        """Tokenise texts and append them to the cache."""
        parts = {name: [values] for name, values in self.columns.items()}
        counts, cuts = [np.diff(self.first_piece)], [self.cut]
        for start in range(0, max(1, len(texts)), CHUNK):
            part = pd.DataFrame(texts[start : start + CHUNK], columns=["text", "text_pair"])
            lists, piece_rows, cut = reader.read(tokenizer, part)
            for name, values in lists.items():
                parts.setdefault(name, []).append(RaggedArray.from_lists(values))
            counts.append(np.bincount(piece_rows, minlength=len(part)))
            cuts.append(cut)
        # Assigned together at the end: an error before leaves the cache unchanged.
        columns = {
            name: RaggedArray.concatenate(parts_of_column)
            for name, parts_of_column in parts.items()
        }
        new_index = {text: len(self.index) + number for number, text in enumerate(texts)}
        self.columns, self.cut = columns, np.concatenate(cuts)
        self.first_piece = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        self.index |= new_index


def encode_cached(
    tokenizer: Any, rows: pd.DataFrame, reader: LongTextReader, shared: bool
) -> tuple[dict[str, RaggedArray], np.ndarray, np.ndarray]:
    """Return the pieces of rows; `shared` caches them for equal tokenizers of this process."""
    identity = _fingerprint(tokenizer) if shared else None
    cache = TokenCache() if identity is None else _shared_cache(identity, reader)
    return cache.encode(tokenizer, rows, reader)


@lru_cache(maxsize=1)
def _shared_cache(identity: str, reader: LongTextReader) -> TokenCache:
    return TokenCache()


def _fingerprint(tokenizer: Any) -> str | None:
    """Hash all that token ids depend on; None for Python tokenizers, which cannot be serialised."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    backend.no_truncation()  # state of the last call
    backend.no_padding()
    names = [*tokenizer.model_input_names, tokenizer.pad_token_id]
    return hashlib.sha256(f"{names}{backend.to_str()}".encode()).hexdigest()
