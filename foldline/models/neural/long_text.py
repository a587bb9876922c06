"""Texts longer than the model's input: head, tail, both, or all of it in windows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.params import Recipe
from foldline.models.text_encoding import Columns, encode

NO_LIMIT = 10**9  # tokens; longer than any text
HEAD_FRACTION = 4  # 1 / 4 from the head: 128 of 510 tokens (Sun et al., 2019)


@dataclass(frozen=True)
class LongTextReader:
    """How texts of more than `max_length` tokens are tokenised.

    `window` trains on each piece with the text's label, and pools the outputs of the pieces for a
    prediction (Wang et al., 2019, multi-passage BERT). Of a pair the longer text is cut into
    pieces, and the other one is repeated with each.
    """

    how: str
    overlap: float
    pooling: str
    max_length: int

    def read(self, tokenizer: Any, rows: pd.DataFrame) -> tuple[Columns, np.ndarray, np.ndarray]:
        """Return the pieces' token ids, their row numbers (k,), and which rows are truncated (n,).

        Pieces are in the order of the rows; except for `window` each row is one piece.
        """
        tokenizer.truncation_side = "left" if self.how == "tail" else "right"
        is_truncated_only = self.how in ("head", "tail")
        columns = encode(tokenizer, rows, self.max_length if is_truncated_only else NO_LIMIT)
        lengths = np.array([len(ids) for ids in columns["input_ids"]], dtype=np.int64)
        cut = lengths > self.max_length
        if is_truncated_only:
            for row in np.flatnonzero(lengths == self.max_length).tolist():
                cut[row] = len(_encode_whole(tokenizer, rows, row)["input_ids"]) > self.max_length
            return columns, np.arange(len(rows)), cut
        return *self._cut_to_pieces(tokenizer, rows, columns, cut), cut

    def pool(self, outputs: np.ndarray, piece_rows: np.ndarray, rows: int) -> np.ndarray:
        """Return (n, c) outputs of rows from (k, c) outputs of their pieces."""
        shape = (rows, outputs.shape[1])
        if self.pooling == "max":
            maximum = np.full(shape, -np.inf)
            np.maximum.at(maximum, piece_rows, outputs)
            return maximum
        total = np.zeros(shape)
        np.add.at(total, piece_rows, outputs)
        return total / np.bincount(piece_rows, minlength=rows)[:, None]

    def _cut_to_pieces(
        self, tokenizer: Any, rows: pd.DataFrame, columns: Columns, cut: np.ndarray
    ) -> tuple[Columns, np.ndarray]:
        pieces: Columns = {name: [] for name in columns}
        piece_rows = []
        for row, long in enumerate(cut.tolist()):
            all_positions = list(range(len(columns["input_ids"][row])))
            windows = [all_positions]
            if long:
                windows = self.piece_positions(_encode_whole(tokenizer, rows, row).sequence_ids(0))
            piece_rows += [row] * len(windows)
            for name, values in columns.items():
                pieces[name] += [[values[row][i] for i in positions] for positions in windows]
        return pieces, np.array(piece_rows, dtype=np.int64)

    def piece_positions(self, sides: list[int | None]) -> list[list[int]]:
        """Return each piece's token positions; `sides`: each token's text, None if special."""
        special = [i for i, side in enumerate(sides) if side is None]
        first, second = ([i for i, side in enumerate(sides) if side == k] for k in (0, 1))
        budget = max(1, self.max_length - len(special))
        short, long = sorted((first, second), key=len)
        if self.how == "head_tail":
            short = _keep_ends(short, max(budget // 2, budget - len(long)))
            return [sorted(special + short + _keep_ends(long, budget - len(short)))]
        short = short[: budget // 2]
        width = budget - len(short)
        step = max(1, width - int(self.overlap * width))
        starts = [*range(0, len(long) - width, step), len(long) - width]
        return [sorted(special + short + long[i : i + width]) for i in starts]


def make_reader(recipe: Recipe) -> LongTextReader:
    """Return the long-text settings of a recipe."""
    options = recipe.train
    return LongTextReader(
        options.long_text, options.window_overlap, options.window_pooling, recipe.max_length
    )


def _keep_ends(positions: list[int], count: int) -> list[int]:
    """Keep so many positions: a quarter from the head, the rest from the tail."""
    if len(positions) <= count:
        return positions
    head = count // HEAD_FRACTION
    return positions[:head] + positions[len(positions) - (count - head) :]


def _encode_whole(tokenizer: Any, rows: pd.DataFrame, row: int) -> Any:
    """Return one row's tokens without truncation."""
    text, pair = rows["text"].iloc[row], rows["text_pair"].iloc[row]
    return tokenizer(text, pair or None, truncation=True, max_length=NO_LIMIT)
