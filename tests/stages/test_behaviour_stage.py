"""The stage `evaluate` runs behavioural tests, and `foldline behaviour` is their gate."""

import shutil
from pathlib import Path

import pytest

from foldline import cli
from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json
from tests.helpers import projects
from tests.helpers.marks import mark_slow_except

REPORT = Path("reports/evaluation.json")
CLASSES = """
tests:
- name: unknown words
  kind: minimum_functionality
  group: vocabulary
  templates: [a, b, c, d, e, f, g, h]
  expect: [economy, sports, science]
- name: never fulfilled
  kind: directional
  group: vocabulary
  add: [final match]
  lowers: sports
  min_pass_rate: 0.9
"""
NUMBERS = """
tests:
- name: equal texts
  kind: minimum_functionality
  group: pairs
  templates:
  - [축구 경기, 축구 경기]
  - [새 망원경, 새 망원경]
  between: [-10, 10]
- name: single text
  kind: minimum_functionality
  group: pairs
  templates: [one]
  between: [-10, 10]
- name: other words
  kind: directional
  group: pairs
  perturb: delete
  share: 0.9
  lowers: value
"""


def make_project(task: str, pack: str) -> None:
    packs = ["general", "data/raw/own.yaml"]
    changes = {"evaluate.behaviour.packs": packs, "evaluate.behaviour.sample": 10}
    projects.make(Path(), changes | {"ensemble.members": {"model": {}}}, task)
    Path("data/raw/own.yaml").write_text(pack, encoding="utf-8")


CASES = [("classification", CLASSES), ("multilabel", CLASSES), ("regression", NUMBERS)]


@pytest.mark.parametrize(("task", "pack"), mark_slow_except(CASES, CASES[:1]))
def test_evaluate_reports_tests_of_every_task(task, pack, workplace, capsys):
    make_project(task, pack)
    projects.run(*projects.CHAIN[:-1])
    report = read_json(REPORT)["behaviour"]

    assert {"tests", "skipped", "curves", "part"} == set(report)
    kinds = {(test["pack"], test["kind"]) for test in report["tests"]}
    assert {("general", "invariance"), ("data/raw/own.yaml", "minimum_functionality")} <= kinds
    assert [curve["name"] for curve in report["curves"]] == ["noise", "delete"]
    main = report["curves"][0]["metric"]
    assert main == ("pearson" if task == "regression" else "f1_macro")
    skipped = {test["name"]: test["reason"] for test in report["skipped"]}
    if task == "regression":
        assert skipped["single text"] == "the models read text pairs"
    assert all(0 <= t["low"] <= t["pass_rate"] <= t["high"] <= 1 for t in report["tests"])
    assert "behaviour invariance: " in capsys.readouterr().out
    before = REPORT.read_bytes()
    shutil.rmtree(".foldline")
    projects.run("evaluate")
    assert REPORT.read_bytes() == before
    if task == "classification":
        check_gate(capsys)


def check_gate(capsys) -> None:
    """Check that the gate fails, and passes once its advice is followed."""
    assert cli.main(["behaviour"]) == 1
    printed = capsys.readouterr().out
    assert "MISSED data/raw/own.yaml: never fulfilled: " in printed
    assert " -> " in printed
    text = CLASSES.replace("0.9", "0.0").replace("expect: [economy", "expect: [money")
    Path("data/raw/own.yaml").write_text(text, encoding="utf-8")
    projects.run("evaluate")
    assert cli.main(["behaviour"]) == 0
    text = text.replace("lowers: sports", "lowers: sport")
    Path("data/raw/own.yaml").write_text(text, encoding="utf-8")
    projects.run("evaluate")
    assert cli.main(["behaviour"]) == 1
    assert "skipped: no class stands for sport (did you mean 'sports'?)" in capsys.readouterr().out
    projects.set_params(Path("params.yaml"), {"evaluate.behaviour.packs": "none"})
    projects.run("evaluate")
    assert "behaviour" not in read_json(REPORT)
    assert cli.main(["behaviour"]) == 1
    assert "set evaluate.behaviour.packs to auto" in capsys.readouterr().err


def test_a_missing_pack_is_found_before_any_stage(workplace):
    make_project("classification", CLASSES)
    changes = {"evaluate.behaviour.packs": ["data/raw/own.yaml", "generel"]}
    projects.set_params(Path("params.yaml"), changes)

    with pytest.raises(FoldlineError, match=r"evaluate\.behaviour\.packs"):
        projects.run("prepare")


@pytest.mark.slow
def test_predictions_made_elsewhere_skip_all_tests(workplace):
    make_project("classification", CLASSES)
    table = [
        {"id": row["id"]} | {f"p_{name}": float(row["label"] == name) for name in projects.SUBJECTS}
        for row in projects.topics()
    ]
    projects.write_csv(Path("data/raw/answers.csv"), table)
    changes = {"model": "external", "external.file": "data/raw/answers.csv"}
    projects.set_params(Path("params.yaml"), changes)
    projects.run(*projects.CHAIN[:-1])
    report = read_json(REPORT)["behaviour"]

    assert report["tests"] == report["curves"] == []
    assert {test["reason"] for test in report["skipped"]} == {
        "member model: predictions of external.file are by id, whatever the text"
    }
