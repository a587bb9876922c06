"""A text cleaner from components/, applied to every text after its normal form."""

from collections.abc import Callable
from typing import Any

from foldline.core.io.components import Component, Options, short_name
from foldline.core.io.preprocessing import Preprocessing
from foldline.data.normalization import normalize_text

Cleaner = Callable[[str], str]


def make_cleaner(unicode: str, name: str | None, components: Options) -> Cleaner:
    """Return the function that brings a raw text to the form that models see.

    `unicode` and `name` are prepare.unicode and prepare.clean.

    Raises:
        FoldlineError: where the cleaner cannot be used.
    """
    if name is None:
        return lambda text: normalize_text(text, unicode)
    component = Component(name, "cleaner", components)

    def clean(text: str) -> str:
        form = normalize_text(text, unicode)
        if not form:
            return form  # an empty text, or the second text of a row that has one alone
        cleaned: Any = component(form)
        if not isinstance(cleaned, str):
            raise component.result_error(type(cleaned).__name__, "the cleaned text, a str")
        return normalize_text(cleaned, unicode)

    return clean


def restore_cleaner(used: Preprocessing) -> Cleaner:
    """Return the function that brings new raw texts to the form that trained models read."""
    options = {short_name(used.clean): used.options} if used.clean else {}
    return make_cleaner(used.unicode, used.clean, options)
