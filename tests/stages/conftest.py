"""What the tests of stages share."""

from pathlib import Path

import pytest

from tests.helpers import projects


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small project, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path)
    return tmp_path
