"""Every key of params.yaml that a message or a docstring names exists, and takes the value."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from foldline.core.params.loading import find_problems, read_params
from tests.helpers.advised_projects import parse_value

SOURCES = [*Path("foldline").rglob("*.py"), *Path("stages").glob("*.py")]
GAP = "\0"  # an expression inside an f-string
NO_KEYS = re.compile(
    r"\w+\.(csv|gz|html|js|json|jsonl|onnx|parquet|safetensors|tsv|yaml)"  # files
    r"|data\.(noun|verb|adj|adv)"  # of WordNet
    r"|augment\.per_class\.\w+"  # classes
)


@cache
def named_keys() -> list[tuple[str, str, str]]:
    """Return the place, the dotted key, and the value (`=...`) or empty text, of each mention."""
    sections = "|".join(
        name
        for name, value in read_params(Path("params.yaml")).items()
        if isinstance(value, dict) and name != "components"
    )
    named = re.compile(
        rf"(?<![\w./-])((?:{sections})(?:\.[a-z_][a-z_0-9]*)+)(?![\w/({GAP}])"
        rf"(?:=(\[[^\]{GAP}]*\]|[\w.]*\w)(?![\w{GAP}]))?"
    )
    return [
        (place, key, value)
        for file in SOURCES
        for place, text in _strings(file, ast.parse(file.read_text(encoding="utf-8")))
        for key, value in named.findall(text)
        if not NO_KEYS.fullmatch(key)
    ]


def _strings(file: Path, node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each string, docstrings too, with its place."""
    if isinstance(node, ast.JoinedStr):
        parts = [str(v.value) if isinstance(v, ast.Constant) else GAP for v in node.values]
        yield f"{file}:{node.lineno}", "".join(parts)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield f"{file}:{node.lineno}", node.value
    for child in ast.iter_child_nodes(node):
        yield from _strings(file, child)


@cache
def params() -> dict[str, Any]:
    return dict(read_params(Path("tests/params.yaml")))


def has_key(key: str) -> bool:
    section: Any = params()
    for name in key.split("."):
        if not isinstance(section, dict) or name not in section:
            return False
        section = section[name]
    return True


def test_every_key_that_is_named_exists():
    assert len(named_keys()) > 200
    unknown = [f"{place}: {key}" for place, key, _ in named_keys() if not has_key(key)]

    assert "\n".join(unknown) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    sorted({(key, value) for _, key, value in named_keys() if value and has_key(key)}),
)
def test_every_value_that_is_named_is_of_its_key(key, value):
    """Rules between keys, as `split.method=time` needs data.time, are not problems of the value."""
    content = deepcopy(params())
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    section[last] = parse_value(value)

    assert not find_problems(content).get(key, "").startswith("must be")
