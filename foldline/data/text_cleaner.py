"""A text cleaner from components/, applied to every text after its normal form."""

from collections.abc import Callable
from typing import Any

from foldline.core.io.components import Component, Options
from foldline.core.params import Prepare
from foldline.data.normalization import normalize_text

Cleaner = Callable[[str], str]


def make_cleaner(prepare: Prepare, components: Options) -> Cleaner:
    """Return the function that brings a raw text to the form that models see.

    Raises:
        FoldlineError: where the cleaner that `prepare.clean` names cannot be used.
    """
    if prepare.clean is None:
        return lambda text: normalize_text(text, prepare.unicode)
    component = Component(prepare.clean, "cleaner", components)

    def clean(text: str) -> str:
        form = normalize_text(text, prepare.unicode)
        if not form:
            return form  # an empty text, or the second text of a row that has one alone
        cleaned: Any = component(form)
        if not isinstance(cleaned, str):
            raise component.result_error(type(cleaned).__name__, "the cleaned text, a str")
        return normalize_text(cleaned, prepare.unicode)

    return clean
