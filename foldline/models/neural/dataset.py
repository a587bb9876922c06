"""Tokenised rows in memory, as datasets and batches for Trainer."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from foldline.models.neural.prediction import Padding
from foldline.models.neural.ragged_array import RaggedArray

# Keys of a batch for the indices and the sample weights of its rows.
INDICES, WEIGHTS = "indices", "weights"
NON_TOKENS = ("labels", INDICES, WEIGHTS)


@dataclass(frozen=True)
class TokenizedRows:
    """Pieces of texts as token ids (n lists), with their targets (n, ...) and source rows.

    `piece_rows` (n,) are the row numbers of the pieces, `ids` the ids of all rows. `weights` (n,)
    are the sample weights of the pieces, None for 1 each.
    """

    columns: dict[str, RaggedArray]
    target: np.ndarray
    piece_rows: np.ndarray
    ids: list[str]
    weights: np.ndarray | None = None

    @property
    def lengths(self) -> list[int]:
        """Return the number of tokens of each piece."""
        lengths: list[int] = self.columns["input_ids"].lengths.tolist()
        return lengths

    def sort_by_length(self) -> "TokenizedRows":
        """Return the rows sorted by length, which reduces padding in evaluation."""
        order = np.argsort(self.lengths, kind="stable")
        columns = {name: values.take(order) for name, values in self.columns.items()}
        weights = None if self.weights is None else self.weights[order]
        return TokenizedRows(columns, self.target[order], self.piece_rows[order], self.ids, weights)

    def standardise(self, mean: float, spread: float) -> "TokenizedRows":
        """Return the rows with regression targets less `mean`, divided by `std`."""
        if self.target.ndim > 1 or self.target.dtype.kind != "f":
            return self
        return replace(self, target=((self.target - mean) / spread).astype(np.float32))

    def row_ids(self, indices: list[int]) -> list[str]:
        """Return the ids of the rows that pieces come from, each once."""
        return list(dict.fromkeys(self.ids[self.piece_rows[index]] for index in indices))


class TokenDataset(Dataset[dict[str, Any]]):
    """Tokenised rows as a torch dataset."""

    def __init__(self, rows: TokenizedRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.rows.target)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one piece in the collator's format."""
        rows = self.rows
        tokens = {name: values[index] for name, values in rows.columns.items()}
        counts = {} if rows.weights is None else {WEIGHTS: rows.weights[index]}
        return tokens | counts | {"labels": rows.target[index], INDICES: index}


def make_collator(tokenizer: Any) -> Any:
    """Return the function that pads pieces to a batch of tensors."""
    padding = Padding.from_tokenizer(tokenizer)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        names = [name for name in NON_TOKENS if name in rows[0]]
        columns = {name: torch.as_tensor(np.array([row[name] for row in rows])) for name in names}
        return pad_pieces(rows, padding) | columns

    return collate


def pad_pieces(rows: list[dict[str, Any]], padding: Padding) -> dict[str, Any]:
    """Return the tokens of pieces as tensors (n, t), padded to the longest."""
    names = [name for name in rows[0] if name not in NON_TOKENS]
    columns = {name: [row[name] for row in rows] for name in names}
    batch = padding.pad(columns, range(len(rows)))
    return {name: torch.from_numpy(values) for name, values in batch.items()}
