"""Threads that wait sleep from the start of a process, unless the user says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    done = subprocess.run(
        [sys.executable, *WAYS[way]], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert f"OMP_WAIT_POLICY = '{found}'" in done.stderr


@pytest.mark.slow
def test_no_stage_loads_torch_before_its_process_is_prepared():
    stages = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
    named = ", ".join(f"stages.{stage}" for stage in stages)
    code = f"import sys, {named}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"
