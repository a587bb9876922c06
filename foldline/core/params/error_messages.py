"""Pydantic errors as messages for users: dotted key, allowed values, value found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foldline.core.errors import closest_name
from foldline.core.io.components import PATTERN

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Problem = dict[str, Any]
RENAME = "is not a key: rename"
# Names in YAML terms by pydantic's error type.
_YAML_NAMES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list, like [a, b]",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "finite_number": "a finite number",
    "string_too_short": "a text that is not empty",
}


def list_problems(
    error: "ValidationError", kind: "type[BaseModel] | None" = None
) -> dict[str, str]:
    """Return the message for each dotted key of a file that is wrong.

    `kind` is the type of the file's content, None for params.yaml.
    """
    by_key: dict[str, list[Problem]] = {}
    for problem in error.errors():
        by_key.setdefault(_error_key(dict(problem)), []).append(dict(problem))
    missing = {key for key, problems in by_key.items() if problems[0]["type"] == "missing"}
    lines: dict[str, str] = {}
    for key, key_problems in by_key.items():
        if key_problems[0]["type"] == "extra_forbidden":
            intended_key, lines[key] = _format_unknown_key(key, missing, kind)
            missing.discard(intended_key)  # a misspelt key is reported once, not also as missing
            by_key[key] = []
    for key, key_problems in by_key.items():
        if key_problems and (key_problems[0]["type"] != "missing" or key in missing):
            lines[key] = _format_problem(key_problems, key)
    # A union also reports the whole list if one item is wrong: keep only the item.
    return {
        key: lines[key]
        for key in by_key
        if key in lines and not any(other.startswith(f"{key}.") for other in lines)
    }


def format_problems(path: Path, problems: Mapping[str, str]) -> str:
    """Return all problems of a params file by dotted key, one per line."""
    width = max(len(key) for key in problems)
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return "\n".join(
        [f"{path}: {count}"] + [f"  {key:<{width}}  {message}" for key, message in problems.items()]
    )


def _error_key(problem: Problem) -> str:
    """Return the key as written with -S; checks of several fields name it in the message."""
    key = _join_location(problem["loc"])
    if problem["type"] == "value_error":
        name, colon, _ = str(problem["ctx"]["error"]).partition(": ")
        if colon and " " not in name:
            return f"{key}.{name}" if key else name
    return key or "(file)"


def _format_problem(problems: list[Problem], key: str) -> str:
    problem = problems[0]
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "missing":
        return "is missing: every key must stand in the file"
    if kind == "value_error":
        text = str(context["error"])
        name, colon, rest = text.partition(": ")
        return rest if colon and key.endswith(name) else text
    if kind == "invalid_key":
        return f"must be a text (found the key {value!r}): put it in quotes"
    # A union reports every arm; an arm whose custom check fails is the intended one.
    custom_errors = [item for item in problems if item["type"] == "value_error"]
    if custom_errors:
        return _format_problem(custom_errors, key)
    allowed = " or ".join(dict.fromkeys(_format_allowed(item) for item in problems))
    hint = ""
    if kind == "literal_error":
        literals = [item for item in problems if item["type"] == "literal_error"]
        close = closest_name(
            str(value), [choice for item in literals for choice in _list_choices(item)]
        )
        hint = f"; did you mean '{close}'?" if close else ""
    elif kind == "string_type" and isinstance(value, (int, float)):
        hint = f"; put it in quotes: '{value}'"
    return f"must be {allowed} (found {_shorten_value(value)}){hint}"


def _format_allowed(problem: Problem) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "literal_error":
        return str(context["expected"])
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        return f"a list of {f'at least {least}' if most is None else most}"
    if kind == "string_pattern_mismatch" and context["pattern"] == PATTERN:
        return "components.<name>"
    plain = problem["msg"].removeprefix("Input should be ")
    return _YAML_NAMES.get(str(kind), str(plain))


def _list_choices(problem: Problem) -> list[str]:
    return str(problem["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _format_unknown_key(
    key: str, missing: set[str], kind: "type[BaseModel] | None"
) -> tuple[str, str]:
    """Return the key that was most likely intended, and the message."""
    from foldline.core.params import Settings

    parent, _, name = key.rpartition(".")
    fields: Any = (kind or Settings).model_fields
    for part in parent.split(".") if parent else []:
        fields = fields[part].annotation.model_fields
    absent = [
        missing_key.rpartition(".")[2]
        for missing_key in missing
        if missing_key.rpartition(".")[0] == parent
    ]
    renamed = closest_name(name, absent)
    close = renamed or closest_name(name, list(fields))
    intended_key = f"{parent}.{close}" if parent else str(close)
    if renamed:
        return intended_key, f"{RENAME} '{name}' to '{renamed}'"
    hint = f"; did you mean '{close}'?" if close else "."
    return intended_key, f"is not a key{hint} Known: {', '.join(sorted(fields))}"


def _join_location(location: Sequence[str | int]) -> str:
    """Return a dotted location without pydantic's names of union arms."""
    prefixes, exact = ("literal[", "constrained", "function-", "list["), ("str", "[key]")
    names = [str(part) for part in location]
    return ".".join(
        name
        for index, name in enumerate(names)
        if not (index and (name.startswith(prefixes) or name in exact))
    )


def _shorten_value(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
