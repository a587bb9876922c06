"""run.py of a project, with stand-ins for the installers: nothing is downloaded."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """\
[project]
name = "sample"
dependencies = ["alpha>=1"]

[dependency-groups]
dev = ["beta<3"]
"""
posix_only = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


def load_run_py(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_under_test", project / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeInstaller:
    """Replaces run.install: records the commands and creates the Python that venv would."""

    def __init__(self, programs: str = "bin", fails: str = "") -> None:
        self.commands: list[list[str]] = []
        self.programs, self.fails = programs, fails

    def __call__(self, progress: object, *command: str) -> None:
        self.commands.append(list(command))
        if "venv" in command:
            folder = Path(command[-1]) / self.programs
            folder.mkdir(parents=True)
            name = "python.exe" if self.programs == "Scripts" else "python"
            (folder / name).touch()
            (Path(command[-1]) / "pyvenv.cfg").touch()
        if self.fails and self.fails in command:
            raise KeyboardInterrupt

    def count(self, word: str) -> int:
        return sum(word in command for command in self.commands)


def write_wheel(project: Path, version: str = "1.2.3", text: str = "") -> Path:
    """Write a wheel of a library that holds nothing but a text."""
    wheel = project / "wheels" / f"foldline-{version}-py3-none-any.whl"
    wheel.parent.mkdir(exist_ok=True)
    about = f"foldline-{version}.dist-info"
    files = {
        "foldline/__init__.py": "",
        "foldline/__main__.py": f"print({text!r})",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: foldline\nVersion: {version}\n"
        "Provides-Extra: ko\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def require_foldline(project: Path, requirement: str = "foldline[ko]", dev: str = '"beta<3"'):
    text = PYPROJECT.replace("alpha>=1", requirement).replace('"beta<3"', dev)
    (project / "pyproject.toml").write_text(text)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def call(project: Path, machine: dict[str, str], *arguments: str, **variables: str):
    command = [sys.executable, "run.py", *arguments]
    environment = {**machine, **variables}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
