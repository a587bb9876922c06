"""Named arrays in a file whose bytes depend on the arrays alone.

The zip files of numpy hold a header that Python's `zipfile` writes, which a patch release changed.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write numeric arrays in the safetensors format."""
    from safetensors.numpy import save

    # Another memory layout would be written as it lies.
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    path.write_bytes(save(ordered))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote."""
    from safetensors.numpy import load

    arrays: dict[str, np.ndarray] = load(path.read_bytes())
    return arrays


def encode_name(name: str) -> np.ndarray:
    """Return a name as an array of its UTF-8 bytes, since a file of arrays holds no text."""
    return np.frombuffer(name.encode(), dtype=np.uint8)
