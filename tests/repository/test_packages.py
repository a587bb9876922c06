"""Packages import only downwards, and the choices in params.yaml are those of the code."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from foldline.augmentation.augmenters import AUGMENTERS
from foldline.core import params
from foldline.ensembling.methods.registry import METHODS
from foldline.models.registry import KINDS, PRETRAINED

# Each package may import those that it names, and itself.
BASE = ["core", "metrics", "encoders", "execution", "annotators", "data", "models", "augmentation"]
PACKAGES = {
    "core": [],
    "metrics": ["core"],
    "encoders": ["core"],
    "execution": ["core"],
    "annotators": ["core", "metrics"],
    "data": ["core", "metrics", "annotators"],
    "models": ["core", "metrics", "encoders"],
    "augmentation": ["core", "data", "models", "encoders"],
    "ensembling": BASE,
    "evaluation": [*BASE, "ensembling"],
    "prediction": [*BASE, "ensembling"],
    "experiments": [*BASE, "ensembling", "evaluation"],
    "diagnostics": [*BASE, "ensembling", "evaluation", "experiments"],
    "importer": ["core", "metrics", "annotators", "data"],
    "pages": [],
    "viewer": ["core", "metrics", "annotators", "data", "pages"],
    "report": ["core", "metrics", "ensembling", "evaluation", "pages"],
    "onnx": ["core", "models"],
    "project": ["core", "data", "encoders"],
    "testing": [*BASE, "ensembling", "evaluation", "experiments", "diagnostics"],
}
FILES = sorted(Path("foldline").rglob("*.py"))
HEAVY = ("torch", "transformers", "datasets", "sklearn", "nlpaug")


def list_imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_every_package_has_a_place_and_says_what_lives_there():
    packages = {path.parent.name for path in Path("foldline").glob("*/__init__.py")}

    assert packages == set(PACKAGES)
    for package in packages:
        tree = ast.parse(Path("foldline", package, "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree)
        # What users import from `foldline.testing` stands there; no stage imports it.
        code = [] if package == "testing" else tree.body[1:]
        assert not code, "an __init__.py with code would be a hidden dependency"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_packages_import_only_what_they_may(file):
    package = file.parts[1] if len(file.parts) > 2 else None
    ours = {name.split(".")[1] for name in list_imports(file) if name.startswith("foldline.")}

    assert not any(name.split(".")[0] == "stages" for name in list_imports(file))
    if package:
        assert ours <= {*PACKAGES[package], package}


def test_choices_in_params_are_the_tables_in_code():
    def choices(section: type[params.Section], name: str) -> set[str]:
        arms = get_args(section.model_fields[name].annotation)
        values = {choice for arm in arms for choice in get_args(arm) or [arm]}
        return {choice for choice in values if isinstance(choice, str)}  # and not types of names

    assert choices(params.Augment, "method") == {"none", "mix", *AUGMENTERS}
    assert choices(params.Ensemble, "method") == set(METHODS)
    assert set(params.KINDS) == set(KINDS) - {PRETRAINED}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["prepare", "split", "augment", "ensemble"])
def test_light_stages_start_without_heavy_libraries(stage):
    code = f"import sys, stages.{stage}; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    # Generated projects have no benchmarks.
    + [["mypy", "--strict", "benchmarks"]] * Path("benchmarks").is_dir(),
    ids=" ".join,
)
def test_code_is_typed_and_tidy(command):
    result = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr
