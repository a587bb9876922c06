"""Edits of single values in params.yaml, which keep its comments."""

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically
from foldline.core.params import Settings, loading


@dataclass(frozen=True)
class ParamsEdit:
    """New values for a params file, validated but not yet written.

    `changes` are the old and the new value of each dotted key that changes.
    """

    path: Path
    values: Mapping[str, Any]
    before: str
    after: str
    changes: dict[str, tuple[Any, Any]]

    def write(self) -> None:
        """Write the values atomically, into the current text if the file has changed since."""
        current, text = _read_text(self.path), self.after
        if current != self.before:
            text = _validate(self.path, edit_yaml(current, self.values))
        with replace_atomically(self.path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")


def prepare_edit(path: Path, content: Mapping[str, Any], values: Mapping[str, Any]) -> ParamsEdit:
    """Return the edit that sets values in a params file whose parsed form is `content`.

    Raises:
        FoldlineError: where the edited file would not be valid, naming each problem.
    """
    before = _read_text(path)
    after = _validate(path, edit_yaml(before, values))
    old = {key: reduce(getitem, key.split("."), content) for key in values}
    changes = {key: (old[key], value) for key, value in values.items() if old[key] != value}
    return ParamsEdit(path, values, before, after, changes)


def edit_yaml(text: str, values: Mapping[str, Any]) -> str:
    """Return the text of a YAML file with values set by dotted keys, in the form that DVC writes.

    Any other form would be rewritten by the next `dvc exp run -S`, as changes that nobody made.

    Raises:
        FoldlineError: where a key does not exist.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    content: Any = yaml.load(text)
    for key, value in values.items():
        *parents, name = key.split(".")
        section = reduce(_get_section, parents, content)
        if not isinstance(section, dict) or name not in section:
            raise FoldlineError(f"params.yaml has no key {key}: `git restore params.yaml`")
        if section[name] != value:
            section[name] = value
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue().replace("\n", "\r\n" if "\r\n" in text else "\n")


def _get_section(parent: Any, name: str) -> Any:
    return parent.get(name) if isinstance(parent, dict) else None


def _validate(path: Path, text: str) -> str:
    """Return the text if it is a valid params file; errors name it `path`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        file.write_text(text, encoding="utf-8", newline="")
        try:
            loading.load_params(Settings, file)
        except FoldlineError as error:
            raise FoldlineError(str(error).replace(str(file), str(path))) from None
    return text


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return stream.read()
