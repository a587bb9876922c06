"""Each declared package is imported by what a project runs, and each imported one is declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEMPLATE = ROOT / "template/pyproject.toml"
# Imported by transformers, for the tokenizers of many models.
OF_TRANSFORMERS = {"sentencepiece", "protobuf"}
OURS = {"foldline", "stages", "components", "tests"}


def imported_modules(folder: Path) -> Iterator[str]:
    """Yield the top-level modules that the folder's code imports, also by `import_module`."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield str(node.module).split(".")[0]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                yield from re.findall(r"^f?'(\w+)\.", ast.unparse(node.args[0]))


def third_party(*folders: str) -> set[str]:
    """Return the names of packages, as indexes spell them, that the folders' code imports."""
    modules = {name for folder in folders for name in imported_modules(ROOT / folder)}
    packages = metadata.packages_distributions()
    return {
        canonicalize_name(packages.get(name, [name])[0])
        for name in modules - set(sys.stdlib_module_names) - OURS
    }


def declared(*lists: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for lines in lists for line in lines}


def test_the_library_imports_what_it_declares():
    used = third_party("foldline", "stages") | OF_TRANSFORMERS

    assert declared(LIBRARY["project"]["dependencies"]) <= used


def test_the_library_declares_what_it_imports():
    project = LIBRARY["project"]
    allowed = declared(project["dependencies"], *project["optional-dependencies"].values())

    assert third_party("foldline", "stages", "components") <= allowed


def test_a_project_declares_the_library_and_tools_of_its_commands():
    project = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")

    assert declared(project["project"]["dependencies"]) == {"foldline"}
    assert declared(project["dependency-groups"]["dev"]) == {"pytest", "ruff"}
    assert "pytest" in third_party("tests/project")
    assert "python run.py ruff check" in hooks
