"""Outputs of a transformer for many texts, batched by length and returned in order.

Trainer's `group_by_length` returns predictions in its own order; here each output keeps its row.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foldline.models.neural.allocator import retain_freed_memory
from foldline.models.neural.attention import first_token_only
from foldline.models.neural.layers import find_head
from foldline.models.text_encoding import Columns

# Positions of a batch: long texts take no more memory.
MAX_POSITIONS = 4096
# Padded positions of a batch: about the fixed cost of another batch.
MAX_PADDING = 64


@dataclass(frozen=True)
class Padding:
    """The fill values of padded positions, and the side they are on."""

    fill: dict[str, int]
    left: bool

    @classmethod
    def from_tokenizer(cls, tokenizer: Any) -> "Padding":
        """Return a tokenizer's padding."""
        fill = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        return cls(fill, tokenizer.padding_side == "left")

    def pad(self, columns: Any, indices: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """Return (b, t) integers of some rows, padded to the longest of them."""
        longest = max(len(columns["input_ids"][index]) for index in indices)
        batch = {}
        for name, values in columns.items():
            padded = np.full((len(indices), longest), self.fill.get(name, 0), dtype=np.int64)
            for row, index in zip(padded, indices, strict=True):
                ids = values[index]
                row[slice(longest - len(ids), None) if self.left else slice(len(ids))] = ids
            batch[name] = padded
        return batch


def batch_by_length(columns: Columns) -> Iterator[np.ndarray]:
    """Yield the row numbers of each batch, the longest rows first.

    A batch below MAX_POSITIONS ends between two lengths, before it exceeds MAX_PADDING.
    """
    lengths = np.array([len(ids) for ids in columns["input_ids"]], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    falling = -lengths[order]
    start = 0
    while start < len(order):
        longest = falling[start]
        candidates = falling[start : start + max(1, MAX_POSITIONS // max(1, -longest))]
        size = int(np.searchsorted(np.cumsum(candidates - longest), MAX_PADDING, side="right"))
        if size < len(candidates) and candidates[size - 1] > longest:
            size = int(np.searchsorted(candidates, candidates[size], side="left"))
        yield order[start : start + size]
        start += size


def predict_logits(model: Any, columns: Columns, padding: Padding) -> np.ndarray:
    """Return (n, c) outputs in the order of the rows."""
    logits = np.zeros((len(columns["input_ids"]), model.config.num_labels))
    model.eval()
    retain_freed_memory()
    with torch.inference_mode(), first_token_only(model):
        for indices in batch_by_length(columns):
            batch = padding.pad(columns, indices)
            inputs = {name: torch.from_numpy(v).to(model.device) for name, v in batch.items()}
            logits[indices] = model(**inputs).logits.float().cpu().numpy()
    return logits


def to_bfloat16(model: Any) -> Any:
    """Return a copy with bfloat16 weights, except for the head: outputs keep their digits.

    A bfloat16 has three decimal digits, too few for a value like 1.234 or for a probability.
    """
    half = copy.deepcopy(model)
    for parameter in half.parameters():
        # Parameters only: LLaMA's rotary angles are a buffer, and would be off by a radian.
        parameter.data = parameter.data.to(torch.bfloat16)
    head = find_head(half)
    if head is not None:
        head.float()
        head.register_forward_pre_hook(lambda _, given: (given[0].float(), *given[1:]))
    return half
