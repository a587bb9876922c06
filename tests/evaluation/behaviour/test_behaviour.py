"""Behavioural tests of a model whose every answer is known."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.params import Evaluate
from foldline.evaluation.behaviour import run as behaviour
from foldline.evaluation.behaviour.cases import CaseMaker, sort_rows
from foldline.evaluation.behaviour.classes import ClassNames, check_own_names
from foldline.evaluation.behaviour.predictions import TextPredictor
from foldline.evaluation.behaviour.report import format_behaviour_report
from foldline.evaluation.behaviour.spec import read_pack

LABELS = Labels("classification", ("bad", "good"))
OPTIONS = {"test": "always", "resamples": 100, "level": 0.95, "external": {}, "metric": None}
PACK = """
labels: {positive: [positive, Good]}
lexicons: {who: [he, she], praise: [fine, superb]}
tests:
- name: praise
  kind: minimum_functionality
  group: vocabulary
  templates: ['it is {praise}', 'it is very {praise}']
  expect: positive
  min_pass_rate: 0.9
- name: capitals
  kind: invariance
  group: case
  perturb: uppercase
- name: who
  kind: sensitive
  group: gender
  swap: who
- name: added praise
  kind: directional
  group: sentiment
  add: [superb]
  raises: positive
- name: added doubt
  kind: directional
  group: sentiment
  add: [superb]
  lowers: good
- name: about anger
  kind: minimum_functionality
  group: emotion
  templates: [x]
  expect: angry
  min_pass_rate: 0.5
- name: numbers
  kind: invariance
  group: numbers
  perturb: numbers
- name: noise
  kind: perturbation
  group: spelling
  perturb: noise
"""


@dataclass
class Words:
    """An ensemble that knows two words: `superb` is good, `she` is bad."""

    revisions: dict = field(default_factory=dict)

    def list_models(self) -> dict:
        return {}

    def predict_members(self, rows: pd.DataFrame) -> dict:
        good = [
            0.5 + 0.4 * ("superb" in text) - 0.5 * ("she" in text.lower().split())
            for text in rows["text"]
        ]
        return {"words": np.column_stack([1 - np.array(good), good])}

    def combine(self, members: dict, rows: pd.DataFrame, task: str) -> np.ndarray:
        return members["words"]


def make_rows(texts: list[str]) -> pd.DataFrame:
    count = len(texts)
    columns = {"id": [f"r{n}" for n in range(count)], "text": texts, "text_pair": [""] * count}
    labels = ["good" if "superb" in text else "bad" for text in texts]
    return pd.DataFrame(columns | {"label": labels, "group": columns["id"]})


def run(pack: str, rows: pd.DataFrame, folder: Path, part: str = "test", **changes) -> dict:
    path = folder / "own.yaml"
    path.write_text(pack, encoding="utf-8")
    settings = {"packs": "auto", "sample": 200, "min_pass_rate": None, "labels": {}} | changes
    options = Evaluate.model_validate(OPTIONS | {"behaviour": settings})
    maker = CaseMaker(sort_rows(rows, 1), str.strip, settings["sample"], 1, {}, False)
    own = behaviour.BehaviourRun(
        LABELS, ClassNames(LABELS, settings["labels"]), maker, options, part
    )
    own.collect({"own": read_pack(str(path))}, None)
    predictor = TextPredictor(Words(), "classification", own.list_texts())
    tests, curves = own.report_tests(predictor), own.report_curves(predictor)
    return {"tests": {t["name"]: t for t in tests}, "curves": curves, "skipped": own.skipped}


ROWS = make_rows(["she is superb", "she is here", "we are superb", "superb or not", "all is well"])


def test_rates_and_examples_are_those_of_the_cases(tmp_path):
    tests = run(PACK, ROWS, tmp_path)["tests"]

    counts = {name: (test["count"], test["failed"]) for name, test in tests.items()}
    assert counts == {
        "praise": (4, 2),  # of two words one is unknown
        "capitals": (5, 2),  # superb is good, SUPERB is not
        "who": (2, 1),
        "added praise": (5, 0),
        "added doubt": (5, 2),  # where superb was not there before
    }
    praise = tests["praise"]
    assert (praise["pass_rate"], praise["required"]) == (0.5, 0.9)
    assert praise["low"] < 0.5 < praise["high"]
    shown = {example["text"]: example for example in praise["examples"]}
    assert shown["It is fine"] == {
        "text": "It is fine",
        "changed": None,
        "expected": "good",
        "before": None,
        "after": "bad",
        "id": None,
    }
    assert tests["who"]["examples"] == [
        {
            "text": "she is superb",
            "changed": "he is superb",
            "expected": "bad",
            "before": "bad",
            "after": "good",
            "id": "r0",
        }
    ]
    assert tests["added doubt"]["examples"][0] == {
        "text": "she is here",
        "changed": "she is here superb",
        "expected": "good lower",
        "before": 0.0,
        "after": 0.4,
        "id": "r1",
    }


def test_what_is_not_run_says_why(tmp_path):
    report = run(PACK, ROWS, tmp_path, part="out_of_fold")
    reasons = {entry["name"]: entry for entry in report["skipped"]}

    assert list(reasons) == ["about anger", "numbers", "noise"]
    assert reasons["about anger"]["reason"] == (
        "no class stands for angry; the classes are bad, good. evaluate.behaviour.labels can name "
        "one"
    )
    assert reasons["about anger"]["required"] == 0.5
    assert reasons["numbers"]["reason"] == behaviour.NO_CASES
    assert reasons["noise"]["reason"] == behaviour.NO_TEST
    assert report["curves"] == []
    named = run(PACK, ROWS, tmp_path, labels={"angry": "bad"})["tests"]["about anger"]
    assert (named["count"], named["failed"]) == (1, 0)


def test_a_curve_starts_at_the_score_without_noise_and_falls(tmp_path):
    rows = make_rows(
        [f"{'superb' if n % 2 else 'plain'} text {'abc' * (n % 7)}" for n in range(80)]
    )
    (curve,) = run(PACK, rows, tmp_path)["curves"]
    points = curve["points"]

    assert [point["share"] for point in points] == [0.0, 0.05, 0.1, 0.2, 0.4]
    assert points[0]["score"] == 1
    assert points[-1]["score"] < points[1]["score"] < 1
    assert all(point["low"] <= point["score"] <= point["high"] for point in points)


def test_the_order_of_rows_changes_nothing_and_duplicates_count_once(tmp_path):
    texts = [f"{'she' if n % 3 else 'we'} said superb {n}" for n in range(60)]
    rows = make_rows(texts)
    report = run(PACK, rows, tmp_path, sample=20)

    assert report == run(PACK, rows.iloc[::-1], tmp_path, sample=20)
    assert report["tests"]["capitals"]["count"] == 20
    grouped = run(PACK, rows.assign(group="one"), tmp_path, sample=20)["tests"]["capitals"]
    own = report["tests"]["capitals"]
    assert grouped["failed"] == own["failed"]
    assert grouped["high"] - grouped["low"] > 2 * (own["high"] - own["low"])


def test_a_long_text_is_cut_around_its_change(tmp_path):
    rows = make_rows(["word " * 20_000 + "she is superb"])
    (example,) = run(PACK, rows, tmp_path)["tests"]["who"]["examples"]

    assert len(example["text"]) <= 302
    assert "she is superb" in example["text"]
    assert "he is superb" in example["changed"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"positiv": "good"}, "unknown label 'positiv'; did you mean 'positive'"),
        ({"positive": "goood"}, "labels.positive: unknown class 'goood'; did you mean 'good'"),
    ],
)
def test_wrong_names_in_params_are_refused(own, message):
    with pytest.raises(FoldlineError, match=message):
        check_own_names(own, LABELS, [read_pack("en")])


def test_the_terminal_has_a_line_for_each_kind_and_the_worst_test(tmp_path):
    report = run(PACK, ROWS, tmp_path, min_pass_rate=0.9)
    lines = format_behaviour_report({"behaviour": report | {"tests": [*report["tests"].values()]}})

    assert lines[:5] == [
        "behaviour directional: 8 of 10 passed (2 tests)",
        "behaviour invariance: 3 of 5 passed (1 tests)",
        "behaviour minimum_functionality: 2 of 4 passed (1 tests)",
        "behaviour sensitive: 1 of 2 passed (1 tests)",
        "  worst: own: added doubt: 60.0% [20.5%, 89.7%] of 5, required 90.0%",
    ]
    assert "expected good lower" in lines[5]
    assert lines[6].startswith("note: 2 behavioural tests were skipped: ")
