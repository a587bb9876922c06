"""The library that a project pins: only that one runs its stages."""

import shutil
import sys
from pathlib import Path

import pytest

from foldline.core import pinned_library
from foldline.core.errors import FoldlineError
from tools.build_wheel import build_wheel, list_library_files

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path):
    """Make a project that pins the imported library by its wheel."""
    name, content = build_wheel(ROOT, list_library_files(ROOT))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / name).write_bytes(content)
    return tmp_path


def pinned(project):
    (file,) = (project / "wheels").iterdir()
    return file


def test_the_pinned_wheel_is_accepted(project, monkeypatch):
    monkeypatch.setattr(
        pinned_library, "installed_sha256", lambda: pinned_library.sha256(pinned(project))
    )
    pinned_library.check_library(project)


def test_an_installer_that_records_no_hash_is_checked_by_content(project):
    assert pinned_library.installed_sha256() is None  # nothing is installed here
    pinned_library.check_library(project)


def test_another_wheel_is_refused_with_both_names(project, monkeypatch):
    monkeypatch.setattr(pinned_library, "installed_sha256", lambda: "0" * 64)

    with pytest.raises(FoldlineError) as refused:
        pinned_library.check_library(project)

    assert pinned_library.sha256(pinned(project))[:12] in str(refused.value)
    assert "installed from another wheel, sha256 000000000000" in str(refused.value)
    assert "`python run.py dvc status` installs it" in str(refused.value)


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_library_that_was_changed_by_hand_is_refused(project, tmp_path, monkeypatch, change):
    copy = tmp_path / "site/foldline"
    shutil.copytree(ROOT / "foldline", copy)
    monkeypatch.setattr(pinned_library, "PACKAGE", copy)
    pinned_library.check_library(project)
    file = copy / "core/io/seeds.py"
    if change == "edit":
        file.write_text(file.read_text() + "\n")
    elif change == "add":
        file = copy / "core/io/more.py"
        file.touch()
    else:
        file.unlink()

    with pytest.raises(FoldlineError, match=rf"foldline/core/io/{file.name} there differs"):
        pinned_library.check_library(project)


def test_two_wheels_are_refused(project):
    (project / "wheels/foldline-0.2.0-py3-none-any.whl").touch()

    with pytest.raises(FoldlineError, match="delete all but the one to use"):
        pinned_library.check_library(project)


def test_a_broken_wheel_is_refused(project):
    pinned(project).write_bytes(pinned(project).read_bytes()[:1000])

    with pytest.raises(FoldlineError, match=r"is not a complete wheel .* `git checkout wheels`"):
        pinned_library.check_library(project)


def test_source_beside_the_stages_goes_before_a_wheel(project):
    (project / "foldline").mkdir()
    (project / "foldline/__init__.py").touch()

    with pytest.raises(FoldlineError, match="this project has its own library"):
        pinned_library.check_library(project)
    pinned_library.check_library(ROOT)


def test_nothing_pinned_is_refused_in_a_run_that_is_recorded(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    pinned_library.check_library(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "train")

    with pytest.raises(FoldlineError, match="pins no library"):
        pinned_library.check_library(tmp_path)


def test_the_library_is_the_one_under_test():
    assert ROOT / "foldline" == pinned_library.PACKAGE
    assert str(ROOT) in sys.path or "" in sys.path


@pytest.mark.parametrize("text", ["[]", '{"archive_info": null}', '{"url": 1}', "no json"])
def test_a_record_of_another_form_is_no_hash(monkeypatch, text):
    class Distribution:
        def read_text(self, name):
            return text

    monkeypatch.setattr(pinned_library.metadata, "distribution", lambda name: Distribution())

    assert pinned_library.installed_sha256() is None


def test_source_that_no_stage_depends_on_is_refused(tmp_path, monkeypatch):
    """As after an `eject` that was killed: changes of the source would re-run nothing."""
    (tmp_path / "foldline").symlink_to(ROOT / "foldline")
    pinned_library.check_library(tmp_path)
    (tmp_path / "dvc.yaml").write_text("# not wheels/foldline-0.1.0\n")
    pinned_library.check_library(tmp_path)
    (tmp_path / "dvc.yaml").write_text("      - wheels/foldline-0.1.0-py3-none-any.whl  # x\n")

    with pytest.raises(FoldlineError, match=r"`foldline eject` completes dvc\.yaml"):
        pinned_library.check_library(tmp_path)
