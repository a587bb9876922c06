"""`foldline eject`: the library's source becomes part of the project, to be changed there."""

import argparse
import re
import shutil
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically, write_text
from foldline.core.pinned_library import PACKAGE, check_library
from foldline.project.code_folders import closure

PIPELINE = Path("dvc.yaml")
SOURCE = Path("foldline")
# A dependency on the wheel, and the line of dvc.yaml that begins a stage.
WHEEL = re.compile(r"""( +)- ["']?wheels/foldline-[^"'\s]*\.whl["']?\s*(#.*)?""")
STAGE = re.compile(r"""  ["']?([\w-]+)["']?:\s*(#.*)?""")


def run(options: argparse.Namespace) -> None:
    """Copy the library to ./foldline and let the stages depend on its folders.

    After a kill in the middle, another call completes dvc.yaml.

    Raises:
        FoldlineError: if the project has its own library already, the imported library is not the
            pinned one, or a dependency in dvc.yaml cannot be replaced.
    """
    if not PIPELINE.exists():
        raise FoldlineError(f"{PIPELINE} is missing. Next: run this in the project's root")
    lines = PIPELINE.read_text(encoding="utf-8").splitlines()
    check_dependencies(lines)
    if not any(WHEEL.fullmatch(line) for line in lines):
        if SOURCE.exists():
            raise FoldlineError(f"{SOURCE} exists already: this project has its own library")
        raise FoldlineError(f"{PIPELINE}: no stage depends on wheels/foldline-*.whl")
    if not SOURCE.exists():
        check_library(Path())
        with replace_atomically(SOURCE) as temporary:
            shutil.copytree(PACKAGE, temporary, ignore=shutil.ignore_patterns("__pycache__"))
    write_text(PIPELINE, "\n".join(with_folders(lines)) + "\n")
    print(
        f"{SOURCE}/ holds the library, and the stages of {PIPELINE} depend on its folders.\n"
        'Next: git add foldline dvc.yaml && git commit -m "Eject the library" && dvc repro'
    )


def check_dependencies(lines: list[str]) -> None:
    """Check that each dependency on the wheel is on a line of its own.

    Raises:
        FoldlineError: naming the line where it is not.
    """
    for number, line in enumerate(lines, 1):
        if "wheels/foldline-" in line.partition("#")[0] and not WHEEL.fullmatch(line):
            raise FoldlineError(
                f"{PIPELINE}, line {number}: write the dependency on the wheel on a line of its "
                "own, as `      - wheels/...`, then run `foldline eject` again"
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
    """Return the packages that a stage's code reaches; all, where it has no file in stages/.

    Those that only report a run are among them: in a project they may be changed to do more.
    """
    start = Path("stages", f"{stage}.py")
    if not start.exists():
        return ["foldline"]
    modules = closure(start, follow_undeclared=True)
    return sorted({"/".join(path.parts[:2]) for path in modules if path.parts[0] == "foldline"})
