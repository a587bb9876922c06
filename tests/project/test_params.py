"""params.yaml is valid, and dvc.yaml names what each stage reads of it."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.project.code_folders import stage_code

STAGES: dict[str, Any] = YAML(typ="safe").load(Path("dvc.yaml"))["stages"]
OURS = [name for name in STAGES if Path("stages", f"{name}.py").exists()]


def test_params_are_valid() -> None:
    load_params(Settings)


@pytest.mark.parametrize("stage", OURS)
def test_a_stage_declares_the_params_that_it_reads(stage: str) -> None:
    """One that is not declared would leave results stale when it changes."""
    fields = importlib.import_module(f"stages.{stage}").Params.model_fields
    read = {field.alias or name for name, field in fields.items()} - {"runner"}
    if "members" in read:
        read = read - {"members"} | {"ensemble.members", "ensemble.models"}

    assert read <= set(STAGES[stage]["params"])


@pytest.mark.parametrize("stage", OURS)
def test_a_stage_depends_on_its_code(stage: str) -> None:
    deps = STAGES[stage]["deps"]

    assert {f"stages/{stage}.py", "components", "constraints.txt"} <= set(deps)
    assert any(dep.startswith(("wheels/foldline-", "foldline")) for dep in deps)
    for path in stage_code(stage):
        covered = Path("foldline").exists() or path.startswith("stages/")
        assert not covered or any(Path(path).is_relative_to(dep) for dep in deps), path
