"""Notes on models that are not those of the project as it stands."""

import warnings
from pathlib import Path

import pytest

from foldline.prediction.staleness import list_stale_notes

LOCK = """schema: '2.0'
stages:
  prepare:
    deps: [{path: data/raw, md5: raw}]
    params:
      params.yaml:
        task: classification
        data: {text: text, id: null, predict: data/raw/new.csv, known_after: []}
    outs: [{path: data/labels.json, md5: labels}]
  train:
    deps: [{path: data/labels.json, md5: labels}, {path: foldline/models, md5: code}]
    params:
      params.yaml: {task: classification, lr: 0.001, components: {}, train: {lora: 0}}
    outs: [{path: models/model, md5: model}]
  predict:
    params:
      params.yaml: {predict: {sample_submission: null}}
"""
PARAMS = """task: classification
lr: 1.0e-3
train: {lora: 0}
data:
  text: text
  id:
  predict: data/raw/new.csv
  known_after: []
components: {}
predict: {sample_submission: }
"""


@pytest.fixture
def project(workplace) -> Path:
    Path("dvc.lock").write_text(LOCK, encoding="utf-8")
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    return workplace


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


def test_current_models_give_no_note(project):
    """Other spellings of a value are that value."""
    assert list_stale_notes() == []


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("1.0e-3", "3e-4", "lr"),
        ("lora: 0", "lora: 8", "train.lora"),
        ("id:\n", "id: key\n", "data.id"),
        ("known_after: []", "known_after: [a]", "data.known_after"),
    ],
)
def test_changed_params_are_named(project, old, new, key):
    edit("params.yaml", old, new)

    (note,) = list_stale_notes()
    assert note.startswith(
        f"params.yaml has other values than the models were trained with ({key})"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("data/raw/new.csv", "data/raw/x.csv"), ("sample_submission: ", "sample_submission: a.csv")],
)
def test_other_rows_to_predict_make_no_model_stale(project, old, new):
    edit("params.yaml", old, new)

    assert list_stale_notes() == []


def test_a_stage_before_a_newer_one_is_named(project):
    edit(
        "dvc.lock",
        "outs: [{path: data/labels.json, md5: labels}]",
        "outs: [{path: data/labels.json, md5: newer}]",
    )

    (note,) = list_stale_notes()
    assert note.startswith("the models of train are older than what they were trained on")


@pytest.mark.parametrize("lacking", ["dvc.lock", "params.yaml"])
def test_without_a_record_there_is_nothing_to_say(project, lacking):
    Path(lacking).unlink()

    assert list_stale_notes() == []


@pytest.mark.parametrize("content", ["", "[", "a: [\n", "<<<<<<< HEAD\n", "stages:\n", "- a\n"])
def test_a_record_that_cannot_be_read_stops_no_prediction(project, content):
    Path("dvc.lock").write_text(content, encoding="utf-8")

    with warnings.catch_warnings(action="error"):
        assert list_stale_notes() == []


def test_the_projects_own_record_is_read(monkeypatch):
    monkeypatch.chdir(Path(__file__).resolve().parents[2])

    assert all("belong together" not in note for note in list_stale_notes())
