"""The library's wheel: the same bytes every time, and what hatchling would have built."""

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.build_wheel import build_wheel, list_library_files, main

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"Requires-Dist", "Provides-Extra", "Requires-Python", "Name", "Version", "Summary"}


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    assert main([str(folder)]) == 0
    (file,) = folder.iterdir()
    return file


def test_the_same_source_gives_the_same_bytes(wheel_file, tmp_path):
    for file in (ROOT / "foldline").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
            os.utime(copy, (1, 1))
    for name in ("pyproject.toml", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())

    again = build_wheel(tmp_path, reversed(list_library_files(tmp_path)))

    assert again == (wheel_file.name, wheel_file.read_bytes())


def test_it_holds_what_hatchling_packs(wheel_file, tmp_path):
    code = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (other,) = tmp_path.iterdir()

    ours, theirs = read_modules(wheel_file), read_modules(other)
    assert other.name == wheel_file.name
    assert ours.keys() == theirs.keys() and ours == theirs
    assert read_metadata(wheel_file) == read_metadata(other)
    assert read_entry_points(wheel_file) == read_entry_points(other)


def read_modules(file):
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        return {name: archive.read(name) for name in names}


def read_metadata(file):
    with zipfile.ZipFile(file) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        items = Parser().parsestr(archive.read(name).decode()).items()
    return sorted(
        (key, normalize_requirement(value) if key == "Requires-Dist" else value)
        for key, value in items
        if key in REQUIRED
    )


def normalize_requirement(text):
    need = Requirement(text)
    name = need.name.replace(".", "-").lower()
    return f"{name} {sorted(map(str, need.specifier))} {need.marker}".replace("'", '"')


def read_entry_points(file):
    with zipfile.ZipFile(file) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("/entry_points.txt")]
        return archive.read(name).decode().strip()
