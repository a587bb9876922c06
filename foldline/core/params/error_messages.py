"""Pydantic's errors in a user's words: the dotted key, what was found, what is allowed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foldline.core.errors import closest_name
from foldline.core.io.components import PATTERN

if TYPE_CHECKING:
    from pydantic import ValidationError

Problem = dict[str, Any]
# What each type of pydantic's is called in YAML.
_WANTED = {
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


def format_errors(path: Path, content: dict[str, Any], error: "ValidationError") -> str:
    """List every problem of a params file, one a line."""
    by_key: dict[str, list[Problem]] = {}
    for problem in error.errors():
        by_key.setdefault(_key(dict(problem)), []).append(dict(problem))
    missing = {key for key, found in by_key.items() if found[0]["type"] == "missing"}
    lines: dict[str, str] = {}
    for key, problems in by_key.items():
        if problems[0]["type"] == "extra_forbidden":
            meant, lines[key] = _unknown_key(key, missing)
            missing.discard(meant)  # a misspelt key is both: unknown, and missing beside it
            by_key[key] = []
    for key, problems in by_key.items():
        if problems and (problems[0]["type"] != "missing" or key in missing):
            lines[key] = _message(problems, key)
    # A union also complains of the whole list where one item is wrong: the item says more.
    ordered = {
        key: lines[key]
        for key in by_key
        if key in lines and not any(other.startswith(f"{key}.") for other in lines)
    }
    width = max(len(key) for key in ordered)
    count = f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}"
    return "\n".join([f"{path}: {count}"] + [f"  {k:<{width}}  {m}" for k, m in ordered.items()])


def _key(problem: Problem) -> str:
    """Return the key as it is written with -S; a rule of two fields says the key in front."""
    key = _dotted(problem["loc"])
    if problem["type"] == "value_error":
        name, colon, _ = str(problem["ctx"]["error"]).partition(": ")
        if colon and " " not in name:
            return f"{key}.{name}" if key else name
    return key or "(file)"


def _message(problems: list[Problem], key: str) -> str:
    problem = problems[0]
    kind, found, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "missing":
        return "is missing: every key must stand in the file"
    if kind == "value_error":
        text = str(context["error"])
        name, colon, rest = text.partition(": ")
        return rest if colon and key.endswith(name) else text
    if kind == "invalid_key":
        return f"must be a text (found the key {found!r}): put it in quotes"
    # A union reports each of its arms: one whose own rule is broken was meant.
    broken = [each for each in problems if each["type"] == "value_error"]
    if broken:
        return _message(broken, key)
    # What is allowed is any of them.
    allowed = " or ".join(dict.fromkeys(_wanted(each) for each in problems))
    hint = ""
    if kind == "literal_error":
        literals = [each for each in problems if each["type"] == "literal_error"]
        close = closest_name(str(found), [choice for each in literals for choice in _choices(each)])
        hint = f"; did you mean '{close}'?" if close else ""
    elif kind == "string_type" and isinstance(found, (int, float)):
        hint = f"; put it in quotes: '{found}'"
    return f"must be {allowed} (found {_short(found)}){hint}"


def _wanted(problem: Problem) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "literal_error":
        return str(context["expected"])
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        return f"a list of {f'at least {least}' if most is None else most}"
    if kind == "string_pattern_mismatch" and context["pattern"] == PATTERN:
        return "components.<name>"
    plain = problem["msg"].removeprefix("Input should be ")
    return _WANTED.get(str(kind), str(plain))


def _choices(problem: Problem) -> list[str]:
    return str(problem["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _unknown_key(key: str, missing: set[str]) -> tuple[str, str]:
    """Return the key that was most likely meant, and the message."""
    from foldline.core.params import Settings

    parent, _, name = key.rpartition(".")
    fields: Any = Settings.model_fields
    for part in parent.split(".") if parent else []:
        fields = fields[part].annotation.model_fields
    absent = [m.rpartition(".")[2] for m in missing if m.rpartition(".")[0] == parent]
    close = closest_name(name, absent) or closest_name(name, list(fields))
    hint = f"; did you mean '{close}'?" if close else "."
    meant = f"{parent}.{close}" if parent else str(close)
    return meant, f"is not a key{hint} Known: {', '.join(sorted(fields))}"


def _dotted(location: Sequence[str | int]) -> str:
    """Join a location without the names that pydantic gives a union's arms."""
    starts, whole = ("literal[", "constrained", "function-", "list["), ("str", "[key]")
    names = [str(part) for part in location]
    return ".".join(
        n for i, n in enumerate(names) if not (i and (n.startswith(starts) or n in whole))
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
