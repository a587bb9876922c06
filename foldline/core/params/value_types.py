"""Types of the values in params.yaml, and their checks."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from posixpath import normpath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from foldline.core.errors import FoldlineError, closest_name
from foldline.core.io.components import PATTERN, check_component, is_component
from foldline.core.io.expressions import list_names
from foldline.core.io.model_folders import explain_absence, find_problem

RAW = "data/raw/"
PRETRAINED = "models/pretrained/"
# A member of the ensemble that is another experiment or commit, and one that is a recipe.
REVISION = re.compile(r"(?:exp|rev):(?P<revision>[^\s:~^?*\[\\]+)")
_NAME = re.compile(r"\w[\w.+-]*")


def check_increasing(value: list[int]) -> list[int]:
    """Raise for a range whose end is below its start."""
    if value[0] > value[1]:
        raise ValueError(f"must go from the smaller to the larger (found {value})")
    return value


def check_unique(value: list[str]) -> list[str]:
    """Raise for a list with duplicates."""
    duplicates = sorted({item for item in value if value.count(item) > 1})
    if duplicates:
        raise ValueError(
            f"must name each once (found {duplicates[0]!r} {value.count(duplicates[0])} times)"
        )
    return value


def check_member_name(value: str) -> str:
    """Raise for a name that cannot be that of a folder, nor of an experiment or commit."""
    if not (_NAME.fullmatch(value) or REVISION.fullmatch(value)):
        raise ValueError(
            "must be letters, digits and -_.+, or exp:NAME of an experiment, or rev:SHA of a "
            f"commit (found {value!r})"
        )
    return value


def check_system_name(value: str) -> str:
    """Raise for a name that would not be one word in a table."""
    if not _NAME.fullmatch(value):
        raise ValueError(f"must be letters, digits and -_.+ (found {value!r})")
    return value


def check_condition(value: str) -> str:
    """Raise for an expression that is no condition on columns, or could run code."""
    list_names(value)
    return value


def check_raw_file(value: str) -> str:
    """Raise for a file that DVC does not track, so that changes would go unnoticed."""
    if not normpath(value).startswith(RAW) or "\\" in value:
        raise ValueError(
            f"must be a path under {RAW}, from the project's root and with '/' (found {value!r}): "
            "DVC watches that folder alone, so put the file, or a link to it, there"
        )
    return value


def check_model_name(value: str, kinds: Sequence[str], key: str = "model") -> None:
    """Raise for a misspelt kind, which would be searched on the hub, and an untracked folder."""
    if is_component(value):
        try:
            validate_component("model")(value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
        return
    local = check_local_model(key, value)
    close = closest_name(value, kinds, cutoff=0.75)
    if value not in kinds and close and not local:
        raise ValueError(
            f"{key}: unknown kind '{value}'; did you mean '{close}'? Known: {', '.join(kinds)}, "
            f"components.<name>, a folder under {PRETRAINED}, or a Hugging Face id"
        )


def validate_component(kind: str) -> Callable[[str], str]:
    """Return a check of a component's file, functions and signatures by its name."""

    def check(value: str) -> str:
        try:
            check_component(value, kind)
        except FoldlineError as error:
            raise ValueError(str(error)) from None
        return value

    return check


def check_local_model(key: str, value: str) -> bool:
    """Return whether a model is local; raise if its folder is missing or not tracked by DVC."""
    local = value.startswith(("/", ".", "~", "models/")) or "\\" in value or Path(value).is_dir()
    if local and not normpath(value).startswith(PRETRAINED):
        raise ValueError(
            f"{key}: a local model must lie under {PRETRAINED} (found {value!r}): DVC watches that "
            f"folder alone, so put it there, and `dvc add` it if it is large"
        )
    if local and not Path(value).is_dir():
        raise ValueError(f"{key}: there is no folder {value!r}; {explain_absence(Path(value))}")
    problem = find_problem(Path(value), sentences=key == "encoder") if local else None
    if problem:
        raise ValueError(f"{key}: {value} holds no model that transformers can load: {problem}")
    return local


def check_code_hash(value: object) -> object:
    """Raise for anything but the hash of a model's code: no value allows the code of any model."""
    if value is None or (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)):
        return value
    raise ValueError(
        f"must be blank, or the sha256 of a model's own code (found {value!r:.40}): the message "
        "that refuses the model says it"
    )


def check_tracked_file(key: str, value: str) -> None:
    """Raise for a file or folder that DVC does not track, so that changes would go unnoticed."""
    if not normpath(value).startswith((RAW, PRETRAINED)) or "\\" in value:
        raise ValueError(
            f"{key}: must lie under {RAW} or {PRETRAINED} (found {value!r}): DVC watches those "
            "folders alone, so put it there"
        )


def check_prompt(value: str) -> str:
    """Raise for a prompt without the placeholder of the text."""
    if "{text}" not in value:
        raise ValueError(
            f"must hold {{text}}, where each row's text is put; {{text_pair}} and {{label}} may be "
            f"in it, too (found {value!r})"
        )
    return value


def check_server(value: str) -> str:
    """Raise for an address of no server, or one that holds a secret, without repeating it."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(
            "must be the address of a server, http:// or https://, as https://api.openai.com/v1"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "must hold no user, password, ? or #, which would be committed: a key belongs in the "
            "environment variable that key_variable names"
        )
    return value


def check_variable(value: str) -> str:
    """Raise for what names no environment variable: it may be the key itself."""
    if not re.fullmatch("[A-Z_][A-Z0-9_]{0,63}", value):
        raise ValueError(
            "must be the name of an environment variable, in capitals, as OPENAI_API_KEY; the key "
            "itself belongs in that variable and nowhere else"
        )
    return value


def check_hypothesis(value: str) -> str:
    """Raise for a hypothesis without the placeholder of the label's description."""
    if "{label}" not in value:
        raise ValueError(
            f"must hold {{label}}, where each class's description is put (found {value!r})"
        )
    return value


def check_encoding(value: str) -> str:
    """Raise for an encoding that Python does not know."""
    try:
        known = value == "auto" or "".encode(value) is not None
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ValueError(
            f"must be auto or an encoding that Python knows (found {value!r}), such as utf-8, "
            "cp949, utf-16, latin-1"
        )
    return value


def check_distinct_columns(data: dict[str, Any]) -> None:
    """Raise for a file or column in two roles that must differ."""
    seen: dict[str, str] = {}
    for name in ("train", "valid", "test"):
        path = data[name] and normpath(data[name])
        if path in seen:
            names = [f"data.{part}" for part in (name, seen[path]) if part != "train"]
            raise ValueError(
                f"{name}: is the same file as data.{seen[path]} ({path}), so rows would be in "
                f"two parts; set {' or '.join(names)} to null"
            )
        if path:
            seen[path] = name
    pairs = [("text_pair", "text"), ("label", "text"), ("label", "text_pair")]
    pairs += [("label", "id"), ("label", "group"), ("label", "auxiliary_label")]
    pairs += [("auxiliary_label", name) for name in ("id", "text", "text_pair", "group")]
    for one, other in pairs:
        names = data[one] if isinstance(data[one], list) else [data[one]]
        if data[other] is not None and data[other] in names:
            raise ValueError(
                f"{one}: is the same column as data.{other} ({data[other]!r}): correct one of them"
            )


Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
SystemName = Annotated[str, AfterValidator(check_system_name)]
MemberName = Annotated[str, AfterValidator(check_member_name)]
# A class as a key: 0 without quotes is a number in YAML, but '0' in the data.
ClassName = Annotated[str, BeforeValidator(lambda key: str(key) if type(key) is int else key)]
Range = Annotated[list[Count], Field(min_length=2, max_length=2), AfterValidator(check_increasing)]
Condition = Annotated[str, AfterValidator(check_condition)]
RawFile = Annotated[str, AfterValidator(check_raw_file)]
ComponentName = Annotated[str, Field(pattern=PATTERN)]
AugmenterComponent = Annotated[ComponentName, AfterValidator(validate_component("augmenter"))]
LossComponent = Annotated[ComponentName, AfterValidator(validate_component("loss"))]
MetricComponent = Annotated[ComponentName, AfterValidator(validate_component("metric"))]
CleanerComponent = Annotated[ComponentName, AfterValidator(validate_component("cleaner"))]
