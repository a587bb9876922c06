"""Any augmenter of nlpaug that needs no download, its pitfalls mended."""

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
from foldline.core.errors import FoldlineError, unknown
from foldline.core.params import Nlpaug

_TRIAL = "One two three four five. Six seven eight nine ten."
# Arguments that name a model; what is no path is downloaded.
_MODELS = ("model_path", "model_name", "model_dir")
_MADE: dict[str, Any] = {}


def nlpaug(batch: Batch, *, options: Nlpaug) -> list[str]:
    """Change texts by the augmenter of nlpaug that params name.

    nlpaug draws from two global generators (seeded here and put back), gives `[]` for an empty
    text, moves capitals, and its own tokenizer tears numbers, links and smileys apart (words are
    split at spaces instead). A text that it stumbles on stays as it is. Its generators are global,
    so share work among processes, not threads.

    Raises:
        FoldlineError: where the augmenter's name or options cannot be used.
    """
    augmenter, most = made(options), np.full(len(batch.texts), 2**32)
    seeds = zip(batch.draws.below(most).tolist(), batch.draws.below(most).tolist(), strict=True)
    return [_changed(text, augmenter, *own) for text, own in zip(batch.texts, seeds, strict=True)]


def _changed(text: str, augmenter: Any, one: int, other: int) -> str:
    with _global_seeds(one, other):
        try:
            changed = _text(augmenter.augment(text))
        except Exception:  # as crop's "Sample larger than population"; bad options failed the trial
            return text
    return changed if changed else text


def made(options: Nlpaug) -> Any:
    """Make the augmenter of a class name once in a process, and try it."""
    key = f"{options.name} {sorted(options.options.items())!r}"
    if key not in _MADE:
        made_by = _class(options.name)
        _check_models(made_by, options)
        try:
            with _global_seeds(0, 0):
                augmenter = _mended(made_by, options.options)
                _text(augmenter.augment(_TRIAL))
        except Exception as error:
            raise FoldlineError(
                f"augment.nlpaug: {options.name} cannot be used with options {options.options}: "
                f"{type(error).__name__}: {error}"
            ) from error
        _MADE[key] = augmenter
    return _MADE[key]


def _check_models(made_by: Any, options: Nlpaug) -> None:
    """Refuse a model that is not here: the hub would be asked for it, for most of a minute."""
    for name, parameter in signature(made_by).parameters.items():
        value = options.options.get(name, parameter.default)
        if not name.endswith(_MODELS) or not isinstance(value, str) or Path(value).exists():
            continue
        raise FoldlineError(
            f"augment.nlpaug: {options.name} reads a model, and there is no folder or file "
            f"{name}={value!r}; put the model under models/pretrained/ and name it, as "
            f"augment.nlpaug.options={{{name}: models/pretrained/...}}, or choose an augmenter "
            "that needs none"
        )


def _mended(made_by: Any, options: dict[str, Any]) -> Any:
    """Make an augmenter that splits at spaces and leaves capitals where they are."""
    sentences = made_by.__name__ == "RandomSentAug"
    ours = {
        "tokenizer": re.compile(r"(?<=[.!?…。])\s+").split if sentences else str.split,
        "reverse_tokenizer": " ".join,
    }
    taken = signature(made_by).parameters
    augmenter = made_by(**{name: ours[name] for name in ours if name in taken} | options)
    augmenter.align_capitalization = lambda source, new: new
    augmenter.change_case = _exchange
    words = getattr(getattr(augmenter, "model", None), "dict", None)
    if isinstance(words, dict):  # made of sets: their order differs from process to process
        augmenter.model.dict = {
            name: sorted(found) if isinstance(found, list | set) else found
            for name, found in words.items()
        }
    return augmenter


def _exchange(doc: Any, one: int, other: int, order: int) -> Any:
    """Exchange two words of nlpaug's document as they are written."""
    words = [doc.get_token(place).get_latest_token().token for place in (one, other)]
    for place, word in zip((other, one), words, strict=True):
        doc.add_change_log(place, new_token=word, action="swap", change_seq=order)
    return doc


def _text(found: Any) -> str:
    """Give the one text of whatever nlpaug gives back, with single spaces."""
    one = found[0] if isinstance(found, list) and found else found
    if not isinstance(one, str):
        raise TypeError(f"it gives {type(one).__name__} instead of a text")
    return " ".join(one.split())


def _class(name: str) -> Any:
    """Find an augmenter of characters, words or sentences by its name."""
    known: dict[str, Any] = {}
    for room in ("char", "word", "sentence"):  # the later ones take seconds to import
        with warnings.catch_warnings():
            # Its source holds invalid escapes, which Python 3.12 warns of on the first import.
            warnings.simplefilter("ignore")
            module = import_module(f"nlpaug.augmenter.{room}")
        known |= {n: made_by for n, made_by in vars(module).items() if n.endswith("Aug")}
        if name in known:
            return known[name]
    message = unknown("nlpaug augmenter", name, sorted(known))
    raise FoldlineError(f"augment.nlpaug.name: {message}")


@contextmanager
def _global_seeds(one: int, other: int) -> Iterator[None]:
    """Seed the global generators, and put their states back afterwards."""
    states = random.getstate(), np.random.get_state()
    try:
        random.seed(one)
        np.random.seed(other)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
