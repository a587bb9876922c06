"""dvc.yaml says what the code does: a dependency it does not name is a stale result."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from foldline.core import params
from foldline.core.io import schemas
from foldline.core.io.stage_metrics import SHOWN
from foldline.evaluation.scores import HEADLINE_METRICS
from foldline.project.code_folders import UNDECLARED, stage_code

PIPELINE: dict[str, Any] = YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = PIPELINE["stages"]
NAMES = ["prepare", "split", "augment", "train", "kfold", "ensemble", "evaluate", "predict"]
# What can change no result is not declared: a test of each shows that it cannot.
UNTRACKED = {"runner"}


def paths(stage: str, kind: str) -> set[str]:
    items = STAGES[stage].get(kind, [])
    return {next(iter(item)) if isinstance(item, dict) else item for item in items}


def code(stage: str) -> str:
    files = [Path("stages") / f"{stage}.py"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_stages_are_the_eight_in_order_after_the_check():
    assert list(STAGES) == ["check", *NAMES]


def test_no_output_is_removed_before_params_are_checked():
    """Every other stage depends on prepare, which depends on the check of the whole file."""
    (out,) = paths("check", "outs")

    assert {"params.yaml", "data/raw", "components"} == paths("check", "deps")
    assert out in paths("prepare", "deps")
    written = {"prepare"}
    for stage in NAMES[1:]:
        assert any(paths(earlier, "outs") & paths(stage, "deps") for earlier in written)
        written.add(stage)


@pytest.mark.parametrize("stage", NAMES)
def test_code_dependencies_are_the_import_closure(stage):
    declared = {path for path in paths(stage, "deps") if path.startswith(("foldline", "stages"))}

    assert declared == set(stage_code(stage))
    assert {"components", "constraints.txt"} <= paths(stage, "deps")


@pytest.mark.parametrize("stage", NAMES)
def test_params_are_the_fields_of_the_stage(stage):
    own = importlib.import_module(f"stages.{stage}").Params.model_fields
    fields = {field.alias or name for name, field in own.items()}
    if "members" in fields:  # a changed method of the ensemble trains nothing
        fields = fields - {"members"} | {"ensemble.members", "ensemble.models"}

    assert set(STAGES[stage]["params"]) == fields - UNTRACKED


def test_every_param_is_declared_by_a_stage():
    declared = {name for stage in NAMES for name in STAGES[stage]["params"] if "." not in name}

    assert declared == set(params.Settings.model_fields) - UNTRACKED


@pytest.mark.parametrize("stage", NAMES)
def test_tables_read_and_written_are_declared(stage):
    tables = {
        name: str(t.path)
        for name, t in vars(schemas).items()
        if name.isupper() and isinstance(t, schemas.Table)
    }
    read = {tables[name] for name in re.findall(r"schemas\.(\w+)\.read\(", code(stage))}
    written = {tables[name] for name in re.findall(r"schemas\.(\w+)\.write\(", code(stage))}

    assert {p for p in paths(stage, "deps") if p in schemas.TABLES} == read
    assert {p for p in paths(stage, "outs") if p in schemas.TABLES} == written


def test_every_table_of_the_contract_is_written_by_one_stage():
    outs = [path for stage in STAGES for path in paths(stage, "outs")]

    assert sorted(p for p in outs if p in schemas.TABLES) == sorted(schemas.TABLES)
    assert len(outs) == len(set(outs))


def test_only_evaluate_opens_the_test_set():
    assert [stage for stage in STAGES if "data/test.csv" in paths(stage, "deps")] == ["evaluate"]
    prepared = [stage for stage in STAGES if "data/prepared.csv" in paths(stage, "deps")]
    assert prepared == ["split", "evaluate"]


@pytest.mark.parametrize("stage", NAMES)
def test_metrics_are_small_files_in_git(stage):
    metrics = STAGES[stage]["metrics"]

    assert metrics == [{f"metrics/{stage}.json": {"cache": False}}]


def test_metrics_are_few_enough_for_a_table():
    """Each is a column of `dvc exp show`; train and evaluate show the task's headline metrics."""
    headline = max(map(len, HEADLINE_METRICS.values()))
    shown = sum(map(len, SHOWN.values())) + headline + headline + len(("low", "high"))

    assert shown <= 40


def test_plots_read_files_that_stages_write():
    outs = {path for stage in STAGES for path in paths(stage, "outs")}
    plotted = {file for plot in PIPELINE["plots"] for spec in plot.values() for file in spec["y"]}

    assert plotted <= outs


def test_a_hidden_import_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "stages/a.py": "def f():\n    from foldline.room import work\n",
        "foldline/room/__init__.py": "",
        "foldline/room/work.py": "import foldline.other.deep as deep\n",
        "foldline/other/deep.py": "from foldline.core import errors\n",
        "foldline/core/errors.py": "import foldline.hidden.far\n",
        "foldline/hidden/far.py": "",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    assert stage_code("a") == ["foldline/other", "foldline/room", "stages/a.py"]


def test_relative_dynamic_and_shared_imports_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "stages/a.py": "from stages._shared import f\n",
        "stages/_shared.py": "import importlib\nimportlib.import_module('foldline.room.work')\n",
        "foldline/room/__init__.py": "",
        "foldline/room/work.py": "from . import near\nfrom ..other import deep\n",
        "foldline/room/near.py": "import foldline.last as name\n",
        "foldline/other/deep.py": "",
        "foldline/last/__init__.py": "",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    assert stage_code("a") == [
        "foldline/other",
        "foldline/room",
        "stages/_shared.py",
        "stages/a.py",
    ]


def test_code_that_no_stage_depends_on_cannot_change_a_result():
    """Only the stage runner, checks of params, errors, reports of a run and trackers."""
    assert UNDECLARED == ("foldline/core", "foldline/experiments", "foldline/project")
