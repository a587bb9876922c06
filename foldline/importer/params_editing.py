"""Values of params.yaml, put in one by one: every other character stays as it is."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replacing
from foldline.core.params import Settings, loading


@dataclass(frozen=True)
class ParamsEdit:
    """New values for a params file, valid with all that stands there; nothing is written yet.

    `changes` gives the old and the new value of each dotted key whose value changes.
    """

    path: Path
    wanted: Mapping[str, Any]
    before: str
    after: str
    changes: dict[str, tuple[Any, Any]]

    def write(self) -> None:
        """Write the values, whole or not at all, also where the file was changed meanwhile."""
        same = _read_text(self.path) == self.before
        text = (
            self.after
            if same
            else _validate(self.path, edit_yaml(_read_text(self.path), self.wanted))
        )
        with replacing(self.path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")


def prepare_edit(path: Path, content: Mapping[str, Any], wanted: Mapping[str, Any]) -> ParamsEdit:
    """Put values into the text of a params file, which holds `content`, and check it as a whole.

    Raises:
        FoldlineError: where the file would not be valid then, naming each problem.
    """
    before = _read_text(path)
    after = _validate(path, edit_yaml(before, wanted))
    old = {key: reduce(getitem, key.split("."), content) for key in wanted}
    changes = {key: (old[key], value) for key, value in wanted.items() if old[key] != value}
    return ParamsEdit(path, wanted, before, after, changes)


def edit_yaml(text: str, wanted: Mapping[str, Any]) -> str:
    """Put values into the text of a YAML file by dotted keys; comments keep their column.

    Raises:
        FoldlineError: where a key is not there.
    """
    from ruamel.yaml import YAML

    root: Any = YAML(pure=True).compose(text)
    spans = []
    for key, value in wanted.items():
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
    """Give a value as YAML on one line: plain where that is read back as the same."""
    from ruamel.yaml import YAML

    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(_format_item(item) for item in value)}]"
    text = str(value)
    plain = YAML(typ="safe", pure=True)
    try:
        same = text.isprintable() and plain.load(f"key: {text}  # comment") == {"key": value}
    except Exception:  # of a parser or a constructor: then it needs quote marks
        same = False
    return text if same else json.dumps(text, ensure_ascii=False)


def _format_item(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False) if isinstance(value, str) else str(value)


def _locate_value(text: str, key: Any, node: Any, value: str) -> tuple[int, int, str]:
    """Give start and end of what is replaced, and its replacement."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node.value, list) and node.value and not node.flow_style:
        # A list with an item a line moves up behind its key; a comment there stays.
        behind = text.index(":", key.end_mark.index) + 1
        return behind, node.value[-1].end_mark.index, f" {value}{text[behind:start].rstrip()}"
    if start == end:  # no value: its mark stands anywhere behind the key
        start = end = text.index(":", key.end_mark.index) + 1
    return start, end, value if text[start - 1].isspace() else f" {value}"


def _replace_span(text: str, start: int, end: int, value: str) -> str:
    """Replace a span; a comment behind it stays in its column where there is room."""
    after = text[end:]
    gap = len(after) - len(after.lstrip(" "))
    if gap and after[gap : gap + 1] == "#":
        room = 0 if "\n" in text[start:end] else end - start + gap - len(value)
        after = " " * max(2, room) + after[gap:]
    return text[:start] + value + after


def _validate(path: Path, text: str) -> str:
    """Give a text that is valid as a whole, told under the name `path` where it is not."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        file.write_text(text, encoding="utf-8", newline="")
        try:
            loading.load(Settings, file)
        except FoldlineError as error:
            raise FoldlineError(str(error).replace(str(file), str(path))) from None
    return text


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return stream.read()
