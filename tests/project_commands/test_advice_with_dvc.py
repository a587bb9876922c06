"""Advice that a whole project alone shows to be right: each command is run as printed."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from foldline.core.io.files import digest
from tests.helpers import projects
from tests.helpers.model_folders import write_model_folder
from tests.helpers.repositories import call, copy_project

pytestmark = pytest.mark.slow

PREDICT = ("foldline", "predict", "--text", "은행 금리")
ENSEMBLE = Path("models/ensemble.json")


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    """Return a committed project, with a remote, in which all stages have run."""
    folder = tmp_path_factory.mktemp("ran") / "project"
    folder.mkdir()
    copy_project(folder, {"model": "static", "static.epochs": 2})
    call(folder, "dvc", "repro", "-q")
    call(folder, "dvc", "remote", "add", "-q", "-d", "r", str(folder.parent / "remote"))
    call(folder, "dvc", "push", "-q")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "run")
    return folder


@pytest.fixture
def project(ran: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ran, tmp_path / "project", symlinks=True))


def edit_json(name: str, **values: object) -> Callable[[Path], None]:
    def edit(project: Path) -> None:
        content = json.loads((project / name).read_text())
        (project / name).write_text(json.dumps(content | values))

    return edit


def overwrite(name: str, content: str = "[]") -> Callable[[Path], None]:
    return lambda project: (project / name).write_text(content) and None


def cut(pattern: str) -> Callable[[Path], None]:
    def shorten(project: Path) -> None:
        file = next(project.glob(pattern))
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return shorten


def remove(*names: str) -> Callable[[Path], None]:
    def run(project: Path) -> None:
        for path in (project / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return run


def rename_label(project: Path) -> None:
    path = project / "data/train_augmented.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",economy,", ",money,"), "utf-8")


def run_stage(name: str) -> tuple[str, ...]:
    return ("python", "-m", f"stages.{name}")


class Case(NamedTuple):
    """What is damaged, the command that notices it, and the words before each named command."""

    damage: Callable[[Path], None]
    command: tuple[str, ...]
    words: str
    commands: tuple[str, ...]
    code: int = 1


CASES = {
    "edited ensemble": Case(
        edit_json("models/ensemble.json", method="best"), PREDICT,
        "must be one of soft, hard, rank, weighted", ("dvc repro -s -f ensemble",),
    ),
    "missing ensemble": Case(
        remove("models/ensemble.json"), PREDICT, "ensemble.json is missing", ("dvc repro",)
    ),
    "edited folds": Case(
        overwrite("models/folds/index.json", '{"models": {"../x": 1}}'), PREDICT,
        "models/folds/index.json: 1 problem", ("dvc checkout --force models/folds", "dvc repro"),
    ),
    "edited baselines": Case(
        overwrite("models/baselines/index.json", '["x"]'), run_stage("evaluate"),
        "models/baselines/index.json: 1 problem",
        ("dvc checkout --force models/baselines",),
    ),
    "cut model": Case(
        cut("models/model/*.safetensors"), (*PREDICT, "--model", "model"), "is damaged",
        ("dvc checkout --force",),
    ),
    "no model": Case(
        remove("models/model", "models/baselines"), PREDICT, "holds no trained models",
        ("dvc repro", "dvc pull"),
    ),
    "cut table": Case(
        cut("data/predictions/out_of_fold.csv"), run_stage("ensemble"), "cut or changed",
        ("dvc repro",),
    ),
    "another label": Case(
        rename_label, run_stage("train"), "is not one of the classes", ("dvc repro",)
    ),
    "no augmented rows": Case(
        remove("data/train_augmented.csv"), ("foldline", "sanity"), "is missing",
        ("dvc repro augment",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, command) for name, case in CASES.items() for command in case.commands],
)
def test_the_command_that_a_message_names_repairs_the_project(name, command, project) -> None:
    case, models = CASES[name], digest(project / "models")
    case.damage(project)

    output = call(project, *case.command, code=case.code)
    assert case.words in output
    assert f"`{command}`" in output
    call(project, "sh", "-c", command)

    call(project, *case.command)
    assert digest(project / "models") == models


def test_notes_on_params_and_on_the_page_are_gone_after_the_command(project) -> None:
    projects.set_params(project / "params.yaml", {"static.epochs": 3})
    note = re.search(r"static\.epochs\): .*`(dvc repro)` trains", call(project, *PREDICT))
    assert note
    with (project / "data/raw/rows.csv").open("a", encoding="utf-8") as stream:
        stream.write("new,어제 시작한 새로운 경기,sports\n")
    output = call(project, "foldline", "view")
    assert re.search(r"which no stage has read yet.* Run `(dvc repro)`", output)[1] == note[1]
    call(project, "sh", "-c", note[1])
    assert "note" not in call(project, *PREDICT)
    assert "no stage has read" not in call(project, "foldline", "view")

    for name in ("train", "valid", "test"):
        (project / f"data/{name}.csv").unlink()
    output = call(project, "foldline", "view")
    command = re.search(r"there is no split yet.* Run `(dvc repro split)`", output)[1]
    call(project, "sh", "-c", command)
    assert "there is no split yet" not in call(project, "foldline", "view")


def test_a_model_is_versioned_by_the_command_of_the_note(project) -> None:
    write_model_folder(project / "models/pretrained/m")
    code = "from foldline.encoders.hub import check_folder as c; c('model', 'models/pretrained/m')"
    note = call(project, "python", "-c", code)
    call(project, "sh", "-c", re.search(r"is not versioned.*`(dvc add [^`]*)`", note)[1])
    assert call(project, "python", "-c", code) == ""


def test_the_merge_ends_with_the_commands_of_resolve(project) -> None:
    """Theirs: the outputs of the other branch come from the cache."""
    call(project, "git", "switch", "-qc", "other")
    for branch, epochs in (("other", 3), ("-", 4)):
        if branch == "-":
            call(project, "git", "switch", "-q", "-")
            call(project, "dvc", "checkout", "-q", "--force")
        projects.set_params(project / "params.yaml", {"static.epochs": epochs})
        call(project, "dvc", "repro", "-q", "train")
        call(project, "git", "commit", "-qam", branch)
    call(project, "git", "merge", "-q", "other", code=1)

    output = call(project, "foldline", "resolve", "--take", "theirs")
    call(project, "git", "checkout", "--theirs", "params.yaml")
    call(project, "git", "add", "params.yaml")
    lines = [line.strip() for line in output.partition("Next:\n")[2].splitlines()]
    assert lines[0] == "dvc checkout --allow-missing --force"
    for line in lines:
        call(project, "sh", "-c", line)

    assert call(project, "git", "status", "--porcelain") == ""
    assert "didn't change" in call(project, "dvc", "repro")


def test_a_conflict_in_data_ends_with_the_commands_of_resolve(project) -> None:
    raw = project / "data/raw/extra.csv"
    call(project, "git", "switch", "-qc", "other")
    for branch in ("other", "-"):
        if branch == "-":
            call(project, "git", "switch", "-q", "-")
        raw.write_text(f"text\n{branch}\n")
        call(project, "dvc", "add", "-q", "data/raw/extra.csv")
        call(project, "git", "add", "-A")
        call(project, "git", "commit", "-qm", branch)
    call(project, "git", "merge", "-q", "other", code=1)

    output = call(project, "foldline", "resolve")
    command = re.search(r"version of the data: (.*) \(or (--theirs)\)(.*)", output)
    theirs = command[1].replace("--ours", command[2])
    call(project, "sh", "-c", theirs + command[3])
    assert raw.read_text() == "text\nother\n"
