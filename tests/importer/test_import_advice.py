"""Advice of `foldline import` is tried by following it: the import is done."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.importer.params_editing import edit_yaml
from tests.helpers import importing, projects
from tests.helpers.git_projects import git, make_repository, run_shell
from tests.helpers.importing import import_error, write_official_files
from tests.helpers.projects import write_csv

TRAIN = "given/train.csv"


@pytest.fixture
def project(workplace, monkeypatch):
    """Make a project with official files, and some that cannot be imported as they are."""
    project = importing.make_project(workplace, monkeypatch)
    write_official_files(project / "given")
    rows = projects.topics()
    for name in ("more", "one", "a/train"):
        write_csv(Path(f"given/{name}.csv"), rows)
    write_csv(Path("given/scored.csv"), [row | {"points": n / 2} for n, row in enumerate(rows)])
    bare = [{"id": r["id"], "text": r["text"], "kind": f"k{n % 45}"} for n, r in enumerate(rows)]
    write_csv(Path("given/plain.csv"), bare)
    write_csv(Path("given/vague.csv"), [{"x": n, "y": n % 2, "z": n} for n in range(60)])
    write_csv(Path("given/judged.csv"), [
        {"row": row["id"], "by": who, "said": row["label"]} for row in rows for who in "abc"
    ])  # fmt: skip
    headless = Path("given/one.csv").read_text(encoding="utf-8").split("\n", 1)[1]
    Path("given/headless.csv").write_text(headless, encoding="utf-8")
    return project


@dataclass(frozen=True)
class Case:
    """Arguments, the words of advice that they lead to, and arguments that follow it."""

    arguments: list[str]
    advice: str
    follow: list[str]

    def __post_init__(self) -> None:
        for option in re.findall(r"--[a-z-]+", self.advice):
            assert option in self.follow, (option, self.follow)


CASES = [
    Case([], "name a file", [TRAIN]),
    Case([""], "Write train=news.csv", ["train=given/train.csv"]),
    Case(["vaild=given/train.csv"], "did you mean 'valid'?", [TRAIN, "valid=given/dev.csv"]),
    Case(["dev=given/dev.csv", TRAIN], "Write train=news.csv", [TRAIN, "valid=given/dev.csv"]),
    Case(["given/absent.csv"], "check the path", [TRAIN]),
    Case(["given"], "given is a folder: name its files", [TRAIN]),
    Case([TRAIN, "train=given/dev.csv"], "omit one", [TRAIN]),
    Case([TRAIN, "train=given/dev.csv"], "state the part of each", [TRAIN, "test=given/dev.csv"]),
    Case([TRAIN, "given/more.csv"], "write train=, valid=, test=", [TRAIN, "test=given/more.csv"]),
    Case([TRAIN, "given/more.csv"], "or omit it", [TRAIN]),
    Case(["given/one.csv", "given/more.csv"], "write train=PATH for one of them",
         ["train=given/one.csv", "test=given/more.csv"]),
    Case([TRAIN, "--label", "lable"], "did you mean 'label'? Correct --label",
         [TRAIN, "--label", "label"]),
    Case([TRAIN, "--pair", "txt"], "Correct --pair", [TRAIN, "--pair", "none"]),
    Case([TRAIN, "--text", "none"], "name it", [TRAIN, "--text", "text"]),
    Case(["given/vague.csv"], "Name it with --text COLUMN",
         ["given/vague.csv", "--text", "x", "--label", "y"]),
    Case(["given/plain.csv"], "Name it with --label COLUMN",
         ["given/plain.csv", "--label", "kind"]),
    Case(["given/headless.csv"], "Add a line with the column names above it", ["given/one.csv"]),
    Case(["train=given/a/train.csv", "valid=given/train.csv"], "rename one",
         ["train=given/one.csv", "valid=given/train.csv"]),
    Case([TRAIN, "--annotations", "given/judged.csv"],
         "name the columns item_id, annotator_id and label", [TRAIN, "given/judged-named.csv"]),
    Case([TRAIN, "--revision", "1"], "need a dataset of Hugging Face", [TRAIN]),
    Case(["given/scored.csv", "--task", "regression"], "Name another column with --label",
         ["given/scored.csv", "--task", "regression", "--label", "points"]),
    Case([TRAIN, "--task", "regression"], "or use --task classification",
         [TRAIN, "--task", "classification"]),
    Case([TRAIN, "--dvc"], "or use --git", [TRAIN, "--git"]),
]  # fmt: skip


@pytest.mark.parametrize("own", CASES, ids=lambda own: own.advice[:40])
def test_advice_on_what_is_imported(project, own):
    message = import_error(*own.arguments, "--yes")
    assert own.advice in message

    write_csv(Path("given/judged-named.csv"), [
        {"item_id": f"r{n}", "annotator_id": who, "label": "ab"[n % 2]}
        for n in range(30) for who in "abc"
    ])  # fmt: skip
    params = importing.import_files(project, *own.follow)
    assert params["data"]["train"].startswith("data/raw/")


def test_without_a_terminal_the_command_is_repeated_as_the_message_says(project, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    (option,) = re.findall(r"repeat the command with (--\w+)", import_error(TRAIN))

    run_verb(["import", TRAIN, option])
    assert Path("data/raw/train.csv").exists()


def options_in(text: str) -> list[str]:
    """Return the first option of a text with its value."""
    (found, *_) = re.findall(r"--[a-z]+ (?:'[^']+'|[a-z]+)", text)
    return shlex.split(found)


@pytest.mark.parametrize(
    ("column", "cell", "hint", "role", "value"),
    [
        ("body", "another text {n}", "'body' is also a text: ", "text_pair", "body"),
        ("film_id", "f{half}", "'film_id' repeats: ", "group", "film_id"),
        ("date", "2024-01-{day:02}", "later rows become valid and test; ", "time", None),
    ],
)
def test_hints_name_options_that_set_a_role(project, capsys, column, cell, hint, role, value):
    rows = projects.topics(20)
    for n, row in enumerate(rows):
        row[column] = cell.format(n=n, half=n // 4, day=n + 1)
    write_csv(Path("given/own.csv"), rows)
    before = importing.import_files(project, "given/own.csv")["data"][role]
    advice = capsys.readouterr().out.partition(hint)[2]

    after = importing.import_files(project, "given/own.csv", *options_in(advice))["data"][role]
    assert (before, after) == ((column if value is None else None), value)


def test_numbers_with_commas_become_several_labels_as_the_reason_says(project, capsys):
    rows = [
        {"id": f"r{n}", "text": f"some text {n}", "label": ["1,5", "2,5", "1,2", "2"][n % 4]}
        for n in range(60)
    ]
    write_csv(Path("given/own.csv"), rows)
    importing.import_files(project, "given/own.csv")
    reason = capsys.readouterr().out.partition("if ',' is between several labels: ")[2]

    params = importing.import_files(project, "given/own.csv", *options_in(reason))
    assert (params["task"], params["data"]["separator"]) == ("multilabel", ",")


def test_flags_become_columns_of_labels_as_the_message_says(project):
    rows = projects.topics(40)
    write_csv(
        Path("given/own.csv"),
        [r | {"label": f"[{n % 2}, {n // 2 % 2}]"} for n, r in enumerate(rows)],
    )
    assert "Write a column of 0 and 1 for each label" in (message := import_error("given/own.csv"))
    assert "--label NAME1,NAME2 in `foldline import`" in message

    write_csv(
        Path("given/own.csv"), [r | {"x": n % 2, "y": n // 2 % 2} for n, r in enumerate(rows)]
    )
    params = importing.import_files(project, "given/own.csv", "--label", "x,y")
    assert (params["task"], params["data"]["label"]) == ("multilabel", ["x", "y"])


def test_a_field_of_objects_is_named_as_the_message_says(project):
    lines = "".join(
        f'{{"id": "r{n}", "text": "text {n}", "a": {{"b": "{"xy"[n % 2]}", "c": "{n % 3}"}}}}\n'
        for n in range(30)
    )
    Path("given/own.jsonl").write_text(lines, encoding="utf-8")
    message = import_error("given/own.jsonl", "--label", "a")
    assert "Correct --label" in message
    (named,) = re.findall(r"name one of the fields '([\w.]+)'", message)

    data = importing.import_files(project, "given/own.jsonl", "--label", named)["data"]
    assert data["label"] == named == "a.b"


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize("way", ["--no-test", "-S"])
def test_all_rows_are_learnt_from_as_the_message_says(project, capsys, official, way):
    write_official_files(project / "given", without_labels=True)
    files = [TRAIN, *(["given/dev.csv"] if official else []), "given/test.csv"]
    importing.import_files(project, *files)
    advice = capsys.readouterr().out.partition("To learn from them and score out of fold")[2]

    if way == "--no-test":
        assert f"repeat the import with {way}" in advice
        importing.import_files(project, *files, way)
    else:
        from dvc.utils.hydra import apply_overrides

        command = shlex.split(advice.partition("or run: ")[2].partition("\n")[0])
        assert command[:4] == ["dvc", "exp", "run", "-S"]
        apply_overrides(Path("params.yaml"), command[4:])
    projects.set_params(Path("params.yaml"), {"kfold.n_splits": 2, "split.compare": False})
    projects.run("prepare", "split")

    assert len(schemas.TEST.read()) == 0
    assert len(schemas.TRAIN.read()) + len(schemas.VALID.read()) == (45 if official else 30)


def test_git_gives_a_file_up_as_the_message_says(project):
    make_repository(project, {"data/raw/train.csv": "id\n"})
    message = import_error(TRAIN, "--dvc", "--yes")
    (command,) = re.findall(r"run (git rm --cached \S+), then repeat", message)

    git(project, *shlex.split(command)[1:])
    assert "as there is no DVC project" in import_error(TRAIN, "--dvc", "--yes")


def test_params_return_to_the_commit_as_the_message_says(project):
    make_repository(project, {})
    text = Path("params.yaml").read_text(encoding="utf-8")
    with pytest.raises(FoldlineError) as caught:
        edit_yaml(text.replace("  separator:", "  seperator:"), {"data.separator": ";"})
    (command,) = re.findall(r"`(git restore params.yaml)`", str(caught.value))

    Path("params.yaml").write_text("", encoding="utf-8")
    git(project, *shlex.split(command)[1:])
    assert Path("params.yaml").read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_a_file_changes_its_keeper_as_the_messages_say(project):
    """From git to DVC and back, by the commands of the messages."""
    message = import_error(TRAIN, "--dvc", "--yes")
    for command in re.findall(r"`((?:git|dvc) init)`", message):
        run_shell(project, f"{command} -q")
    importing.import_files(project, TRAIN, "--git")
    git(project, "add", "data/raw")

    (command,) = re.findall(r"run (git rm \S+ \S+), then", import_error(TRAIN, "--dvc", "--yes"))
    run_shell(project, command)
    importing.import_files(project, TRAIN, "--dvc")
    assert git(project, "check-ignore", "data/raw/train.csv")

    (command,) = re.findall(r"run (dvc remove \S+), then", import_error(TRAIN, "--git", "--yes"))
    run_shell(project, command)
    importing.import_files(project, TRAIN, "--git")
    git(project, "add", "data/raw")
    assert git(project, "ls-files", "data/raw").split() == ["data/raw/train.csv"]


@pytest.mark.slow
def test_a_folder_is_imported_as_a_dataset_as_the_message_says(project):
    (named,) = re.findall(r"or write (hf:\S+) if it is a dataset", import_error("given/a"))

    data = importing.import_files(project, named)["data"]
    assert data["train"] == "data/raw/a-train.jsonl"
