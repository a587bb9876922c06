"""What each kind of model reads of a recipe: nothing else is in the key of its result."""

from collections.abc import Iterable
from typing import Any

from foldline.core.io.components import is_component
from foldline.core.params.base import Section
from foldline.core.params.models import Recipe

# Besides COMMON; dotted keys are parts of sections.
OPTIONS: dict[str, tuple[str, ...]] = {
    "majority": (),
    "random": (),
    "uniform": (),
    "length": (),
    "decision-list": (),
    "keywords": ("keywords",),
    "tfidf": ("tfidf",),
    "gbdt": ("gbdt", "tfidf", "train.threads"),
    "static": ("static", "train.threads"),
    "embed": ("embed", "max_length", "train.threads"),
    "external": ("external",),
    "zero-shot": ("zero_shot", "max_length", "train.threads"),
}
COMMON = ("seed", "task", "model", "target", "components")
TRANSFORMER = ("lr", "epochs", "batch_size", "max_length", "train", "pretrain")
# Sections for any kind. One that is off is no part of what a kind reads of a recipe.
ANY_KIND = ("bagging", "boosting", "chain", "tta")


def list_options(model: str) -> tuple[str, ...]:
    """Return the keys of a recipe that a model reads, without those of ANY_KIND."""
    if is_component(model):
        return tuple(name for name in Recipe.model_fields if name not in ANY_KIND)
    own = OPTIONS.get(model)
    if own is None:
        own = (*TRANSFORMER, "scratch") if model == "scratch" else TRANSFORMER
    return (*COMMON, *own)


def select_options(recipe: Recipe, model: str | None = None) -> Recipe:
    """Return the part of a recipe that its kind reads; another key fails.

    So recipes that agree in it have one key, and are fitted once. For another `model` it is the
    part that this reads, without the sections for any kind.
    """
    names = [name for name in ANY_KIND if model is None and getattr(recipe, name).is_on]
    for own in recipe.models if model is None else [model]:
        names += list_options(own)
    # A part of a section that another model of a chain reads as a whole is in it.
    names = [name for name in names if "." not in name or name.partition(".")[0] not in names]
    return Recipe.model_construct(**_select(recipe, names) | {"model": model or recipe.model})


def _select(section: Section, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of dotted keys by the first part of the key."""
    selected: dict[str, Any] = {}
    for name in names:
        first, _, last = name.partition(".")
        value = getattr(section, first)
        selected[first] = type(value).model_construct(**_select(value, [last])) if last else value
    return selected


def find_unread_change(models: Iterable[str], changes: Iterable[str]) -> str | None:
    """Return the first of some dotted keys that no model of a recipe reads, or None."""
    names = {*ANY_KIND, *(name for model in models for name in list_options(model))}
    return next((key for key in changes if not names & {key, key.partition(".")[0]}), None)


def describe_unread_change(model: str, key: str) -> str:
    """Return the message for a change that a model does not read, with what to do."""
    section = key.partition(".")[0]
    readers = [kind for kind in ["scratch", *OPTIONS] if {key, section} & {*list_options(kind)}]
    own = [kind for kind in readers if kind.replace("-", "_") == section]
    return (
        f"model: {model} does not read {key}, so the change would do nothing; take it out, or add "
        f"`model: {(own or readers)[0]}` to this member"
    )
