"""The project's root folder, and the folder for work that must survive a kill."""

import os
import shlex
from pathlib import Path

from foldline.core.errors import FoldlineError, listing

PROJECT_FILES = ("params.yaml", "dvc.yaml")


def check_root(folder: Path) -> None:
    """Check that the folder is a project's root.

    Raises:
        FoldlineError: naming the root where it is above or one level below the folder.
    """
    # The second: a copy of the models alone, which predicts.
    if (folder / PROJECT_FILES[0]).is_file() or (folder / "models").is_dir():
        return
    above = [path for path in folder.parents if _is_root(path)]
    roots = above[:1] or sorted(path for path in folder.glob("*/") if _is_root(path))
    if not roots:
        raise FoldlineError(
            f"{folder} is not a Foldline project: it has no {' and '.join(PROJECT_FILES)}. Change "
            "to a project's folder, or create one with `cookiecutter`"
        )
    names = [shlex.quote(os.path.relpath(root, folder)) for root in roots]
    if len(names) > 1:
        raise FoldlineError(
            f"{folder} is no project's root folder. Change to one: {listing(names)}"
        )
    raise FoldlineError(
        f"{folder} is not the project's root folder. Next: cd {names[0]}, then the command again"
    )


def _is_root(folder: Path) -> bool:
    # Path.is_file raises for a folder that may not be read.
    return all(os.path.isfile(folder / name) for name in PROJECT_FILES)  # noqa: PTH113


def store_root() -> Path:
    """Return the folder outside DVC's outputs, in a temporary copy that of the original."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".foldline"
