"""Rows as a training sees them: token ids and targets in memory, batches of about one length."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

# The key under which a batch names its rows.
PLACES = "places"


@dataclass(frozen=True)
class Rows:
    """Pieces of texts as token ids (n lists), their targets (n, ...), and whose they are.

    `owners` are the numbers (n,) of the rows that the pieces come from, `ids` all rows' ids.
    """

    columns: dict[str, list[list[int]]]
    target: np.ndarray
    owners: np.ndarray
    ids: list[str]

    @property
    def lengths(self) -> list[int]:
        """Give the number of tokens of each piece."""
        return [len(ids) for ids in self.columns["input_ids"]]

    def by_length(self) -> "Rows":
        """Sort by length: a mean over all pads less and is the same."""
        order = np.argsort(self.lengths, kind="stable")
        columns = {name: [v[i] for i in order] for name, v in self.columns.items()}
        return Rows(columns, self.target[order], self.owners[order], self.ids)

    def in_units(self, mean: float, spread: float) -> "Rows":
        """Give numbers less `mean`, in units of `spread`; classes stay."""
        if self.target.ndim > 1 or self.target.dtype.kind != "f":
            return self
        target = ((self.target - mean) / spread).astype(np.float32)
        return Rows(self.columns, target, self.owners, self.ids)

    def named(self, places: list[int]) -> list[str]:
        """Give the ids of the rows that pieces come from, each once."""
        return list(dict.fromkeys(self.ids[self.owners[place]] for place in places))


class Encoded(Dataset[dict[str, Any]]):
    """Rows for a data loader."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        """Give the number of pieces."""
        return len(self.rows.target)

    def __getitem__(self, place: int) -> dict[str, Any]:
        """Give one piece as the collator wants it."""
        tokens = {name: values[place] for name, values in self.rows.columns.items()}
        return tokens | {"labels": self.rows.target[place], PLACES: place}


def collator(tokenizer: Any) -> Any:
    """Give the function that pads pieces to a batch of tensors."""

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        apart = ("labels", PLACES)
        tokens = [{k: v for k, v in row.items() if k not in apart} for row in rows]
        columns = {name: torch.as_tensor(np.array([row[name] for row in rows])) for name in apart}
        return dict(tokenizer.pad(tokens, return_tensors="pt")) | columns

    return collate
