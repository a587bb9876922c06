"""A stage as a process: mistakes in one message, nothing left behind by a killed parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foldline.core.pinned_library import WHEELS

ROOT = Path(__file__).resolve().parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGTERM")
STAGE = """
import sys, time
from pathlib import Path
from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically
from foldline.core.params import Section
from foldline.core.stage import run, say

class Params(Section):
    seed: int

def main(params):
    {body}

run(main, Params)
"""
LONG = """with replace_atomically(Path("out.txt")) as temporary:
        temporary.write_text("half")
        say("ready")
        time.sleep(60)"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "tests" / "params.yaml").read_bytes())
    return tmp_path


def command(body: str) -> list[str]:
    return [sys.executable, "-c", STAGE.format(body=body)]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def stage(project: Path, body: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(body), cwd=project, env=environment(**more), capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip


def started(project: Path, body: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        command(body), cwd=project, env=environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_stage_gets_its_params(project):
    done = stage(project, "say(f'seed {params.seed}')")

    assert (done.returncode, done.stdout, done.stderr) == (0, "seed 42\n", "")


def test_a_foreseen_mistake_is_one_message_and_no_traceback(project):
    done = stage(project, "say('before'); raise FoldlineError('a.csv, line 3: mend it')")

    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert done.stderr == "\nerror: a.csv, line 3: mend it\n\n"


def test_a_wrong_params_file_is_one_message(project):
    (project / "params.yaml").write_text("seed: x\n")

    done = stage(project, "pass")

    assert done.returncode == 1
    assert "error: params.yaml: " in done.stderr
    assert "Traceback" not in done.stderr


def test_any_other_error_keeps_its_traceback(project):
    done = stage(project, "raise ZeroDivisionError('a bug')")

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a bug" in done.stderr


def test_a_stopped_stage_says_how_to_go_on(project):
    done = stage(project, "raise KeyboardInterrupt")

    assert done.returncode == 130
    assert done.stderr == "\nstopped; run the same command again to go on\n"


def test_a_console_of_another_encoding_does_not_break_a_stage(project):
    done = stage(
        project, "say('caf\\u00e9 🙂'); raise FoldlineError('🙂')", PYTHONIOENCODING="ascii"
    )

    assert done.returncode == 1
    assert done.stdout == "caf? ?\n"
    assert "error: ?" in done.stderr


def test_code_from_elsewhere_is_refused(project):
    (project / "foldline").mkdir()
    (project / "foldline/__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-P", "-c", STAGE.format(body="say('ran')")], cwd=project,
        env=environment(), capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"but {ROOT / 'foldline'} was imported" in done.stderr
    assert done.stdout == ""


def test_code_that_nothing_pins_is_refused_under_dvc(project):
    done = stage(project, "say('ran')", DVC_STAGE="prepare")

    assert done.returncode == 1
    assert f"pins no library: there is neither {WHEELS} nor foldline/" in done.stderr
    assert done.stdout == ""


@posix_only
def test_sigterm_ends_a_stage_cleanly(project):
    process = started(project, LONG)
    process.send_signal(signal.SIGTERM)

    assert process.wait(10) == 128 + signal.SIGTERM
    assert process.communicate()[1] == ""
    assert [path.name for path in project.iterdir()] == ["params.yaml"]


@linux_only
def test_a_stage_dies_with_its_parent(project):
    code = f"import subprocess; subprocess.run({command(LONG)!r})"
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    assert parent.stdout.readline() == "ready\n"
    (child,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()

    parent.kill()
    parent.wait()

    until = time.monotonic() + 10
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child)
    assert not (project / "out.txt").exists()


@pytest.mark.slow
@linux_only
@pytest.mark.parametrize("by_dvc", [True, False])
def test_behind_a_shell_a_stage_dies_with_dvc_and_one_started_by_hand_lives_on(tmp_path, by_dvc):
    code = (
        "import os, time; from foldline.core.stage import prepare_process; prepare_process(); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    shell = ["/bin/sh", "-c", f"'{sys.executable}' -c '{code}'; true"]  # it cannot become Python
    variables = environment(DVC_STAGE="train") if by_dvc else environment()
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({shell!r})"],
        cwd=tmp_path,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the shell tells there that its child was killed
        text=True,
    )
    assert parent.stdout
    child = parent.stdout.readline().strip()
    assert alive(child)

    parent.kill()
    parent.wait()

    until = time.monotonic() + (10 if by_dvc else 1)
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert alive(child) != by_dvc
    if not by_dvc:
        os.kill(int(child), signal.SIGKILL)


def alive(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
