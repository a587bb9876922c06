"""An import that is not wanted or cannot be done writes nothing."""

import io
import shutil
import sys

import pytest

from foldline.cli import main
from foldline.cli import run as run_verb
from foldline.core.params.loading import read_params
from foldline.importer import placement
from tests.helpers import importing, projects
from tests.helpers.importing import import_error, write_official_files
from tests.helpers.projects import write_csv


@pytest.fixture
def project(workplace, monkeypatch):
    return importing.make_project(workplace, monkeypatch)


def test_without_a_terminal_or_a_yes_nothing_is_written(project, monkeypatch, capsys):
    write_csv(project / "given/news.csv", projects.topics())
    before = (project / "params.yaml").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert "--yes" in import_error("given/news.csv")
    assert "First rows of news.csv" in capsys.readouterr().out
    assert not (project / "data").exists()
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("answer", "written"), [("y", True), ("네", True), ("", False), ("n", False)]
)
def test_a_yes_at_the_terminal_is_asked_for(project, monkeypatch, answer, written):
    write_csv(project / "given/news.csv", projects.topics())
    before = (project / "params.yaml").read_bytes()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    run_verb(["import", "given/news.csv"])

    assert (project / "data/raw/news.csv").exists() == written
    assert ((project / "params.yaml").read_bytes() != before) == written


def test_what_was_written_to_params_meanwhile_stays(project, monkeypatch):
    write_csv(project / "given/news.csv", projects.topics())
    file = project / "params.yaml"

    def answer(_):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("seed: 42", "seed: 43"), encoding="utf-8")
        return "y"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answer)
    run_verb(["import", "given/news.csv"])

    assert read_params(file)["seed"] == 43
    assert read_params(file)["data"]["train"] == "data/raw/news.csv"


def test_a_copy_that_is_interrupted_leaves_nothing(project, monkeypatch):
    write_official_files(project / "given")
    before = (project / "params.yaml").read_bytes()
    copy = shutil.copyfile

    def stopping(source, target):
        copy(source, target)
        if "dev" in str(source):
            raise KeyboardInterrupt

    monkeypatch.setattr(placement.shutil, "copyfile", stopping)

    assert main(["import", "given/train.csv", "given/dev.csv", "--yes"]) == 130
    assert list((project / "data/raw").iterdir()) == []
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["name a file", "--help"]),
        (["given/absent.csv"], ["given/absent.csv does not exist"]),
        (["given"], ["is a folder", "hf:given"]),
        (["vaild=given/train.csv"], ["unknown part 'vaild'; did you mean 'valid'?"]),
        (["given/train.csv", "train=given/dev.csv"], ["both are train", "omit one"]),
        (["given/train.csv", "given/more.csv"], ["more.csv: the part of this file", "train="]),
        (["given/one.csv", "given/more.csv"], ["none of one.csv, more.csv", "train=PATH"]),
        (["given/train.csv", "--label", "lable"], ["did you mean 'label'?", "Correct --label"]),
        (["given/train.csv", "--text", "none"], ["--text none", "name it"]),
        (["given/train.csv", "test=given/bare.csv"], ["has no column 'label'", "data.predict"]),
        (["given/bare.csv"], ["no column looks like the label", "--label COLUMN"]),
        (["given/top.csv"], ["first line seems to be a row", "names above"]),
        (["given/a/train.csv", "dev=given/train.csv"], ["unknown part 'dev'"]),
        (["train=given/a/train.csv", "valid=given/train.csv"], ["would both become data/raw"]),
        (["given/train.csv", "--annotations", "given/dev.csv"], ["item, annotator and label"]),
        (["given/train.csv", "--revision", "1"], ["hf:ID"]),
        (["given/train.xlsx"], ["allowed are .csv"]),
        (["given/train.csv", "--dvc"], ["as there is no DVC project", "--git"]),
        (["given/train.csv", "--task", "regression", "--id", "id"], ["needs numbers", "--label"]),
    ],
)
def test_mistakes_are_reported_and_write_nothing(project, arguments, expected):
    write_official_files(project / "given")
    write_csv(project / "given/more.csv", projects.topics())
    write_csv(project / "given/one.csv", projects.topics())
    write_csv(
        project / "given/bare.csv", [{"id": r["id"], "text": r["text"]} for r in projects.topics()]
    )
    write_csv(project / "given/a/train.csv", projects.topics())
    text = (project / "given/one.csv").read_text(encoding="utf-8")
    (project / "given/top.csv").write_text(text.split("\n", 1)[1], encoding="utf-8")
    (project / "given/train.xlsx").write_bytes(b"PK\x03\x04")
    before = (project / "params.yaml").read_bytes()
    message = import_error(*arguments, "--yes")

    for part in expected:
        assert part in message
    assert not (project / "data").exists()
    assert (project / "params.yaml").read_bytes() == before


def test_parameters_that_would_not_be_valid_then_stop_the_import(project):
    projects.set_params(project / "params.yaml", {"split.method": "grouped", "data.group": "label"})
    write_csv(project / "given/news.csv", projects.topics())

    message = import_error("given/news.csv", "--yes")
    assert "params.yaml" in message
    assert not (project / "data").exists()


@pytest.mark.parametrize("source", ["", "train="])
def test_no_name_is_no_folder(project, source):
    assert "names no file" in import_error(source)
