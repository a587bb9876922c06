"""Slices from the raw files to the report: the user's columns, all tasks, with and without test."""

from pathlib import Path

import pytest

from foldline.core.io.files import read_json
from tests.helpers import projects

CASES = [("classification", "test"), ("multilabel", "test"), ("regression", "out_of_fold")]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "judged"), CASES)
def test_evaluate_reports_slices_by_columns_of_the_raw_file(task, judged, workplace):
    slices = {"columns": ["city"], "expressions": {"late": "year > 2010"}, "min_rows": 10}
    ratios = [0.5, 0, 0.5] if judged == "test" else [1.0, 0.0, 0.0]
    changes = {"model": "length", "ensemble.members": {"model": {}}, "evaluate.slices": slices}
    projects.make(Path(), changes | {"split.ratios": ratios}, task)
    rows = projects.ROWS[task](120)
    for number, row in enumerate(rows):
        row |= {"city": ["Seoul", "Busan"][number % 2], "year": 2000 + number % 20}
    projects.write_csv(Path("data/raw/rows.csv"), rows)
    projects.run()
    report = read_json(Path("reports/evaluation.json"))
    found = report["slices"]
    features = {c["feature"] for own in found["closest"] for c in own["conditions"]}

    assert report["judged"] == judged
    assert found["rows"] == (120 if judged == "out_of_fold" else 60)
    assert found["measure"] == ("absolute_error" if task == "regression" else "error")
    assert found["tested"] > 20 and features
    assert all(own["rows"] >= 10 for own in found["established"] + found["closest"])
