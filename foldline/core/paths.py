"""Where work that must survive a kill lies."""

import os
from pathlib import Path


def store_root() -> Path:
    """Return the folder outside DVC's outputs: the parent project's, if this is a copy of it."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".foldline"
