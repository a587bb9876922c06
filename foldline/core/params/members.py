"""The members of the ensemble: recipes that differ from params.yaml in some values."""

from collections.abc import Mapping
from typing import Any, Literal

from foldline.core.errors import unknown_name
from foldline.core.params.base import KINDS, Section
from foldline.core.params.models import Recipe
from foldline.core.params.value_types import REVISION

MODEL = "model"  # the recipe of params.yaml itself


def is_revision(name: str) -> bool:
    """Return whether a member is another experiment or commit, whose predictions are read."""
    return REVISION.fullmatch(name) is not None


class Members(Section):
    """The recipes by name, `model` first; who votes; and which of the models predict new rows."""

    recipes: dict[str, Recipe]
    voters: list[str]
    models: Literal["both", "folds", "full"]


def resolve_members(content: Mapping[str, Any]) -> Members:
    """Return the members of the content of a params file that has been checked.

    The file's own recipe is always among the recipes: its out-of-fold score is that of `kfold`.
    """
    names = list(content["ensemble"]["members"])
    recipes = {}
    for name in dict.fromkeys([MODEL, *names]):
        if not is_revision(name):
            changed = change_recipe(content, name)
            recipes[name] = Recipe.model_validate({k: changed[k] for k in Recipe.model_fields})
    return Members(recipes=recipes, voters=names, models=content["ensemble"]["models"])


def change_recipe(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the content of params.yaml with a member's changes, which name dotted keys.

    A name that is a kind changes `model` to it.

    Raises:
        ValueError: naming a change of what is no part of a recipe.
    """
    changes: dict[str, Any] = content["ensemble"]["members"].get(name, {})
    if name == MODEL and changes:
        raise ValueError(
            f"is the recipe of this file itself, so it has no changes (found {changes}); give a "
            "changed recipe another name"
        )
    if name in KINDS:
        changes = {"model": name} | changes
    changed = {k: dict(v) if isinstance(v, dict) else v for k, v in content.items()}
    for key, value in changes.items():
        section, _, last = key.rpartition(".")
        if (section or last) not in Recipe.model_fields:
            raise ValueError(
                f"{key} is no key of a recipe: data, augmentation and folds are the same for all "
                "members"
            )
        target = changed[section] if section else changed
        if last not in target and section != "components":
            raise ValueError(unknown_name("key", last, sorted(target)))
        target[last] = value
    return changed
