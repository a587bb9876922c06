"""The checks of everything in a project's `components/`."""

import traceback
from contextlib import chdir
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.core.io.components import (
    FUNCTIONS,
    PACKAGE,
    check_component,
    load_component,
    short_name,
)
from foldline.core.params import Recipe
from foldline.testing.augmenters import check_augmenter
from foldline.testing.cleaners import check_cleaner
from foldline.testing.contract import ContractError
from foldline.testing.losses import check_loss
from foldline.testing.metrics import check_metric
from foldline.testing.models import check_model, read_recipe


def check_components(folder: str | Path = PACKAGE) -> list[str]:
    """Check every module of a project's components/, and return `name: kind` of each check.

    Models, losses and metrics are checked for the task of params.yaml beside the folder, with the
    options of its section `components`. Files whose names start with _ are left out.

    Raises:
        ContractError: with a line for each file that is wrong, and what to change in it.
    """
    checked, problems = [], []
    with chdir(Path(folder).resolve().parent):
        for file in sorted(Path(PACKAGE).glob("[!_]*.py")):
            try:
                for kind in list_kinds(f"{PACKAGE}.{file.stem}"):
                    _check(f"{PACKAGE}.{file.stem}", kind)
                    checked.append(f"{file.stem}: {kind}")
            except ContractError as error:
                problems.append(str(error))
    if problems:
        raise ContractError("\n".join(problems))
    return checked


def list_kinds(name: str) -> list[str]:
    """Return the kinds whose functions a component defines.

    Raises:
        ContractError: where it defines none, or cannot be imported.
    """
    try:
        module = load_component(name)
    except FoldlineError as error:
        raise ContractError(str(error)) from error
    kinds = [kind for kind, names in FUNCTIONS.items() if any(hasattr(module, n) for n in names)]
    if not kinds:
        known = ", ".join(" and ".join(names) for names in FUNCTIONS.values())
        raise ContractError(
            f"{name} defines none of the functions that Foldline calls: {known}. Add one, or let "
            "the file's name start with _ if other components import it"
        )
    return kinds


def _check(name: str, kind: str) -> None:
    recipe = read_recipe(name)
    try:
        module = check_component(name, kind)
        _run(kind, module, recipe)
    except Exception as error:  # a component may raise anything
        message = str(error)
        where = f"{PACKAGE}/{short_name(name)}.py"
        if not isinstance(error, ContractError | FoldlineError):
            message = (
                f"{describe_error(error, where)}. Accept every table of rows: without rows, with "
                "one row, with empty second texts, with unusual characters"
            )
        text = message if where in message else f"{where} ({kind}): {message}"
        raise ContractError(text) from error


def _run(kind: str, module: object, recipe: Recipe) -> None:
    options = recipe.components[short_name(recipe.model)]
    if kind == "model":
        check_model(module, recipe)
    elif kind == "augmenter":
        check_augmenter(module, options)
    elif kind == "loss":
        check_loss(module, recipe.task, options)
    elif kind == "metric":
        check_metric(module, recipe.task, options)
    else:
        check_cleaner(module, options)


def describe_error(error: Exception, file: str) -> str:
    """Return an exception with the line of the component that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).match(file)]
    place = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}{place}: {error}"
