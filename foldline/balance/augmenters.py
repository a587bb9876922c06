"""Ways to change a text without changing its label.

An augmenter is `(text, generator, options) -> text`. It changes one text and knows no other row,
so a copy depends on nothing but its source, the seed and its number.
"""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from foldline.frame.errors import FoldlineError, unknown
from foldline.frame.params import Augment

Augmenter = Callable[[str, np.random.Generator, Any], str]
MARKS = (".", ",", "!", "?", ";", ":")


def aeda(text: str, generator: np.random.Generator, options: Any) -> str:
    """Put punctuation marks between words, 1 to `share` a word (AEDA: Karimi et al., 2021)."""
    words = text.split()
    if not words:
        return text
    most = max(1, int(options.share * len(words)))
    count = min(int(generator.integers(1, most + 1)), len(words))
    for place in sorted(generator.choice(len(words), size=count, replace=False), reverse=True):
        words.insert(int(place), MARKS[int(generator.integers(len(MARKS)))])
    return " ".join(words)


def swap(text: str, generator: np.random.Generator, options: Any) -> str:
    """Exchange two words, `share` times a word and at least once (EDA: Wei and Zou, 2019)."""
    words = text.split()
    if len(words) < 2:
        return text
    for _ in range(max(1, round(options.share * len(words)))):
        a, b = generator.choice(len(words), size=2, replace=False)
        words[a], words[b] = words[b], words[a]
    return " ".join(words)


def delete(text: str, generator: np.random.Generator, options: Any) -> str:
    """Drop each word with chance `share`, one at least, never all (EDA: Wei and Zou, 2019)."""
    words = text.split()
    if len(words) < 2:
        return text
    keep = generator.random(len(words)) >= options.share
    if keep.all():
        keep[generator.integers(len(words))] = False
    if not keep.any():
        keep[generator.integers(len(words))] = True
    return " ".join(word for word, kept in zip(words, keep, strict=True) if kept)


def nlpaug(text: str, generator: np.random.Generator, options: Any) -> str:
    """Use an augmenter of nlpaug, its pitfalls mended.

    nlpaug draws from two global generators (seeded here and put back), gives `[]` for an empty
    text, and its own tokenizer tears numbers, links and smileys apart (words are split at spaces
    instead).
    """
    if not text.strip():
        return text
    augmenter = _nlpaug(options.name, options.options)
    with _global_seed(generator), _blamed(options.name, options.options):
        changed = augmenter.augment(text)
    changed = changed[0] if isinstance(changed, list) and changed else changed
    return " ".join(changed.split()) if isinstance(changed, str) and changed.strip() else text


_CACHE: dict[str, Any] = {}


def _nlpaug(name: str, options: dict[str, Any]) -> Any:
    """Make the augmenter of a class name once, and try it."""
    key = f"{name} {sorted(options.items())!r}"
    if key not in _CACHE:
        classes = _classes()
        if name not in classes:
            message = unknown("nlpaug augmenter", name, sorted(classes))
            raise FoldlineError(f"augment.nlpaug.name: {message}")
        words = {"tokenizer": str.split, "reverse_tokenizer": " ".join}
        with _global_seed(np.random.default_rng(0)), _blamed(name, options):
            made = classes[name](**words | options)
            made.augment("one two three four")
        _CACHE[key] = made
    return _CACHE[key]


def _classes() -> dict[str, Any]:
    """Give nlpaug's augmenters of characters and of words, by name."""
    with warnings.catch_warnings():
        # Its source holds invalid escapes, which Python 3.12 warns of on the first import.
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.char as characters
        import nlpaug.augmenter.word as words
    return {n: c for m in (characters, words) for n, c in vars(m).items() if n.endswith("Aug")}


@contextmanager
def _global_seed(generator: np.random.Generator) -> Iterator[None]:
    """Seed the global generators from ours, and put their states back afterwards."""
    states = random.getstate(), np.random.get_state()
    try:
        random.seed(int(generator.integers(2**32)))
        np.random.seed(int(generator.integers(2**32)))
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _blamed(name: str, options: dict[str, Any]) -> Iterator[None]:
    """Turn whatever nlpaug raises into one message that names the params."""
    try:
        yield
    except Exception as error:
        raise FoldlineError(
            f"augment.nlpaug: {name} cannot be used with options {options}: "
            f"{type(error).__name__}: {error}"
        ) from error


def change(text: str, augment: Augment, generator: np.random.Generator) -> str:
    """Change one text by the method that params name; an empty text stays empty."""
    if not text:
        return text
    options = getattr(augment, augment.method)
    return AUGMENTERS[augment.method](text, generator, options)


AUGMENTERS: dict[str, Augmenter] = {
    "aeda": aeda,
    "swap": swap,
    "delete": delete,
    "nlpaug": nlpaug,
}
