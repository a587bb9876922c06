"""`foldline cost`: sizes that are those of the files, and predictions that stay the same."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.arrays import save_arrays
from foldline.core.io.files import read_json
from foldline.prediction import cost
from foldline.prediction.measurement import compare_batches, count_bytes, count_parameters
from tests.helpers import projects


def test_parameters_are_the_floating_point_numbers_of_all_files(tmp_path):
    save_arrays(tmp_path / "a.safetensors", {"w": np.zeros((3, 4)), "names": np.zeros(9, np.uint8)})
    (tmp_path / "first").mkdir()
    save_arrays(tmp_path / "first/b.safetensors", {"w": np.zeros(5, np.float32)})

    assert count_parameters(tmp_path) == 17
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert count_bytes(tmp_path) == sum(map(lambda path: len(path.read_bytes()), files))


def test_a_row_that_depends_on_its_batch_is_found():
    class Centred:
        def predict_rows(self, rows):
            return rows["x"].to_numpy() - rows["x"].mean()

    rows = pd.DataFrame({"x": [0.0, 1.0, 5.0]})
    assert compare_batches(Centred(), rows) == 3  # the last is 5 - 2 together, and 0 alone


def test_without_models_the_next_step_is_said(workplace):
    with pytest.raises(FoldlineError, match="run `dvc repro` first"):
        cost.run(argparse.Namespace(repeats=1))
    with pytest.raises(FoldlineError, match="--repeats: must be 1 or more"):
        cost.run(argparse.Namespace(repeats=0))


@pytest.mark.slow
def test_each_member_and_the_ensemble_are_measured(workplace, capsys):
    projects.make(Path(), {"model": "length", "ensemble.members": {"model": {}, "tfidf": {}}})
    projects.run()
    capsys.readouterr()
    cost.run(argparse.Namespace(repeats=3))
    printed, report = capsys.readouterr().out, read_json(Path("reports/cost.json"))
    scores = read_json(Path("reports/evaluation.json"))

    assert [own["name"] for own in report["members"]] == ["model", "tfidf", "ensemble"]
    for own in report["members"]:
        assert own["equal"]["batch"]
        assert own["equal"]["reload"]
        assert own["equal"]["largest_difference"] < 1e-12
        assert 0 < own["latency_ms"]["1"]["p50"] <= own["latency_ms"]["1"]["p95"]
        assert own["name"] in printed
    first, second, both = report["members"]
    assert both["parameters"] == first["parameters"] + second["parameters"] > 0
    assert second["score"] == scores["members"]["tfidf"]["f1_macro"]
    assert both["score"] == scores["test"]["f1_macro"]
    assert {"processor", "cores"} <= set(report["machine"])
