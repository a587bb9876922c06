"""Rewrite the lines of pyproject.toml, params.yaml and dvc.yaml that differ between projects.

Such a line ends in a comment `# template:<key>`. Its value is replaced and the mark removed; the
rest of the comment stays:

    task: classification  # or regression  # template:task    ->    task: regression  # or ...

A line marked `# template:only` is omitted from a project.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

MARKED_KEYS = {
    "pyproject.toml": ("project_slug", "author"),
    "params.yaml": (
        "task",
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
    """The marked lines of the template are not as expected."""


def quote(text: str) -> str:
    """Return `text` as a string literal of both TOML and YAML 1.2."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'


def format_value(key: str, value: str) -> str:
    """Return a value as written in its file, with names chosen by the user in quotes."""
    if key == "author":
        return f"[{{ name = {quote(value)} }}]"
    return quote(value) if key == "project_slug" else value


def replace_marked_value(line: str, value: str) -> str:
    """Return a marked line with `value` and without its mark; other comments keep their column."""
    match, mark = LINE.fullmatch(line), MARK.search(line)
    if not match or not mark:
        raise MarkError(f"not of the form `key: value  # template:key`: {line.strip()}")
    before, after = line[match.start("note") : mark.start()].strip(), line[mark.end() :].strip()
    after = f"# {after}" if after and not after.startswith("#") else after
    # `dvc exp run -S` writes null as nothing at all; the gap is then up to the comment.
    start = match["start"] + (match["gap"] if match["value"].strip() else " ") + value
    if note := "  ".join(filter(None, (before, after))):
        start = start.ljust(max(len(start) + 2, match.start("note")))
    return start + note + match["end"]


def rewrite_marked_lines(name: str, text: str, values: Mapping[str, str]) -> str:
    """Return the text of a marked file with the project's values."""
    keys = MARKED_KEYS[name]
    counts: Counter[str] = Counter()
    lines = []
    for line in text.split("\n"):
        marks = MARK.findall(line)
        counts.update(marks)
        if len(marks) == 1 and marks[0] in keys:
            line = replace_marked_value(line, format_value(marks[0], values[marks[0]]))
        if "only" not in marks:
            lines.append(line)
    del counts["only"]
    if problems := sorted(key for key in {*keys, *counts} if (key in keys) != counts[key]):
        raise MarkError(f"{name} needs one line `# template:<key>` each for: {', '.join(problems)}")
    return "\n".join(lines)
