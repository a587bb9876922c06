"""Changed copies of texts, each drawn for itself."""

from types import MappingProxyType

import pandas as pd

from foldline.augmentation.augmenters import Training, make_method
from foldline.augmentation.requests import Ask, Texts
from foldline.core.io.components import Options
from foldline.core.params import Augment

__all__ = ["Ask", "Changer", "methods_of"]


class Changer:
    """Changes texts by the methods that params name; what is fitted, is so on these rows alone.

    It may be pickled: models and dictionaries are loaded when first needed in a process.

    Raises:
        FoldlineError: where a method lacks something, such as its file, model or package.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        augment: Augment,
        task: str,
        seed: int,
        components: Options = MappingProxyType({}),
    ) -> None:
        training = Training(rows, augment, task, seed, components)
        self._methods = {name: make_method(name, training) for name in methods_of(augment)}

    def change(self, method: str, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give (text, text_pair) for each ask; the unchanged ones where the method cannot.

        A result depends on the seed and on the ask, the method and the attempt, and not on the
        other asks.
        """
        return self._methods[method](asks, attempt)


def methods_of(augment: Augment) -> list[str]:
    """Give the methods that params ask for."""
    if augment.method == "mix":
        return list(augment.mix)
    return [] if augment.method == "none" else [augment.method]
