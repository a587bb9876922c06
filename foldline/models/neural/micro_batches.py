"""A batch read in several passes over rows of like lengths, where that spares more than it costs.

Losses are sums over rows, divided by the rows of the whole step (losses.py), so the gradient of a
step is the same however its batches are cut.
"""

from typing import Any

import numpy as np

from foldline.models.neural.dataset import APART

# What a pass costs on a CPU beside its places: to cast the weights, to add up their gradients, and
# to call each layer takes as long as to read 320 (384 wide, 6 layers) to 580 (128, 4) places more
# on a CPU with AMX, and fewer on one whose products are slower.
PASS = 320


def passes(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what a padded batch is read in: parts of its rows, each as long as its longest.

    `batch` holds tokens (n, t), of which `attention_mask` tells the real ones, padded on either
    side, and what stands beside them by row (n, ...). The rows of a part keep their order.
    """
    lengths = batch["attention_mask"].sum(dim=1).cpu().numpy()
    found = cut(lengths)
    return [batch] if len(found) == 1 else [_part(batch, np.sort(rows)) for rows in found]


def cut(lengths: np.ndarray) -> list[np.ndarray]:
    """Share rows of `lengths` (n,) tokens between parts: cut in two where that spares most.

    Each half is cut again as long as it pays. Gives the numbers of each part's rows.
    """
    order = np.argsort(lengths, kind="stable")
    return [order[start:end] for start, end in _halves(lengths[order], 0, len(order))]


def _halves(sizes: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """Give from where to where the rows from `start` to `end` are read together; ascending."""
    if end - start > 1:
        count = np.arange(1, end - start)  # rows of the shorter half
        spared = count * (sizes[end - 1] - sizes[start : end - 1])
        best = int(spared.argmax())
        if spared[best] > PASS:
            middle = start + best + 1
            return [*_halves(sizes, start, middle), *_halves(sizes, middle, end)]
    return [(start, end)]


def _part(batch: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    mask = batch["attention_mask"][rows]
    real = mask.any(dim=0)
    some = {name: values[rows] for name, values in batch.items()}
    return {name: v if name in APART else v[:, real] for name, v in some.items()}
