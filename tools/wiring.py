"""What dvc.yaml must name: the modules that each stage's code reaches.

Run `python -m tools.wiring` to see what each stage must depend on, with `--write` to put it into
dvc.yaml.
"""

import ast
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILE = Path("dvc.yaml")
OURS = ("foldline", "stages")
# These cannot change a result: params.yaml holds all values, and the rest reports or guards.
FREE = {
    "foldline/frame/checks.py",
    "foldline/frame/params/balance.py",
    "foldline/frame/params/base.py",
    "foldline/frame/params/data.py",
    "foldline/frame/params/kinds.py",
    "foldline/frame/params/models.py",
    "foldline/frame/params/settings.py",
    "foldline/frame/params/training.py",
    "foldline/frame/loading.py",
    "foldline/frame/problems.py",
    "foldline/frame/errors.py",
    "foldline/frame/stage.py",
    "foldline/frame/environment.py",
    "foldline/frame/usage.py",
    "foldline/experiments/trackers.py",
}


def closure(start: Path) -> list[str]:
    """Give all our modules that a file imports, directly or not, and the file itself."""
    seen: set[Path] = set()
    open_ = [start]
    while open_:
        path = open_.pop()
        if path in seen:
            continue
        seen.add(path)
        if path.as_posix() not in FREE:
            open_ += [found for found in imports(path) if found not in seen]
    names = [path.as_posix() for path in seen if path.name != "__init__.py"]
    return sorted(name for name in names if name not in FREE)


def imports(path: Path) -> list[Path]:
    """Give our modules that a file names in import statements, wherever they stand."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in OURS:
                file = Path(*name.split("."))
                found += [p for p in (file.with_suffix(".py"), file / "__init__.py") if p.exists()]
    return found


def code_deps(stage: str) -> list[str]:
    """Give the code that a stage of dvc.yaml must depend on."""
    return closure(Path("stages") / f"{stage}.py")


def main() -> None:
    """Print or write the code dependencies."""
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    content: Any = yaml.load(FILE.read_text(encoding="utf-8"))
    for name, stage in content["stages"].items():
        data = [d for d in stage.get("deps", []) if not str(d).endswith(".py")]
        stage["deps"] = code_deps(name) + data
        if "--write" not in sys.argv:
            print(name, *stage["deps"], sep="\n  ")
    if "--write" in sys.argv:
        with FILE.open("w", encoding="utf-8", newline="\n") as stream:
            yaml.dump(content, stream)


if __name__ == "__main__":
    main()
