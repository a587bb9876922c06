"""Models in models/pretrained/: never in git unasked, and in DVC by one command."""

import shutil
from pathlib import Path

import pytest

from foldline.core.io.model_folders import explain_absence
from tests.helpers.model_folders import write_model_folder
from tests.helpers.repositories import ROOT, call, commit

NAME = "models/pretrained/m"
PIPELINE = """\
stages:
  read:
    cmd: cat models/pretrained/m/config.json > read.json
    deps: [models/pretrained, params.yaml]
    outs: [read.json]
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """Return a project whose one stage reads a model, as `train` does."""
    folder = tmp_path / "project"
    for name in ("models/.gitignore", "models/pretrained/README.md", ".dvcignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "params.yaml").write_text("lr: 1\n")
    call(folder, "git", "init", "-q")
    call(folder, "dvc", "init", "-q")
    commit(folder)
    write_model_folder(folder / NAME)
    (folder / "models/pretrained/vectors.txt").write_text("a 1 2\n")
    return folder


@pytest.mark.slow
def test_a_model_gets_to_git_as_its_track_file_alone(project) -> None:
    assert call(project, "git", "status", "--porcelain") == ""
    call(project, "dvc", "add", NAME)
    assert call(project, "git", "status", "--porcelain").split() == ["??", f"{NAME}.dvc"]
    call(project, "dvc", "repro")
    commit(project)
    assert "didn't change" in call(project, "dvc", "repro")

    # An experiment in a copy has the model; so has a clone with the same cache.
    assert "Ran experiment" in call(project, "dvc", "exp", "run", "--temp", "-S", "lr=2")
    clone = project.parent / "clone"
    call(project.parent, "git", "clone", "-q", str(project), str(clone))
    assert explain_absence(clone / NAME) == f"run `dvc pull {clone / NAME}.dvc`"
    call(clone, "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    call(clone, "dvc", "checkout", f"{NAME}.dvc")
    assert (clone / NAME / "vocab.txt").is_file()


def test_a_copy_without_the_model_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    original = tmp_path / "original"
    write_model_folder(original / NAME)
    copy = tmp_path / "copy"
    copy.mkdir()
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(original))
    assert f"run `dvc add {NAME}`, commit its .dvc file" in explain_absence(Path(NAME))
    (original / f"{NAME}.dvc").write_text("outs: []")
    assert f"run `git add {NAME}.dvc`, commit" in explain_absence(Path(NAME))
    (copy / "models/pretrained/other").mkdir(parents=True)
    assert "in models/pretrained/ is models/pretrained/other" in explain_absence(
        Path("models/pretrained/no")
    )
