"""The code that a stage depends on, as folders: its import closure, packages at a time."""

import ast
from pathlib import Path

# Parts of packages that are a dependency of their own.
SUBFOLDERS = ("foldline/core/io",)
# They start, check, watch or report a run and cannot change its result. No stage depends on them,
# so that another message or progress bar re-runs nothing.
UNDECLARED = ("foldline/core", "foldline/experiments", "foldline/project")


# Where modules are looked for; others are packages of the environment (constraints.txt).
PACKAGES = ("foldline", "stages")


def stage_code(stage: str, root: Path = Path()) -> list[str]:
    """Return the folders of the library that a stage's imports reach, and the files in stages/."""
    modules = closure(root / "stages" / f"{stage}.py", root)
    paths = [path.relative_to(root) for path in modules if path.name != "__init__.py"]
    folders = {folder_of(path) for path in paths} - {"stages", *UNDECLARED}
    return [*sorted(folders), *sorted(p.as_posix() for p in paths if p.parts[0] == "stages")]


def folder_of(path: Path) -> str:
    """Return the folder by which dvc.yaml names a module: its package, or a part of one."""
    name = path.as_posix()
    inside = [folder for folder in SUBFOLDERS if name.startswith(f"{folder}/")]
    return inside[0] if inside else "/".join(path.parts[: min(2, len(path.parts) - 1)])


def closure(start: Path, root: Path = Path(), follow_undeclared: bool = False) -> set[Path]:
    """Return the modules that a file imports, directly or not, and the file.

    Imports of undeclared folders are not followed unless asked for.
    """
    seen: set[Path] = set()
    pending = [start]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            if follow_undeclared or folder_of(path.relative_to(root)) not in UNDECLARED:
                pending += imported_modules(path, root)
    return seen


def imported_modules(path: Path, root: Path = Path()) -> list[Path]:
    """Return our modules that a file imports, wherever the import stands."""
    package = path.relative_to(root).parts[:-1]
    files = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported_names(node, package):
            if name.split(".")[0] in PACKAGES:
                file = root.joinpath(*name.split("."))
                files += [file.with_suffix(".py"), file / "__init__.py"]
    return [file for file in files if file.exists()]


def imported_names(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Return the dotted names that a node imports; `package` resolves relative imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parents = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join(filter(None, (*parents, node.module)))
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        return [arg.value for arg in node.args[:1] if is_text(arg)]  # type: ignore[attr-defined]
    return []


def is_text(node: ast.AST) -> bool:
    """Return whether a node is a string."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
