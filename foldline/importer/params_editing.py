"""Edits of single values in params.yaml that leave every other character as it is."""

import json
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
    """Return the text of a YAML file with values set by dotted keys; comments keep their column.

    Raises:
        FoldlineError: where a key does not exist.
    """
    from ruamel.yaml import YAML

    root: Any = YAML(pure=True).compose(text)
    spans = []
    for key, value in values.items():
        node, name = root, root
        for part in key.split("."):
            pairs = getattr(node, "value", [])
            name, node = next(((k, v) for k, v in pairs if k.value == part), (None, None))
            if node is None:
                raise FoldlineError(f"params.yaml has no key {key}: `git restore params.yaml`")
        spans.append(_locate_value(text, name, node, format_value(value)))
    for start, end, value in sorted(spans, reverse=True):
        text = _replace_span(text, start, end, value)
    return text


def format_value(value: object) -> str:
    """Return a value as DVC writes it: on one line, quoted only where it must be; null is blank."""
    from ruamel.yaml import YAML

    if value is None:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(_format_item(item) for item in value)}]"
    text = str(value)
    plain = YAML(typ="safe", pure=True)
    try:
        same = text.isprintable() and plain.load(f"key: {text}  # comment") == {"key": value}
    except Exception:  # the parser rejects it, so it needs quotes
        same = False
    return text if same else json.dumps(text, ensure_ascii=False)


def _format_item(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False) if isinstance(value, str) else str(value)


def _locate_value(text: str, key: Any, node: Any, value: str) -> tuple[int, int, str]:
    """Return start and end of the text to replace, and its replacement."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node.value, list) and node.value and not node.flow_style:
        # A block list is replaced by a flow list after its key; a comment there is kept.
        behind = text.index(":", key.end_mark.index) + 1
        return behind, node.value[-1].end_mark.index, f" {value}{text[behind:start].rstrip()}"
    if start == end:  # no value: the parser's mark may be anywhere after the key
        start = end = text.index(":", key.end_mark.index) + 1
    return start, end, value if text[start - 1].isspace() else f" {value}"


def _replace_span(text: str, start: int, end: int, value: str) -> str:
    """Replace a span; a comment after it keeps its column where there is room."""
    after = text[end:]
    gap = len(after) - len(after.lstrip(" "))
    if gap and after[gap : gap + 1] == "#":
        room = 0 if "\n" in text[start:end] else end - start + gap - len(value)
        after = " " * max(2, room) + after[gap:]
    return text[:start] + value + after


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
