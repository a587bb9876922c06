"""Fill the generated parts of the documentation, between `<!-- name -->` and `<!-- /name -->`.

Run `python -m tools.docs` to write them, with `--check` to hear which are stale.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PAGES = (Path("README.md"), Path("README.ko.md"), Path("docs/params.md"))


def stage_table() -> str:
    """Give a row for each stage of dvc.yaml: what it does, reads and writes."""
    stages: Any = YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    rows = ["| stage | what it does | reads | writes |", "|---|---|---|---|"]
    for name, stage in stages.items():
        read = [
            path
            for path in _paths(stage.get("deps", []))
            if path.startswith(("data", "models", "reports"))
        ]
        written = _paths(stage.get("outs", [])) + _paths(stage["metrics"])
        cells = [f"`{name}`", stage["desc"], _code(read), _code(written)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def param_table(top_only: bool = False) -> str:
    """Give a row for each key of params.yaml: its value and the comment beside it."""
    rows = ["| key | value | what |", "|---|---|---|"]
    for key, value, comment in param_lines():
        if not (top_only and "." in key):
            rows.append(f"| `{key}` | `{value}` | {comment} |".replace("|  |", "| |"))
    return "\n".join(rows)


def param_lines() -> Iterator[tuple[str, str, str]]:
    """Yield dotted key, value and comment of each value in params.yaml."""
    parents: list[str] = []
    for line in Path("params.yaml").read_text(encoding="utf-8").splitlines():
        found = re.match(r"( *)(\w+):\s*([^#]*?)\s*(?:#\s*(.*))?$", line)
        if not found:
            continue
        indent, name, value, comment = found.groups()
        parents = [*parents[: len(indent) // 2], name]
        if value:
            text = re.sub(r"\s*#\s*template:\w+", "", f"# {comment}" if comment else "")
            yield ".".join(parents), value, text.removeprefix("# ").replace("|", "\\|")


def filled(text: str) -> str:
    """Give a page with its generated parts made anew."""
    parts = {"stages": stage_table(), "knobs": param_table(top_only=True), "params": param_table()}
    for name, table in parts.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        start, *end = re.split(pattern, text, maxsplit=1, flags=re.DOTALL)
        text = f"{start}{end[0]}{table}\n{end[1]}{end[2]}" if end else text
    return text


def main() -> None:
    """Write the pages, or tell which are stale."""
    stale = []
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            stale.append(str(page))
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8", newline="\n")
    if stale and "--check" in sys.argv:
        raise SystemExit(f"stale: {', '.join(stale)}; run `python -m tools.docs`")


def _paths(items: list[Any]) -> list[str]:
    return [next(iter(item)) if isinstance(item, dict) else item for item in items]


def _code(paths: list[str]) -> str:
    return " ".join(f"`{path}`" for path in paths)


if __name__ == "__main__":
    main()
