"""Commands of documentation pages, and the environment to run them in."""

import os
import re
import shutil
import sys
from pathlib import Path

from tests.helpers.repositories import call, environment, run_line
from tests.helpers.template import create_environment


def console_blocks(page: str | Path) -> list[list[str]]:
    """Return the lines of each `console` block of a page."""
    text = Path(page).read_text(encoding="utf-8")
    return [block.strip().splitlines() for block in re.findall(r"```console\n(.*?)```", text, re.S)]


def console_lines(page: str | Path) -> list[str]:
    """Return the lines of all `console` blocks of a page."""
    return [line for block in console_blocks(page) for line in block]


def activated_environment(folder: Path) -> dict[str, str]:
    """Return the variables of a shell in which the project's environment is active."""
    settings = environment(folder) | {
        "FOLDLINE_VENV": sys.prefix,
        "PYTHONIOENCODING": "utf-8",
    }
    scripts, *others = settings["PATH"].split(os.pathsep)
    if not shutil.which("foldline", path=scripts):
        others = [str(write_launcher(folder.parent / "commands").parent), *others]
    return settings | {"HOME": str(folder.parent), "PATH": os.pathsep.join([scripts, *others])}


def write_launcher(folder: Path) -> Path:
    """Write a command `foldline` for environments that lack it."""
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "foldline"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m foldline "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    return launcher


def project_environment(project: Path) -> dict[str, str]:
    """Return the variables of an environment with the project's wheel, which run.py accepts."""
    variables = create_environment(project)
    command = "import json, run; print(json.dumps(run.make_stamp()))"
    stamp = call(project, sys.executable, "-c", command)
    Path(variables["VIRTUAL_ENV"], "foldline-stamp").write_text(stamp, encoding="utf-8")
    return variables | {"FOLDLINE_VENV": variables["VIRTUAL_ENV"]}


def run_lines(
    lines: list[str], folder: Path, variables: dict[str, str] | None = None
) -> tuple[Path, dict[str, str]]:
    """Run commands in a project; return the last folder, and the output of each command.

    `variables` are those of `project_environment`, for a project that pins a wheel.
    """
    settings = activated_environment(folder) | (variables or {})
    outputs = {}
    for line in lines:
        if line.startswith("cd "):
            folder = (folder / line.removeprefix("cd ")).resolve()
            assert folder.is_dir(), line
        elif line.startswith("git clone https:"):  # a copy stands in for it
            assert (folder / line.rpartition("/")[2]).is_dir(), line
        elif line != "source .venv/bin/activate":
            outputs[line] = run_line(line, folder, settings)
    return folder, outputs
