"""The commands about DVC's state, with DVC itself: what it leaves, and what brings it back."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.io.preprocessing import Preprocessing
from tests.helpers.repositories import call, copy_project

pytestmark = pytest.mark.slow
READERS = {
    "data/train.csv": schemas.TRAIN.read,
    "data/labels.json": Labels.load,
    "data/preprocessing.json": Preprocessing.load,
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    """Return a committed project whose stages up to split have run."""
    folder = tmp_path_factory.mktemp("ran") / "project"
    folder.mkdir()
    copy_project(folder, {"model": "tfidf"})
    call(folder, "dvc", "repro", "-q", "split")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "run")
    return folder


@pytest.fixture
def project(ran: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ran, tmp_path / "project", symlinks=True))


def status(folder: Path) -> str:
    return call(folder, "git", "status", "--porcelain")


def run_told(folder: Path, text: str, mark: str) -> None:
    """Run the command that follows the mark in a text."""
    line = text.partition(mark)[2].partition("\n")[0]
    call(folder, "sh", "-c", line)


@pytest.mark.parametrize(
    "value", ["seed=abc", "data.train=data/raw/no.csv", "model=components.no", "split.method=x"]
)
def test_a_rejected_value_removes_no_output_and_is_undone(project, value):
    output = call(project, "dvc", "exp", "run", "-S", value, "split", code=255)

    assert "Running stage 'check'" in output
    assert "Running stage 'prepare'" not in output
    assert status(project) == " M params.yaml\n"
    assert (project / "data/train.csv").exists()
    run_told(project, output, "To undo: ")
    assert status(project) == ""
    call(project, "dvc", "status", "-q", "split")


def test_an_experiment_of_its_own_folder_says_what_it_cannot_see(project):
    shutil.copy(project / "data/raw/rows.csv", project / "data/raw/new.csv")
    params = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(params.replace("raw/rows.csv", "raw/new.csv"))
    command = ("dvc", "exp", "run", "--temp", "-S", "seed=7", "prepare")

    output = call(project, *command, code=255)
    assert "data/raw/new.csv is in neither git nor DVC" in output
    call(project, "sh", "-c", output.partition("Next: ")[2].partition(" (if it is large: ")[0])
    call(project, *command)

    call(project, "git", "rm", "-q", "--cached", "data/raw/new.csv")
    call(project, "sh", "-c", output.partition("(if it is large: ")[2].partition(")")[0])
    call(project, *command[:-2], "seed=8", "prepare")


def test_edits_that_a_failed_experiment_has_stashed_come_back(project):
    with (project / "README.md").open("a") as file:
        file.write("MY EDIT\n")
    (project / ".git/index.lock").touch()
    call(project, "dvc", "exp", "run", "-S", "seed=7", "prepare", code=255)
    assert "MY EDIT" not in (project / "README.md").read_text(encoding="utf-8")

    lock = call(project, "foldline", "doctor", "--quick", code=3)
    run_told(project, lock, "Next: ")
    output = call(project, "foldline", "doctor", "--quick")
    run_told(project, output, "To bring them back: ")

    assert "MY EDIT" in (project / "README.md").read_text(encoding="utf-8")
    assert call(project, "foldline", "doctor", "--quick") == ""


def damage(project: Path, name: str, in_cache: bool, in_folder: bool) -> None:
    """Flip a bit of a file's object, or of the file, or of both."""
    file = project / name
    content = bytearray(file.read_bytes())
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    content[len(content) // 2] ^= 2
    own = project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    if in_cache:
        own.chmod(0o644)
        own.write_bytes(content)
        own.chmod(0o444)
    if in_folder:
        file.unlink()
        call(project, "dvc", "checkout", "-q", name)
        if not in_cache:
            file.write_bytes(content)


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize(("in_cache", "in_folder"), [(True, True), (True, False), (False, True)])
def test_the_command_of_doctor_restores_a_damaged_file(project, in_cache, in_folder, remote):
    before = (project / "data/prepared.csv").read_bytes()
    if remote:
        call(project, "dvc", "remote", "add", "-q", "-d", "r", str(project.parent / "remote"))
        call(project, "dvc", "push", "-q", "split")
    damage(project, "data/prepared.csv", in_cache, in_folder)

    output = call(project, "foldline", "doctor", code=1)
    (line,) = [line for line in output.splitlines() if line.startswith("problem:")]
    command = re.split(r"; to record|; without", line.partition("To restore it: ")[2])[0]
    call(project, "sh", "-c", command)

    assert (project / "data/prepared.csv").read_bytes() == before
    assert "no problem found" in call(project, "foldline", "doctor")
    call(project, "dvc", "status", "-q", "split")


def test_a_stage_refuses_an_input_that_dvc_restored_damaged(project):
    damage(project, "data/prepared.csv", in_cache=True, in_folder=True)
    call(project, "dvc", "status", "-q", "split")  # DVC notices nothing

    output = call(project, "dvc", "exp", "run", "-S", "split.compare=false", "split", code=255)

    assert "data/prepared.csv has the MD5" in output
    assert "`foldline doctor` tells how to restore it" in output


def test_a_change_made_on_purpose_is_recorded_by_the_command_told(project):
    text = (project / "data/prepared.csv").read_text(encoding="utf-8")
    (project / "data/prepared.csv").write_text(text.replace("오늘", "어제"), encoding="utf-8")

    output = call(project, "dvc", "repro", "-s", "split", code=255)
    call(project, "sh", "-c", output.partition("how to restore it; `")[2].partition("`")[0])
    call(project, "dvc", "repro", "-s", "split")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("data/train.csv", "cut"),
        ("data/labels.json", "cut"),
        ("data/preprocessing.json", "removed"),
    ],
)
def test_an_output_is_made_again_by_the_command_that_is_named(project, monkeypatch, name, damage):
    file = project / name
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2])
    if damage == "removed":
        file.unlink()
    monkeypatch.chdir(project)
    with pytest.raises(FoldlineError) as caught:
        READERS[name]()
    (command,) = re.findall(r"`(dvc repro[^`]*)`", str(caught.value))

    call(project, "sh", "-c", command if "prepare" in command else f"{command} split")
    READERS[name]()
    assert file.read_bytes() == before
