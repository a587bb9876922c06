"""The code that a stage depends on, as folders: its import closure, packages at a time."""

import ast
from pathlib import Path

# Parts of packages that are a dependency of their own.
SUBFOLDERS = ("foldline/core/io",)
# They start, check, watch or report a run and cannot change its result. No stage depends on them,
# so that another message or progress bar re-runs nothing.
UNDECLARED = ("foldline/core", "foldline/experiments", "foldline/project")


def stage_code(stage: str, root: Path = Path()) -> list[str]:
    """Return the folders of the library that a stage's imports reach, and its own file."""
    start = root / "stages" / f"{stage}.py"
    folders = {folder_of(path.relative_to(root)) for path in closure(start, root)}
    return [*sorted(folders - {"stages", *UNDECLARED}), f"stages/{stage}.py"]


def folder_of(path: Path) -> str:
    """Return the folder by which dvc.yaml names a module: its package, or a part of one."""
    name = path.as_posix()
    inside = [folder for folder in SUBFOLDERS if name.startswith(f"{folder}/")]
    return inside[0] if inside else "/".join(path.parts[: min(2, len(path.parts) - 1)])


def closure(start: Path, root: Path = Path()) -> set[Path]:
    """Return the modules that a file imports, directly or not, up to those that are undeclared."""
    seen: set[Path] = set()
    pending = [start]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            if folder_of(path.relative_to(root)) not in UNDECLARED:
                pending += imported_modules(path, root)
    return seen


def imported_modules(path: Path, root: Path = Path()) -> list[Path]:
    """Return the modules of foldline that a file's import statements name, wherever they stand."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "foldline":
                file = root.joinpath(*name.split("."))
                candidates = (file.with_suffix(".py"), file / "__init__.py")
                found += [candidate for candidate in candidates if candidate.exists()]
    return found
