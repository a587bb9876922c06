"""Tables of which every row and duplicate is known, and their split."""

import numpy as np
import pandas as pd

from foldline.core.params import Split
from foldline.data.splits import PARTS, split_rows

NEUTRAL = {"max_leak_share": 1, "drop_from_train": False, "compare": False}
SHARES = [0.6, 0.2, 0.2]


def split_options(method: str = "auto", shares: object = SHARES) -> Split:
    return Split.model_validate({"method": method, "ratios": shares, **NEUTRAL})


def make_rows(count: int, **columns: object) -> pd.DataFrame:
    """Return rows of two classes without duplicates; columns are replaced by those given."""
    table = pd.DataFrame(
        {
            "id": [f"r{n:05}" for n in range(count)],
            "part": "train",
            "text": [f"text {n}" for n in range(count)],
            "text_pair": "",
            "label": ["ab"[n % 2] for n in range(count)],
            "group": "",
            "time": np.arange(count, dtype=float),
        }
    )
    return add_dup_groups(table.assign(**columns))


def add_dup_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in `dup_group`: rows of equal texts, in either order, by their smallest id."""
    texts = [" ".join(sorted(pair)) for pair in zip(table["text"], table["text_pair"], strict=True)]
    return table.assign(
        sentence="",
        sentence_pair="",
        dup_group=table["id"].groupby(pd.Series(texts, table.index)).transform("min"),
    )


def part_sizes(table: pd.DataFrame) -> list[int]:
    return [int((table["part"] == part).sum()) for part in PARTS]


def split_by(table: pd.DataFrame, how: str, seed: int = 1, shares: object = SHARES) -> pd.DataFrame:
    task = "classification"
    return split_rows(table, split_options(how, shares), how, task, seed)
