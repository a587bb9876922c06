"""`foldline new`: a file in components/ that works as it is, to start a component from."""

import argparse
import keyword
import re
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.components import FOLDER, NAME, PACKAGE
from foldline.core.io.files import write_text
from foldline.core.yaml_files import read_yaml

PARAMS = Path("params.yaml")
TEMPLATES = Path(__file__).with_name("templates")
# What uses a component of each kind.
SETTINGS = {
    "model": "model={name}",
    "augmenter": "augment.method={name}",
    "loss": "train.loss={name}",
    "metric": "evaluate.metric={name}",
    "cleaner": "prepare.clean={name}",
}


def run(options: argparse.Namespace) -> None:
    """Write the file, and print the next two commands."""
    path = write_skeleton(options.kind, options.name)
    setting = SETTINGS[options.kind].format(name=f"{PACKAGE}.{path.stem}")
    print(f"wrote {path.as_posix()}: it works as it is; change it to what you need. Next:")
    print(f"  dvc exp run -S {setting}")
    print("  python run.py test -k components")


def write_skeleton(kind: str, name: str) -> Path:
    """Write components/<name>.py for a kind of component and the task of params.yaml.

    Raises:
        FoldlineError: where the name cannot be a module's, the file exists, or this is no project.
    """
    if not PARAMS.exists():
        raise FoldlineError(
            f"there is no {PARAMS} here: run `foldline new` in the project's root folder"
        )
    _check_name(name)
    path = FOLDER / f"{name}.py"
    if path.exists():
        raise FoldlineError(
            f"{path.as_posix()} exists, and is not overwritten: choose another name, or remove it"
        )
    write_text(path, render_skeleton(kind, name, _task()))
    init = FOLDER / "__init__.py"
    if not init.exists():
        write_text(init, '"""This project\'s own components."""\n')
    return path


def render_skeleton(kind: str, name: str, task: str) -> str:
    """Return the content of a file that passes the checks of its kind."""
    files = (TEMPLATES / f"{kind}.py.txt", TEMPLATES / f"{kind}_{task}.py.txt")
    template = next(file for file in files if file.exists())
    return template.read_text(encoding="utf-8").replace("NAME", name)


def _check_name(name: str) -> None:
    allowed = "a name is small letters, digits and _, and starts with a letter, as `my_model`"
    if not re.fullmatch(NAME, name):
        simpler = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_0123456789")
        hint = f"; try '{simpler}'" if re.fullmatch(NAME, simpler) else ""
        raise FoldlineError(f"'{name}' cannot be a module's name: {allowed}{hint}")
    if keyword.iskeyword(name):
        raise FoldlineError(f"'{name}' is a word of Python's own: {allowed}")


def _task() -> str:
    content: Any = read_yaml(PARAMS)
    task = content.get("task") if isinstance(content, dict) else None
    return task if task in ("multilabel", "regression") else "classification"
