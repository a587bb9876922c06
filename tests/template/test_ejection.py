"""`foldline eject`: dvc.yaml in whatever form, and kills in the middle."""

import argparse
import shutil
from pathlib import Path

import pytest

from foldline.core import pinned_library
from foldline.core.errors import FoldlineError
from foldline.project import ejection
from tools.build_wheel import build_wheel, list_library_files

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = argparse.Namespace()
PIPELINE = """\
stages:
  split:  # mine
    cmd: python -m stages.split
    deps:
      - stages/split.py
      - "wheels/foldline-0.1.0-py3-none-any.whl"  # the library
  my-report:
    cmd: python report.py
    deps:
      - wheels/foldline-0.1.0-py3-none-any.whl
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    name, content = build_wheel(ROOT, list_library_files(ROOT))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / name).write_bytes(content)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_comments_quotes_and_own_stages_are_understood(project):
    ejection.run(OPTIONS)

    text = (project / "dvc.yaml").read_text()
    own, _, report = text.partition("  my-report:")
    assert "wheels/" not in text and "  split:  # mine\n" in own
    assert "      - foldline/core\n      - foldline/data\n" in own
    assert report.endswith("    deps:\n      - foldline\n")


def test_another_form_is_refused_before_anything_is_written(project):
    flow = "    deps: [stages/split.py, wheels/foldline-0.1.0-py3-none-any.whl]\n"
    (project / "dvc.yaml").write_text(PIPELINE + flow)

    with pytest.raises(FoldlineError, match=r"dvc.yaml, line 11: write the dependency"):
        ejection.run(OPTIONS)
    assert not (project / "foldline").exists()


def test_a_kill_in_the_middle_is_completed_by_another_call(project, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ejection, "write_text", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ejection.run(OPTIONS)
    assert (project / "dvc.yaml").read_text() == PIPELINE

    ejection.run(OPTIONS)

    assert "wheels/" not in (project / "dvc.yaml").read_text()
    with pytest.raises(FoldlineError, match="exists already"):
        ejection.run(OPTIONS)


def test_a_library_that_is_not_the_pinned_one_is_not_copied(project, monkeypatch):
    monkeypatch.setattr(pinned_library, "installed_sha256", lambda: "0" * 64)

    with pytest.raises(FoldlineError, match="this project pins wheels/"):
        ejection.run(OPTIONS)
    assert not (project / "foldline").exists()
