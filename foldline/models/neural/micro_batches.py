"""A batch read in several passes over rows of like lengths, where that spares more than it costs.

Losses are sums over rows, divided by the rows of the whole step (losses.py), so the gradient of a
step is the same however its batches are cut.
"""

from typing import Any

import numpy as np

from foldline.models.neural.dataset import NON_TOKENS

# What a pass costs on a CPU beside its places: to cast the weights, to add up their gradients, and
# to call each layer takes as long as to read 320 (384 wide, 6 layers) to 580 (128, 4) places more
# on a CPU with AMX, and fewer on one whose products are slower.
PASS_COST = 320


def split_batch(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what a padded batch is read in: parts of its rows, each as long as its longest.

    `batch` holds tokens (n, t), of which `attention_mask` tells the real ones, padded on either
    side, and what stands beside them by row (n, ...). The rows of a part keep their order.
    """
    lengths = batch["attention_mask"].sum(dim=1).cpu().numpy()
    found = split_lengths(lengths)
    return [batch] if len(found) == 1 else [_select_rows(batch, np.sort(rows)) for rows in found]


def split_lengths(lengths: np.ndarray) -> list[np.ndarray]:
    """Share rows of `lengths` (n,) tokens between parts: cut in two where that spares most.

    Each half is cut again as long as it pays. Gives the numbers of each part's rows.
    """
    order = np.argsort(lengths, kind="stable")
    return [order[start:end] for start, end in _split_range(lengths[order], 0, len(order))]


def _split_range(sizes: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """Give from where to where the rows from `start` to `end` are read together; ascending."""
    if end - start > 1:
        count = np.arange(1, end - start)  # rows of the shorter half
        spared = count * (sizes[end - 1] - sizes[start : end - 1])
        best = int(spared.argmax())
        if spared[best] > PASS_COST:
            middle = start + best + 1
            return [*_split_range(sizes, start, middle), *_split_range(sizes, middle, end)]
    return [(start, end)]


def _select_rows(batch: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    mask = batch["attention_mask"][rows]
    real = mask.any(dim=0)
    some = {name: values[rows] for name, values in batch.items()}
    return {name: v if name in NON_TOKENS else v[:, real] for name, v in some.items()}
