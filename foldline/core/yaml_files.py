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
        raise FoldlineError(_format_yaml_error(path, text, error)) from error
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


def _format_yaml_error(path: Path, text: str, error: Any) -> str:
    """Return the message for a line that is not YAML, with that line.

    What lacks its end (a colon, bracket or quote) is noticed on a later line: the line where it
    begins is named.
    """
    unfinished = any(part in str(error.context) for part in ("simple key", "flow", "quoted"))
    marks = [error.problem_mark, error.context_mark]
    mark = next(filter(None, reversed(marks) if unfinished else marks), None)
    problem = " ".join(str(error.problem or error.context).split())
    advice = "Indent with spaces: YAML allows no tabs" if "\\t" in problem else "Correct that line"
    if not mark:
        return f"{path}: not valid YAML: {problem}. {advice}"
    lines = text.splitlines()
    shown = lines[mark.line].strip() if mark.line < len(lines) else ""
    return f"{path}, line {mark.line + 1}: not valid YAML: {problem}. {advice}" + (
        f":\n  {shown}" if shown else ""
    )
