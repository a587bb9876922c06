"""YAML 1.2 files, as DVC reads them: PyYAML reads `5e-05` as a string."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; None if it is empty.

    Raises:
        FoldlineError: naming the line that is not UTF-8 or not YAML.
    """
    return parse_yaml(_read_text(path), path)


def parse_yaml(text: str, path: Path = Path("the text")) -> Any:
    """Return the content of YAML text; None if it is empty.

    Raises:
        FoldlineError: naming the line of `path` that is not YAML.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return deepcopy(_parse(text))
    except MarkedYAMLError as error:
        raise FoldlineError(_format_yaml_error(path, error)) from error
    except YAMLError as error:
        raise FoldlineError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


@lru_cache(maxsize=8)
def _parse(text: str) -> Any:
    """Return parsed YAML, cached by text."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FoldlineError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FoldlineError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8. "
            "Save the file as UTF-8"
        ) from error


def _format_yaml_error(path: Path, error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{path}, line {mark.line + 1}" if mark else str(path)
    problem = " ".join(str(error.problem or error.context).split())
    advice = "Indent with spaces: YAML allows no tabs" if "\\t" in problem else "Correct that line"
    return f"{where}: not valid YAML: {problem}. {advice}"
