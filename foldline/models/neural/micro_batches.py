"""Batches split into parts of similar length, where that saves more than it costs.

Losses are sums over rows divided by the rows of the whole step (losses.py), so a step's gradient
does not depend on the split.
"""

from typing import Any

import numpy as np

from foldline.models.neural.dataset import NON_TOKENS

# Fixed cost of a forward and backward pass in positions: on a CPU with AMX, casting weights, adding
# gradients and calling layers takes as long as 320 (384 wide, 6 layers) to 580 (128, 4) positions;
# on slower CPUs fewer.
PASS_COST = 320


def split_batch(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Split a padded batch into parts of its rows, each only as long as its longest row.

    `batch` holds tokens (n, t), padded on either side as `attention_mask` says, and other values by
    row (n, ...). Rows keep their order within a part.
    """
    lengths = batch["attention_mask"].sum(dim=1).cpu().numpy()
    parts = split_lengths(lengths)
    return [batch] if len(parts) == 1 else [_select_rows(batch, np.sort(rows)) for rows in parts]


def split_lengths(lengths: np.ndarray) -> list[np.ndarray]:
    """Return the row numbers of each part of rows with `lengths` (n,) tokens.

    Rows are cut in two where that saves most, and each half again as long as it pays.
    """
    order = np.argsort(lengths, kind="stable")
    return [order[start:end] for start, end in _split_range(lengths[order], 0, len(order))]


def _split_range(sizes: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """Return the (start, end) ranges that the rows from `start` to `end` are split into."""
    if end - start > 1:
        count = np.arange(1, end - start)  # rows in the shorter half
        spared = count * (sizes[end - 1] - sizes[start : end - 1])
        best = int(spared.argmax())
        if spared[best] > PASS_COST:
            middle = start + best + 1
            return [*_split_range(sizes, start, middle), *_split_range(sizes, middle, end)]
    return [(start, end)]


def _select_rows(batch: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    mask = batch["attention_mask"][rows]
    real = mask.any(dim=0)
    part = {name: values[rows] for name, values in batch.items()}
    return {name: v if name in NON_TOKENS else v[:, real] for name, v in part.items()}
