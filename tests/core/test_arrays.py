"""Files of arrays: exact, and with bytes that neither the time nor the library decides."""

import re
from pathlib import Path

import numpy as np
import pytest

from foldline.core.io.arrays import encode_name, load_arrays, save_arrays

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::-2],
        np.zeros((0, 3), dtype=np.float32),
        np.array(5),
        np.array([True, False]),
        np.array([np.inf, -np.inf, np.nan]),
    ],
    ids=["plain", "by columns", "a view", "empty", "a number", "truth", "not finite"],
)
def test_arrays_come_back_exactly(array, tmp_path):
    save_arrays(tmp_path / "a.safetensors", {"x": array})
    found = load_arrays(tmp_path / "a.safetensors")["x"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    if array.ndim == 2:
        assert found.flags.f_contiguous == array.flags.f_contiguous
    assert found.tobytes() == array.tobytes()


def test_bytes_depend_on_the_arrays_alone(tmp_path):
    arrays = {"b": np.arange(3), "a": np.ones((2, 2)), "name": encode_name("linear")}
    save_arrays(tmp_path / "one", arrays)
    save_arrays(tmp_path / "two", dict(reversed(arrays.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    # A length and a header of JSON, as the format says; no archive with times and versions.
    assert (tmp_path / "one").read_bytes()[8:9] == b"{"


def test_no_output_is_a_zip_file_of_numpy():
    """Python's `zipfile` decides bytes of its headers, and a patch release changed them."""
    sources = [*ROOT.glob("foldline/**/*.py"), *ROOT.glob("stages/*.py")]
    assert [str(s) for s in sources if re.search(r"\bsavez", s.read_text("utf-8"))] == []
