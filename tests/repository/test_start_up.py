"""Commands answer `--help` at once, and light stages start without heavy libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from foldline.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
STAGES = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
# Their imports take the time; no test measures it.
SLOW = ("numpy", "pandas", "pydantic", "torch", "sklearn", "scipy", "dvc")
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "imblearn", "nlpaug")


def run_module(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def imported_libraries(
    result: subprocess.CompletedProcess[str], libraries: tuple[str, ...] = SLOW
) -> list[str]:
    names = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line}
    return [name for name in libraries if name in names]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_a_verbs_help_waits_for_no_library(verb, flag):
    result = run_module("foldline", verb, flag)

    assert result.returncode == 0
    assert f"foldline {verb}" in result.stdout
    assert imported_libraries(result) == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_help_runs_nothing(stage):
    result = run_module(f"stages.{stage}", "--help")

    assert result.returncode == 0
    assert result.stdout.startswith(f"python -m stages.{stage}\n\n")
    assert "dvc exp run -S" in result.stdout
    assert imported_libraries(result) == []


@pytest.mark.parametrize("stage", ["prepare", "split", "augment"])
def test_a_light_stage_starts_without_heavy_libraries(stage):
    command = [sys.executable, "-X", "importtime", "-c", f"import stages.{stage}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert imported_libraries(result, ("pandas",)) == ["pandas"]  # so what is imported is seen
    assert imported_libraries(result, HEAVY) == []


@pytest.mark.slow
def test_a_run_of_tfidf_needs_no_torch(tmp_path):
    code = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
os.chdir(sys.argv[1])
from tests.helpers import projects

projects.make(Path(), {"model": "tfidf"})
projects.run()
print("sklearn" in sys.modules, "torch" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "True False"


def test_a_stage_refuses_arguments():
    result = run_module("stages.train", "lr=1")

    assert result.returncode == 2
    assert "error: stages.train: found 'lr=1'. It takes no arguments" in result.stderr
    assert imported_libraries(result) == []
