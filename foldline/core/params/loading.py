"""Loading of params.yaml as DVC reads it; every stage first checks the whole file."""

from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from foldline.core.errors import FoldlineError
from foldline.core.params import Section, Settings
from foldline.core.params.error_messages import RENAME, format_problems, list_problems
from foldline.core.params.kind_options import describe_unread_change, find_unread_change
from foldline.core.params.members import change_recipe, is_revision, resolve_members
from foldline.core.params.undo import describe_undo
from foldline.core.yaml_files import read_yaml

FILE = Path("params.yaml")
P = TypeVar("P", bound=Section)


def read_params(path: Path = FILE) -> dict[str, Any]:
    """Return the content of params.yaml.

    Raises:
        FoldlineError: naming the line that is not UTF-8 or not YAML.
    """
    if not path.exists():
        raise FoldlineError(f"{path} is missing: run commands from the project's root folder")
    content = read_yaml(path)
    if content is None:
        raise FoldlineError(
            f"{path} is empty, but must hold every key. `git restore {path}` brings the committed "
            "one back"
        )
    if not isinstance(content, dict):
        raise FoldlineError(f"{path} must hold keys and values, found {type(content).__name__}")
    return content


def load_params(kind: type[P], path: Path = FILE) -> P:
    """Check the whole file and return the keys that one stage declares.

    A field with a dotted alias is that part of a section.

    Raises:
        FoldlineError: naming all problems at once.
    """
    content = read_params(path)
    if problems := find_problems(content):
        raise params_error(path, content, problems)
    members = {"members": resolve_members(content)} if "members" in kind.model_fields else {}
    keys = {field.alias or name for name, field in kind.model_fields.items()} - {*members}
    values = {key: reduce(getitem, key.split("."), content) for key in keys}
    return kind.model_validate(values | members)


def find_problems(content: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with the content of a params file, by dotted key."""
    if problems := _validate(content) or _find_bagged_model(content):
        return problems
    return {
        key: value
        for name in content["ensemble"]["members"]
        for key, value in _find_member_problems(content, name).items()
    }


def _validate(content: dict[str, Any]) -> dict[str, str]:
    try:
        Settings.model_validate(content)
    except ValidationError as error:
        return list_problems(error)
    return {}


def _find_bagged_model(content: dict[str, Any]) -> dict[str, str]:
    """Refuse bags of the file's own recipe: models/model holds one model."""
    count = content["bagging"]["n_estimators"]
    if count == 1:
        return {}
    return {
        "bagging.n_estimators": f"must be 1 here, as models/model is one model (found {count}); "
        f"bag a member: ensemble.members: {{bag: {{bagging.n_estimators: {count}}}}}"
    }


def _find_member_problems(content: dict[str, Any], name: str) -> dict[str, str]:
    """Return what is wrong with a member's recipe, by the dotted key of the member."""
    key = f"ensemble.members.{name}"
    if is_revision(name):
        changes = content["ensemble"]["members"][name]
        return {key: f"takes no changes (found {changes})"} if changes else {}
    try:
        changed = change_recipe(content, name)
    except ValueError as error:
        return {key: str(error)}
    problems = _validate(changed)
    models = filter(None, (changed["chain"]["first"], changed["model"]))
    unread = None if problems else find_unread_change(models, content["ensemble"]["members"][name])
    if unread:
        return {key: describe_unread_change(changed["model"], unread)}
    return (
        {key: "; ".join(f"{own}: {message}" for own, message in problems.items())}
        if problems
        else {}
    )


def params_error(path: Path, content: dict[str, Any], problems: dict[str, str]) -> FoldlineError:
    """Return the error for a params file, with the values of the last commit.

    A key that is to be renamed has its value and needs no other.
    """
    keys = [key for key, message in problems.items() if not message.startswith(RENAME)]
    undo = describe_undo(path, content, keys) if keys else ""
    return FoldlineError("\n".join(filter(None, (format_problems(path, problems), undo))))
