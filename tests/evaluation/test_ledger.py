"""The ledger of the test set: what counts as an opening, and how much the best is too good."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.evaluation.ledger import (
    REFS,
    estimate_maximum,
    format_test_use,
    report_closed_test,
    report_test_use,
)
from tests.helpers.git_projects import git, make_repository

TOPICS = Labels("classification", ("food", "sport"))
SCORE = {"value": 0.8, "low": 0.8 - 1.96 * 0.02, "high": 0.8 + 1.96 * 0.02}


def make_table(p: float, ids: str = "abc") -> pd.DataFrame:
    values = np.tile([p, 1 - p], (len(ids), 1))
    return TOPICS.table(values).assign(id=list(ids), label="food")


def use(table: pd.DataFrame, parent: dict | None = None) -> dict:
    return report_test_use(TOPICS, table, SCORE, parent or {"reason": "none"}, 0.95)


def test_the_same_predictions_of_the_same_rows_count_once(workplace):
    make_repository(workplace, {"file": ""})
    assert use(make_table(0.9))["openings"] == 1
    again = make_table(0.9 + 1e-12).iloc[::-1]
    assert use(again)["openings"] == 1, "another order, and a last digit of another machine"
    assert use(make_table(0.8))["openings"] == 2
    assert use(make_table(0.8, ids="abd"))["openings"] == 1, "other rows"
    assert len(git(workplace, "for-each-ref", REFS).splitlines()) == 3


def test_openings_name_their_experiment(workplace, monkeypatch):
    make_repository(workplace, {"file": ""})
    monkeypatch.setenv("DVC_EXP_NAME", "clear-moth")
    (own,) = use(make_table(0.9))["versions"]
    head = git(workplace, "rev-parse", "HEAD")
    assert own == {"experiment": "clear-moth", "commit": head, "metric": "f1_macro", "score": 0.8}


def test_the_optimism_is_that_of_the_best_of_so_many(workplace):
    make_repository(workplace, {"file": ""})
    first = use(make_table(0.9))
    assert (first["optimism"], format_test_use(first, "f1_macro")) == (0, ["test set: opened once"])
    found = use(make_table(0.8))
    assert found["optimism"] == found["bound"] == pytest.approx(0.02 / np.pi**0.5, rel=1e-3)
    paired = use(make_table(0.7), {"low": -1.96 * 0.01, "high": 1.96 * 0.01})
    assert paired["optimism"] == pytest.approx(1.5 / np.pi**0.5 * 0.01 / 2**0.5, rel=1e-3)
    assert "opened 3 times; who takes the best" in format_test_use(paired, "f1_macro")[0]


def test_the_expected_maximum_equals_that_of_simulated_versions():
    drawn = np.random.default_rng(0).standard_normal((100_000, 10)).max(axis=1).mean()
    assert estimate_maximum(10) == pytest.approx(drawn, abs=0.01)
    assert [estimate_maximum(n) for n in (0, 1)] == [0, 0]
    assert estimate_maximum(2) == pytest.approx(1 / np.pi**0.5)


def test_without_git_nothing_is_counted_and_that_is_said(workplace):
    found = use(make_table(0.9))
    assert found["openings"] is None
    assert "no git repository" in format_test_use(found, "f1_macro")[0]


def test_of_a_closed_test_set_only_the_ids_are_read(workplace):
    make_repository(workplace, {"file": ""})
    use(make_table(0.9))
    schemas.TEST.path.parent.mkdir()
    schemas.TEST.path.write_text("id,other\na,x\nb,x\nc,x\n")
    found = report_closed_test()
    assert (found["openings"], found["this"]) == (1, False)
    assert format_test_use(found, "f1_macro") == ["test set: closed, opened once so far"]


def test_copies_for_experiments_write_at_once_to_the_repository_of_the_project(workplace):
    make_repository(workplace, {"file": ""})
    code = (
        "from tests.evaluation.test_ledger import make_table, use; import sys, os; "
        "os.chdir(sys.argv[1]); use(make_table(float(sys.argv[2])))"
    )
    root = Path(__file__).resolve().parents[2]
    running = []
    for number in range(3):
        copy = workplace / f".dvc/tmp/exps/standalone/tmp{number}"
        make_repository((copy.mkdir(parents=True), copy)[1], {"file": ""})
        command = [sys.executable, "-c", code, str(copy), f"0.{number + 1}"]
        environment = os.environ | {"DVC_ROOT": str(workplace), "PYTHONPATH": str(root)}
        running.append(subprocess.Popen(command, env=environment))
    assert [process.wait() for process in running] == [0, 0, 0]
    assert use(make_table(0.9))["openings"] == 4
