"""Rewrite the lines of pyproject.toml, params.yaml and dvc.yaml that are each project's own.

Such a line ends in a comment `# template:<key>`. Its value is replaced and the mark goes, since
the new project is no template; other words of the comment stay:

    task: classification  # or regression  # template:task    ->    task: regression  # or ...

A line marked `# template:only` is left out of a project.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

MARKED = {
    "pyproject.toml": ("project_slug", "author"),
    "params.yaml": (
        "task",
        "model",
        "data_train",
        "data_predict",
        "data_text",
        "data_text_pair",
        "data_label",
        "sample_submission",
    ),
    "dvc.yaml": ("plot",),
}
MARK = re.compile(r"#\s*template:(\w+)")
# `key: value  # note` of YAML or `key = value  # note` of TOML; a # within quotes is no note.
LINE = re.compile(
    r"""(?P<start>\s*[\w.-]+\s*[:=])(?P<gap>[ \t]*)(?P<value>(?:"[^"]*"|'[^']*'|[^#"'])*?)"""
    r"""\s+(?P<note>\#.*?)(?P<end>\r?)"""
)


class MarkError(Exception):
    """The template's marked lines are not what they have to be."""


def quoted(text: str) -> str:
    """Return `text` as a string that TOML and YAML 1.2 read the same."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'


def written(key: str, value: str) -> str:
    """Return a value as it stands in its file: names chosen by the user in quotes."""
    if key == "author":
        return f"[{{ name = {quoted(value)} }}]"
    return quoted(value) if key == "project_slug" else value


def marked_line(line: str, value: str) -> str:
    """Put `value` into a marked line and take its mark off; other comments keep their column."""
    parts, mark = LINE.fullmatch(line), MARK.search(line)
    if not parts or not mark:
        raise MarkError(f"not of the form `key: value  # template:key`: {line.strip()}")
    before, after = line[parts.start("note") : mark.start()].strip(), line[mark.end() :].strip()
    after = f"# {after}" if after and not after.startswith("#") else after
    # `dvc exp run -S` writes null as nothing at all; the gap is then up to the comment.
    start = parts["start"] + (parts["gap"] if parts["value"].strip() else " ") + value
    if note := "  ".join(filter(None, (before, after))):
        start = start.ljust(max(len(start) + 2, parts.start("note")))
    return start + note + parts["end"]


def rewritten(name: str, text: str, values: Mapping[str, str]) -> str:
    """Return the text of a marked file with the project's values, each of which it marks once."""
    keys = MARKED[name]
    found: Counter[str] = Counter()
    lines = []
    for line in text.split("\n"):
        marks = MARK.findall(line)
        found.update(marks)
        if len(marks) == 1 and marks[0] in keys:
            line = marked_line(line, written(marks[0], values[marks[0]]))
        if "only" not in marks:
            lines.append(line)
    del found["only"]
    if wrong := sorted(key for key in {*keys, *found} if (key in keys) != found[key]):
        raise MarkError(f"{name} needs one line `# template:<key>` each for: {', '.join(wrong)}")
    return "\n".join(lines)
