"""What an installation prints, and what kills and second calls do to it."""

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from tests.helpers.run_py import (
    call,
    posix_only,
)
from tests.helpers.waiting import wait_until


@posix_only
def test_a_failed_installation_shows_its_output_and_is_not_trusted(project, machine) -> None:
    failed = call(project, machine, "python", "-V", FAKE_UV="echo no such package; exit 3")
    assert failed.returncode == 1
    assert "no such package\nrun.py: uv ended with code 3" in failed.stderr
    assert failed.stdout == ""
    assert call(project, machine, "python", "-V").returncode == 0
    assert Path(machine["UV_LOG"]).read_text().count("uv pip install") == 2


@posix_only
def test_a_quiet_installation_prints_three_lines(project: Path, machine) -> None:
    output = "echo Resolved 87 packages in 5ms; echo noise"
    result = call(project, machine, "python", "-V", FAKE_UV=output)
    start, end, activation = result.stderr.splitlines()
    assert start == "run.py: installing into .venv with uv"
    assert end.startswith("run.py: installed into .venv with uv: ")
    assert end.endswith("s, 87 packages")
    assert activation.endswith("without run.py: source .venv/bin/activate")
    assert "noise" in (project / ".venv" / "install.log").read_text()
    again = call(project, machine, "python", "-V")
    assert again.stderr == ""


@posix_only
@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_a_verbose_installation_shows_everything(project: Path, machine, option: str) -> None:
    output = "for i in $(seq 60); do echo line $i.; done; exit 3"
    failed = call(project, machine, option, "python", "-V", FAKE_UV=output)
    assert [f"line {i}." in failed.stderr for i in (1, 60)] == [True, True]
    assert "uv ended with code 3; its output is above" in failed.stderr
    result = call(project, machine, option, "python", "-V", FAKE_UV="echo noise")
    assert "noise\n" in result.stderr
    assert result.stdout.startswith("Python 3")


@posix_only
def test_a_failure_shows_the_last_lines_and_names_the_log(project: Path, machine) -> None:
    output = "for i in $(seq 60); do echo line $i.; done; exit 3"
    failed = call(project, machine, "python", "-V", FAKE_UV=output)
    log = project / ".venv" / "install.log"
    lines = [line for line in failed.stderr.splitlines() if line.startswith("line ")]
    assert lines == [f"line {i}." for i in range(21, 61)]
    assert f"all of them in {log}" in failed.stderr
    assert "line 1.\n" in log.read_text()


@posix_only
def test_a_terminal_shows_one_line_that_is_updated(project: Path, machine) -> None:
    pty = pytest.importorskip("pty")
    reader, writer = pty.openpty()
    output = "echo Resolved 87 packages in 5ms; sleep 1.2"
    command = [sys.executable, "run.py", "python", "-c", "pass"]
    subprocess.run(command, cwd=project, env={**machine, "FAKE_UV": output}, stderr=writer)
    os.close(writer)
    text = os.read(reader, 10_000).decode()
    progress, activation = text.strip().split("\n")
    assert activation.startswith("run.py: to type dvc and foldline")
    frames = [frame.strip() for frame in progress.split("\r") if frame.strip()]
    updates = [frame for frame in frames if frame.startswith("run.py: installing into .venv")]
    assert len(updates) >= 2
    assert updates[-1].endswith("s, 87 packages")
    assert frames[-1].startswith("run.py: installed into .venv with uv: ")


def test_packages_are_counted_in_what_the_installer_prints(run: ModuleType) -> None:
    uv = "Resolved 1 package in 1ms\nResolved 120 packages in 2s\n + a==1\n"
    pip = "Collecting a-b.c>=1\nCollecting d (from e)\nRequirement already satisfied: d in /x\n"
    local = "Looking in links: /x\nProcessing /x/a-1.whl\nProcessing /x/b-1.whl\n"
    assert [run.count_packages(text) for text in ("", uv, pip, local)] == [0, 120, 2, 2]


@posix_only
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_installation_ends_and_is_rebuilt(project, machine, sent: signal.Signals) -> None:
    if sent == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("elsewhere the installer goes on, and is waited for")
    log = Path(machine["UV_LOG"])
    slow = {**machine, "FAKE_UV": 'echo $$ > "$UV_LOG.pid"; exec sleep 60'}
    command = [sys.executable, "run.py", "python", "-V"]
    # Tests that run in the background of a shell would ignore it, and so would their children.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    first = subprocess.Popen(
        command, cwd=project, env=slow, stderr=subprocess.DEVNULL, preexec_fn=heed
    )
    identifier = log.with_name(f"{log.name}.pid")
    wait_until(lambda: identifier.exists() and identifier.read_text().strip())
    first.send_signal(sent)
    assert first.wait(timeout=20) == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not is_running(int(identifier.read_text())))
    partial = project / ".venv" / "half"
    partial.touch()
    result = call(project, machine, "python", "-V")
    assert result.stdout.startswith("Python 3")
    assert not partial.exists()


def is_running(process: int) -> bool:
    """Return whether the process runs; one that ended and that nobody waited for does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@posix_only
def test_a_second_call_waits_and_a_kill_is_recovered_from(project: Path, machine) -> None:
    command = [sys.executable, "run.py", "python", "-V"]
    slow = {**machine, "FAKE_UV": "exec sleep 60"}
    first = subprocess.Popen(command, cwd=project, env=slow, stderr=subprocess.DEVNULL)
    log = Path(machine["UV_LOG"])
    wait_until(log.exists)
    with subprocess.Popen(
        command, cwd=project, env=machine, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as second:
        assert second.stderr
        assert "waiting for another call" in second.stderr.readline()
        first.kill()
        first.wait()
        if sys.platform == "linux":  # Elsewhere the installer goes on, and is waited for.
            assert second.communicate(timeout=20)[0].startswith("Python 3")
            assert second.returncode == 0
        second.kill()
