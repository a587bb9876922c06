"""What is asked for help answers at once, and light stages start without the heavy libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from foldline.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
STAGES = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
# Their import is what takes time; no test is timed.
SLOW = ("numpy", "pandas", "pydantic", "torch", "sklearn", "scipy", "dvc")
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "imblearn", "nlpaug")


def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def slow(done: subprocess.CompletedProcess[str], libraries: tuple[str, ...] = SLOW) -> list[str]:
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    return [name for name in libraries if name in names]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_a_verbs_help_waits_for_no_library(verb, flag):
    done = asked("foldline", verb, flag)

    assert done.returncode == 0
    assert f"foldline {verb}" in done.stdout
    assert slow(done) == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_help_runs_nothing(stage):
    done = asked(f"stages.{stage}", "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"python -m stages.{stage}\n\n")
    assert "dvc exp run -S" in done.stdout
    assert slow(done) == []


@pytest.mark.parametrize("stage", ["prepare", "split", "augment"])
def test_a_light_stage_starts_without_heavy_libraries(stage):
    command = [sys.executable, "-X", "importtime", "-c", f"import stages.{stage}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert slow(done, ("pandas",)) == ["pandas"]  # so what is imported is seen
    assert slow(done, HEAVY) == []


def test_a_stage_refuses_arguments():
    done = asked("stages.train", "lr=1")

    assert done.returncode == 2
    assert "error: stages.train: found 'lr=1'. It takes no arguments" in done.stderr
    assert slow(done) == []
