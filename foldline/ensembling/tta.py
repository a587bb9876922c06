"""Test-time augmentation: the mean prediction of a row and of changed copies of it.

Copies depend on the text, the seed and their number alone: not on the row's id, other rows, labels
or training rows. So a text is predicted alike in a fold, by `predict` and by `foldline predict`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field

from foldline.augmentation import word_augmenters
from foldline.augmentation.augmenters import TextwiseAugmenter, swap_pairs
from foldline.augmentation.requests import Augmenter, CopyRequest
from foldline.augmentation.typos import add_typos
from foldline.core.params import Recipe
from foldline.core.params.value_types import OpenShare
from foldline.ensembling.records import one_of

CHANGES: dict[str, Callable[..., list[str]]] = {
    "aeda": word_augmenters.aeda,
    "swap": word_augmenters.swap,
    "delete": word_augmenters.delete,
    "noise": add_typos,
}
PAIRSWAP = "pairswap"


@dataclass(frozen=True)
class AugmentedPrediction:
    """How each row that a member predicts is copied."""

    method: Annotated[str, one_of(*CHANGES, PAIRSWAP)]
    copies: Annotated[int, Field(ge=1, le=100)]
    share: OpenShare
    seed: Annotated[int, Field(ge=0)]

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self | None:
        """Return that of a recipe, None if it has none."""
        section = vars(recipe).get("tta")
        if section is None or not section.is_on:
            return None
        return cls(section.method, section.copies, section.share, recipe.seed)

    def predict(
        self, rows: pd.DataFrame, predict: Callable[[pd.DataFrame], np.ndarray]
    ) -> np.ndarray:
        """Return the mean of the predictions of rows and of their copies: (n, c) or (n,)."""
        tables = [rows[["id", "text", "text_pair"]]]
        tables += [self._copy(tables[0], number) for number in range(self.copies)]
        values = predict(pd.concat(tables, ignore_index=True))
        return np.asarray(values.reshape(len(tables), len(rows), *values.shape[1:]).mean(axis=0))

    def _copy(self, rows: pd.DataFrame, number: int) -> pd.DataFrame:
        pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
        requests = [CopyRequest(a, b, "", f"{a}\x1f{b}", number) for a, b in pairs]
        changed = self._make_augmenter()(requests, 0) if requests else []
        texts, text_pairs = map(list, zip(*changed, strict=True)) if changed else ([], [])
        return rows.assign(text=texts, text_pair=text_pairs)

    def _make_augmenter(self) -> Augmenter:
        if self.method == PAIRSWAP:
            return swap_pairs
        change = partial(CHANGES[self.method], share=self.share)
        return TextwiseAugmenter(self.seed, self.method, change)


def list_augmented_predictions(recipes: Mapping[str, Recipe]) -> dict[str, AugmentedPrediction]:
    """Return the test-time augmentation of the members that have one."""
    found = {name: AugmentedPrediction.from_recipe(recipe) for name, recipe in recipes.items()}
    return {name: own for name, own in found.items() if own is not None}
