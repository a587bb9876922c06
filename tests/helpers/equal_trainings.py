"""Two trainings with the same curve and the same bytes."""

from pathlib import Path
from typing import Any

from foldline.core.io.files import digest
from foldline.models import registry
from foldline.models.interface import FitResult


def assert_same(one: FitResult, other: FitResult, labels: Any, folder: Path) -> None:
    for name, fitted in (("one", one), ("other", other)):
        registry.save(fitted.model, "scratch", labels("classification"), folder / name)
    assert one.history == other.history
    assert digest(folder / "one") == digest(folder / "other")
