"""Files in components/ of a tiny project."""

import textwrap
from pathlib import Path

from foldline.project.skeletons import render_skeleton

# The key of params.yaml that names a component of each kind.
KEYS = {
    "model": "model",
    "augmenter": "augment.method",
    "loss": "train.loss",
    "metric": "evaluate.metric",
    "cleaner": "prepare.clean",
}


def write_component(name: str, source: str) -> Path:
    """Write components/<name>.py in the working directory."""
    path = Path("components", f"{name}.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


def write_skeleton(kind: str, name: str, task: str = "classification") -> Path:
    """Write the skeleton of a kind."""
    return write_component(name, render_skeleton(kind, name, task))


def skeleton_with(kind: str, old: str, new: str, task: str = "classification") -> str:
    """Return the skeleton of a kind named `own`, with one piece of its text replaced."""
    text = render_skeleton(kind, "own", task)
    assert old in text, old
    return text.replace(old, new)
