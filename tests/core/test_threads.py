"""Threads that wait sleep from the start of a process, unless the user says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foldline.core.io import threads
from foldline.core.params import models

ROOT = Path(__file__).resolve().parents[2]
# A stage's process, a task's, and a verb's, each up to where torch is there.
WAYS = {
    "stage": ["-c", "from foldline.core.stage import prepare_process as p; p(); import torch"],
    "verb": ["-m", "foldline", "profile"],
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="torch has another library of threads there")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("asked", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep(way, asked, found, tmp_path):
    """As the library itself tells, which reads the setting once, when it is loaded."""
    variables = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    variables |= {"PYTHONPATH": str(ROOT), "OMP_DISPLAY_ENV": "TRUE"}
    if asked:
        variables["OMP_WAIT_POLICY"] = asked
    for name in ("params.yaml", "dvc.yaml"):  # a verb wants a project
        (tmp_path / name).touch()
    done = subprocess.run(
        [sys.executable, *WAYS[way]], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert f"OMP_WAIT_POLICY = '{found}'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("asked", [None, "2"])
def test_linear_algebra_of_a_stage_takes_one_thread(asked):
    """Also where another number is asked for: sums would differ."""
    code = (
        "import stages.ensemble, scipy.linalg; from threadpoolctl import threadpool_info as i; "
        "print({p['num_threads'] for p in i() if p['user_api'] == 'blas'})"
    )
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    variables |= {"OPENBLAS_NUM_THREADS": asked} if asked else {}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert done.stdout == "{1}\n"


@pytest.mark.slow
def test_no_stage_loads_torch_before_its_process_is_prepared():
    stages = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
    named = ", ".join(f"stages.{stage}" for stage in stages)
    code = f"import sys, {named}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu.max": "something else"}, None),
    ],
    ids=["no groups", "no limit", "one and a half", "old, none", "old, four", "unknown"],
)
def test_a_containers_limit_is_read(files, cores, tmp_path):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert threads._read_quota(tmp_path) == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone has affinity")
def test_cores_are_those_of_the_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads.count_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("model", "asked", "found"),
    [("scratch", "auto", 6), ("some/model", "auto", 6), ("embed", "auto", 6), ("tfidf", "auto", 1),
     ("gbdt", "auto", 1), ("scratch", 3, 3), ("tfidf", 3, 3)],
)  # fmt: skip
def test_auto_threads_are_a_number_in_the_recipe(model, asked, found, recipe, monkeypatch):
    """So that the number is part of every key and record."""
    monkeypatch.setattr(models, "count_cores", lambda: 6)
    made = recipe({"train.threads": asked}, model=model)
    assert made.train.threads == found
    assert made.model_dump()["train"]["threads"] == found
