"""`foldline eject`: the library's source becomes part of the project, to be changed there."""

import argparse
import re
import shutil
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically, write_text
from foldline.core.pinned_library import PACKAGE
from foldline.project.code_folders import stage_code

PIPELINE = Path("dvc.yaml")
SOURCE = Path("foldline")
# A dependency on the wheel, and the stage that a line of dvc.yaml begins.
WHEEL = re.compile(r"( +)- wheels/foldline-.*\.whl")
STAGE = re.compile(r"  (\w+):\s*(#.*)?")


def run(options: argparse.Namespace) -> None:
    """Copy the library to ./foldline and let the stages depend on its folders.

    Raises:
        FoldlineError: where there is a ./foldline already, or dvc.yaml names no wheel.
    """
    if SOURCE.exists():
        raise FoldlineError(f"{SOURCE} exists already: this project has its own library")
    if not PIPELINE.exists():
        raise FoldlineError(f"{PIPELINE} is missing. Next: run this in the project's root")
    lines = PIPELINE.read_text(encoding="utf-8").splitlines()
    if not any(WHEEL.fullmatch(line) for line in lines):
        raise FoldlineError(f"{PIPELINE}: no stage depends on wheels/foldline-*.whl")
    with replace_atomically(SOURCE) as temporary:
        shutil.copytree(PACKAGE, temporary, ignore=shutil.ignore_patterns("__pycache__"))
    write_text(PIPELINE, "\n".join(with_folders(lines)) + "\n")
    print(
        f"{SOURCE}/ holds the library, and the stages of {PIPELINE} depend on its folders.\n"
        'Next: git add foldline dvc.yaml && git commit -m "Eject the library" && dvc repro'
    )


def with_folders(lines: list[str]) -> list[str]:
    """Return the lines of dvc.yaml with each dependency on the wheel replaced by folders."""
    changed: list[str] = []
    stage = ""
    for line in lines:
        if begun := STAGE.fullmatch(line):
            stage = begun[1]
        if wheel := WHEEL.fullmatch(line):
            changed += [f"{wheel[1]}- {folder}" for folder in library_folders(stage)]
        else:
            changed.append(line)
    return changed


def library_folders(stage: str) -> list[str]:
    """Return the folders that a stage's code reaches; all, where it has no file in stages/."""
    if not Path("stages", f"{stage}.py").exists():
        return ["foldline"]
    return [path for path in stage_code(stage) if path.startswith("foldline/")]
