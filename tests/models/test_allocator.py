"""Memory that is freed is used again, where glibc would hand it back to the system."""

import json
import platform
import subprocess
import sys
from typing import Any

import pytest

from foldline.models import registry
from tests.conftest import ROOT

PAGES = """
import json, resource, sys
import numpy as np
from foldline.models.neural.allocator import retain_freed_memory

def used():
    for _ in range(20):
        np.ones(40_000_000, dtype=np.int8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = len(sys.argv) > 1 and retain_freed_memory()
print(json.dumps({"kept": kept, "pages": -used() + used()}))
"""


def count_new_pages(*arguments: str, **variables: str) -> dict[str, Any]:
    """Return how many new pages a process takes for twenty blocks, one after the other."""
    own = {"PATH": "", "PYTHONPATH": str(ROOT), **variables}
    run = [sys.executable, "-c", PAGES, *arguments]
    found = subprocess.run(run, env=own, capture_output=True, text=True, check=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_used_again() -> None:
    before, kept = count_new_pages(), count_new_pages("keep")
    assert not before["kept"]
    assert kept["kept"]
    assert kept["pages"] < before["pages"] / 10


def test_what_the_user_has_set_stays() -> None:
    assert not count_new_pages("keep", MALLOC_ARENA_MAX="2")["kept"]


def test_another_library_is_left_alone(monkeypatch) -> None:
    from foldline.models.neural import allocator

    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(allocator.ctypes, "CDLL", None)
    assert allocator.retain_freed_memory.__wrapped__() is False


@pytest.mark.parametrize("model", ["scratch", "pretrained"])
def test_weights_of_a_file_lie_as_those_that_are_made_here(model, fit, rows, labels, tmp_path):
    """Where torch's allocator puts them: a file's own places gave other last digits."""
    found = fit(model, rows().iloc[:8], rows().iloc[:0], "classification", epochs=1).model
    registry.save(found, model, labels("classification"), tmp_path / "m")
    loaded: Any = registry.load(tmp_path / "m")
    for own in (found.model, loaded.model):
        assert {p.data_ptr() % 64 for p in own.parameters()} == {0}
