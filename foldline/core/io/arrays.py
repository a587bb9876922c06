"""Named arrays in a file whose bytes depend on the arrays alone.

The zip files of numpy hold a header that Python's `zipfile` writes, which a patch release changed.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

TRANSPOSED = ".T"


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write numeric arrays in the safetensors format."""
    from safetensors.numpy import save

    path.write_bytes(save(dict(_order(name, array) for name, array in arrays.items())))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote."""
    from safetensors.numpy import load

    arrays: dict[str, np.ndarray] = load(path.read_bytes())
    # Copied, since the file's alignment changes the last digits of matrix products.
    copies = {name: array.copy() for name, array in arrays.items()}
    return {
        name.removesuffix(TRANSPOSED): array.T if name.endswith(TRANSPOSED) else array
        for name, array in copies.items()
    }


def _order(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """Return what is written of an array: its rows, or its columns where these are contiguous.

    The layout comes back, too, as the last digits of a matrix product depend on it.
    """
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        return name + TRANSPOSED, array.T
    return name, np.asarray(array, order="C")


def encode_name(name: str) -> np.ndarray:
    """Return a name as an array of its UTF-8 bytes, since a file of arrays holds no text."""
    return np.frombuffer(name.encode(), dtype=np.uint8)
