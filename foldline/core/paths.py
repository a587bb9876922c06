"""The folder for work that must survive a kill."""

import os
from pathlib import Path


def store_root() -> Path:
    """Return the folder outside DVC's outputs, in a temporary copy that of the original."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".foldline"
