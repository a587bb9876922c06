"""Bootstrap samples of training rows for bagging (Breiman, 1996)."""

import numpy as np
import pandas as pd

from foldline.core.io.seeds import generator
from foldline.core.params import Recipe


def list_bags(recipe: Recipe) -> list[int]:
    """Return the numbers of a recipe's bags, from 1; 0 stands for all rows, without bagging."""
    section = vars(recipe).get("bagging")
    return list(range(1, section.n_estimators + 1)) if section and section.is_on else [0]


def draw_bag(rows: pd.DataFrame, bag: int, seed: int) -> pd.DataFrame:
    """Return the rows of as many groups as there are, drawn with replacement; all for bag 0.

    A group is drawn whole, and augmented copies are in the group of their source. A row that is
    drawn again is a row with another id, so that every kind of model can learn from a bag. The
    order of the rows does not matter.
    """
    if not bag or rows.empty:
        return rows
    names, codes = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)
    draws = generator(seed, "bag").integers(len(names), size=len(names))
    drawn = rows.loc[rows.index.repeat(np.bincount(draws, minlength=len(names))[codes])]
    times = drawn.groupby(level=0, sort=False).cumcount().to_numpy()
    return drawn.assign(id=_number_ids(drawn["id"].tolist(), times)).reset_index(drop=True)


def _number_ids(ids: list[str], times: np.ndarray) -> list[str]:
    """Return ids that all differ: those of rows that are drawn again get the number of times."""
    used, sign = set(ids), "*"
    while any(sign in id_ for id_ in used):
        sign += "*"
    return [f"{id_}{sign}{time + 1}" if time else id_ for id_, time in zip(ids, times, strict=True)]
