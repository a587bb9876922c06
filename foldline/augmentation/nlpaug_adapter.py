"""Any nlpaug augmenter that needs no download, with workarounds for its pitfalls."""

import random
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from foldline.augmentation.word_tokenizer import Batch
from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.params import Nlpaug
from foldline.encoders import foreign_code

_TEST_TEXT = "One two three four five. Six seven eight nine ten."
# Arguments that name a model; nlpaug downloads whatever is no path.
_MODEL_ARGUMENTS = ("model_path", "model_name", "model_dir")
_LOADED: dict[str, Any] = {}


def augment_with_nlpaug(batch: Batch, *, options: Nlpaug) -> list[str]:
    """Return texts changed by the nlpaug augmenter that params name.

    nlpaug draws from two global generators (seeded here and restored), returns `[]` for an empty
    text, moves capitals, and its tokenizer splits numbers, links and smileys (here words are split
    at spaces). A text on which it fails stays as it is. As its generators are global, divide work
    among processes, not threads.

    Raises:
        FoldlineError: if the augmenter's name or options cannot be used.
    """
    augmenter, most = load_augmenter(options), np.full(len(batch.texts), 2**32)
    seeds = zip(
        batch.streams.integers(most).tolist(), batch.streams.integers(most).tolist(), strict=True
    )
    return [
        _change_text(text, augmenter, *own) for text, own in zip(batch.texts, seeds, strict=True)
    ]


def _change_text(text: str, augmenter: Any, one: int, other: int) -> str:
    with _global_seeds(one, other):
        try:
            changed = _extract_text(augmenter.augment(text))
        except Exception:  # as crop's "Sample larger than population"; bad options failed the trial
            return text
    return changed if changed else text


def load_augmenter(options: Nlpaug) -> Any:
    """Return the augmenter of a class name, made and tested once in a process."""
    key = f"{options.name} {sorted(options.options.items())!r}"
    if key not in _LOADED:
        augmenter_class = _find_class(options.name)
        _check_models(augmenter_class, options)
        try:
            with _global_seeds(0, 0):
                augmenter = _make_augmenter(augmenter_class, options.options)
                _extract_text(augmenter.augment(_TEST_TEXT))
        except Exception as error:
            raise FoldlineError(
                f"augment.nlpaug: {options.name} cannot be used with options {options.options}: "
                f"{type(error).__name__}: {error}"
            ) from error
        _LOADED[key] = augmenter
    return _LOADED[key]


def _check_models(augmenter_class: Any, options: Nlpaug) -> None:
    """Refuse a model that is not on disk: nlpaug would try the hub for most of a minute.

    Nor may its own calls of transformers run code that a model brings.
    """
    for name, parameter in signature(augmenter_class).parameters.items():
        value = options.options.get(name, parameter.default)
        if not name.endswith(_MODEL_ARGUMENTS) or not isinstance(value, str):
            continue
        if Path(value).exists():
            foreign_code.refuse_code(f"augment.nlpaug: {name}={value}", Path(value))
            continue
        raise FoldlineError(
            f"augment.nlpaug: {options.name} reads a model, and there is no folder or file "
            f"{name}={value!r}; put the model under models/pretrained/ and name it, as "
            f"augment.nlpaug.options={{{name}: models/pretrained/...}}, or choose an augmenter "
            "that needs none"
        )


def _make_augmenter(augmenter_class: Any, options: dict[str, Any]) -> Any:
    """Return an augmenter that splits at spaces and leaves capitals in place."""
    sentences = augmenter_class.__name__ == "RandomSentAug"
    ours = {
        "tokenizer": re.compile(r"(?<=[.!?…。])\s+").split if sentences else str.split,
        "reverse_tokenizer": " ".join,
    }
    parameters = signature(augmenter_class).parameters
    augmenter = augmenter_class(
        **{name: ours[name] for name in ours if name in parameters} | options
    )
    augmenter.align_capitalization = lambda source, new: new
    augmenter.change_case = _swap_words
    words = getattr(getattr(augmenter, "model", None), "dict", None)
    if isinstance(words, dict):  # made from sets, whose order differs between processes
        augmenter.model.dict = {
            name: sorted(values) if isinstance(values, list | set) else values
            for name, values in words.items()
        }
    return augmenter


def _swap_words(doc: Any, one: int, other: int, order: int) -> Any:
    """Swap two words of nlpaug's document without changing their case."""
    words = [doc.get_token(position).get_latest_token().token for position in (one, other)]
    for position, word in zip((other, one), words, strict=True):
        doc.add_change_log(position, new_token=word, action="swap", change_seq=order)
    return doc


def _extract_text(result: Any) -> str:
    """Return the one text of nlpaug's result, with single spaces."""
    text = result[0] if isinstance(result, list) and result else result
    if not isinstance(text, str):
        raise TypeError(f"it returns {type(text).__name__} instead of a text")
    return " ".join(text.split())


def _find_class(name: str) -> Any:
    """Return a class of character, word or sentence augmenters by its name."""
    classes: dict[str, Any] = {}
    for level in ("char", "word", "sentence"):  # the later ones take seconds to import
        with warnings.catch_warnings():
            # Its source holds invalid escapes, which Python 3.12 warns of on the first import.
            warnings.simplefilter("ignore")
            module = import_module(f"nlpaug.augmenter.{level}")
        classes |= {n: value for n, value in vars(module).items() if n.endswith("Aug")}
        if name in classes:
            return classes[name]
    message = unknown_name("nlpaug augmenter", name, sorted(classes))
    raise FoldlineError(f"augment.nlpaug.name: {message}")


@contextmanager
def _global_seeds(one: int, other: int) -> Iterator[None]:
    """Seed the global generators, and restore their states afterwards."""
    states = random.getstate(), np.random.get_state()
    try:
        random.seed(one)
        np.random.seed(other)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
