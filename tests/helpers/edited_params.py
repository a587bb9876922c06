"""The params.yaml of tests with lines changed, and what is said of it."""

import re
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from tests.helpers.projects import PARAMS

COMMITTED = PARAMS.read_text(encoding="utf-8")


def write_edited_params(folder: Path, **lines: str) -> Path:
    """Write params.yaml with lines changed: key (as it stands there) to new line."""
    text = COMMITTED
    for key, line in lines.items():
        text, count = re.subn(rf"^( *){key}:.*$", rf"\g<1>{line}", text, count=1, flags=re.M)
        assert count, f"params.yaml has no line {key}"
    return write_params(folder, text.encode())


def write_params(folder: Path, content: bytes) -> Path:
    """Write params.yaml as it is given."""
    path = folder / "params.yaml"
    path.write_bytes(content)
    return path


def params_error(path: Path) -> str:
    """Return the message about a file that is refused."""
    with pytest.raises(FoldlineError) as caught:
        load_params(Settings, path)
    return str(caught.value)
