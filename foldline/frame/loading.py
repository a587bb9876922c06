"""params.yaml is read as DVC reads it, and checked as a whole before any stage works."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from foldline.frame.errors import FoldlineError
from foldline.frame.params import Section, Settings
from foldline.frame.problems import told

FILE = Path("params.yaml")
P = TypeVar("P", bound=Section)


def read(path: Path = FILE) -> dict[str, Any]:
    """Read params.yaml as DVC does, by YAML 1.2: PyYAML takes `5e-05` for a text.

    Raises:
        FoldlineError: naming the line that is not UTF-8 or not YAML.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        content = deepcopy(_parsed(_text(path)))
    except MarkedYAMLError as error:
        raise FoldlineError(_not_yaml(path, error)) from error
    except YAMLError as error:
        raise FoldlineError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if content is None:
        raise FoldlineError(
            f"{path} is empty, but must hold every key. `git restore {path}` brings the committed "
            "one back"
        )
    if not isinstance(content, dict):
        raise FoldlineError(f"{path} must hold keys and values, found {type(content).__name__}")
    return content


def load(kind: type[P], path: Path = FILE) -> P:
    """Check the whole file and give the keys that one stage declares.

    Raises:
        FoldlineError: naming every problem at once.
    """
    content = read(path)
    try:
        Settings.model_validate(content)
    except ValidationError as error:
        raise FoldlineError(told(path, content, error)) from None
    return kind.model_validate({name: content[name] for name in kind.model_fields})


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """Parse YAML, each text once in a process."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FoldlineError(
            f"{path} is missing: run commands from the project's root folder"
        ) from error
    except OSError as error:
        raise FoldlineError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FoldlineError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8. "
            "Save the file as UTF-8, which DVC needs too"
        ) from error


def _not_yaml(path: Path, error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{path}, line {mark.line + 1}" if mark else str(path)
    problem = " ".join(str(error.problem or error.context).split())
    advice = "Indent with spaces: YAML allows no tabs" if "\\t" in problem else "Mend that line"
    return f"{where}: not valid YAML: {problem}. {advice}"
