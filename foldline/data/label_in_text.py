"""Values of other columns that occur in the text: the label itself, or later information."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from foldline.data.raw_table import is_number

MIN_TEXTS = 20  # with a class's name
MIN_PRECISION, MIN_COVERAGE = 0.9, 0.2
MIN_SHARE, MIN_TIMES_CHANCE = 0.2, 3.0
_ROW_OFFSET = 7  # values this far from their own row match a text only by chance


def contains_value(value: str, text: str) -> bool:
    """Return whether a text contains a value as a whole word: 3 in `3점`, not in `13`.

    Case is ignored. A Korean word may have a particle after it. In names such as `not_hate`,
    punctuation matches spaces.
    """
    value, text = value.casefold(), text.casefold()
    if value not in text:
        spaced = "" if is_number(value) else re.sub(r"[\W_]+", " ", value).strip()
        if not spaced or spaced not in text:
            return False
        value = spaced
    before = r"(?<![\d.])" if value[0].isdigit() else r"(?<!\w)" if value[0].isalnum() else ""
    after = r"(?!\d|\.\d)" if value[-1].isdigit() else r"(?![a-z0-9_])"
    after = after if value[-1].isalnum() and value[-1].isascii() else ""
    return re.search(f"{before}{re.escape(value)}{after}", text) is not None


def match_own_values(values: Sequence[str], texts: Sequence[str]) -> tuple[np.ndarray, float]:
    """Return which texts contain their own row's value, (n,) bool, and the share by chance.

    Chance is the share of texts that contain the value of another row, seven rows later.
    """
    own = np.array([bool(v) and contains_value(v, t) for v, t in zip(values, texts, strict=True)])
    others = [*values[_ROW_OFFSET:], *values[:_ROW_OFFSET]]
    by_chance = [bool(v) and contains_value(v, t) for v, t in zip(others, texts, strict=True)]
    return own, float(np.mean(by_chance)) if by_chance else 0.0


def exceeds_chance(share: float, chance: float) -> bool:
    """Return whether values match too often: in a fifth of the texts, and three times chance."""
    return share >= MIN_SHARE and share > MIN_TIMES_CHANCE * chance


def find_numbers_in_text(labels: Sequence[str], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Find regression targets in the texts, written 3.0 or 3: one entry, or none."""
    forms = (labels, [f"{float(label):g}" for label in labels])
    own, chance = max(
        (match_own_values(form, texts) for form in forms), key=lambda match: match[0].sum()
    )
    share = float(own.mean())
    if not exceeds_chance(share, chance):
        return []
    return [{"texts": int(own.sum()), "coverage": share, "chance": chance}]


def find_class_names_in_text(
    labels: Sequence[Sequence[str]], texts: Sequence[str]
) -> list[dict[str, Any]]:
    """Find the classes whose name is in a fifth of their texts, and in few others.

    At least nine in ten of the texts with the name must be of the class. `labels` are those of
    each text, one or several.
    """
    entries = []
    for name in sorted({label for own in labels for label in own}):
        of_class = [text for text, own in zip(texts, labels, strict=True) if name in own]
        hits = sum(contains_value(name, text) for text in of_class)
        coverage = hits / len(of_class)
        if coverage < MIN_COVERAGE:
            continue
        of_others = [text for text, own in zip(texts, labels, strict=True) if name not in own]
        precision = hits / (hits + sum(contains_value(name, text) for text in of_others))
        if hits >= MIN_TEXTS and precision >= MIN_PRECISION:
            entries.append({"label": name, "texts": hits, "precision": precision})
            entries[-1]["coverage"] = coverage
    return entries
