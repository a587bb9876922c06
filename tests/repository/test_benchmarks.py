"""Statistics of the benchmarks, and that their commands print tables."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.kind_sets import DataSet
from benchmarks.kind_tables import (
    compare_kinds,
    find_significant,
    format_decimals,
    score_predictions,
)
from benchmarks.kinds import list_fits, sample_evenly
from benchmarks.learning_curves import format_forecast
from benchmarks.seeds import format_row
from foldline.metrics.intervals import Difference

ROOT = Path(__file__).resolve().parents[2]


def make_comparison(half_widths):
    """Return a function that gives a difference of 1 with the half-width for its level."""

    def compare(name: str, level: float) -> Difference:
        half_width = half_widths[name][round(1 / (1 - level) * 0.05)]
        return Difference(1.0, 1.0 - half_width, 1.0 + half_width)

    return compare


def test_holm_relaxes_the_level_after_one_has_passed():
    # Half-widths by number of remaining names: with 2 only `a` excludes 0, then with 1 `b` does.
    assert find_significant(
        ["a", "b"], make_comparison({"a": {2: 0.5, 1: 0.4}, "b": {2: 1.2, 1: 0.9}})
    ) == {
        "a",
        "b",
    }
    # None passes with 2, so none is tested with 1, where both would pass.
    assert not find_significant(
        ["a", "b"], make_comparison({"a": {2: 1.1, 1: 0.9}, "b": {2: 1.2, 1: 0.9}})
    )
    assert find_significant([], make_comparison({})) == set()


def test_a_negative_difference_can_be_significant():
    assert find_significant(["a"], lambda name, level: Difference(-1.0, -1.5, -0.5)) == {"a"}


def test_two_kinds_are_compared_on_the_rows_of_both(tmp_path):
    target, ids = np.array([0, 1] * 20), np.array([f"r{n:02}" for n in range(40)])
    correct = np.eye(2)[target]
    arrays = {"target": target, "groups": ids, "ids": ids}
    np.savez(tmp_path / "good.npz", predictions=correct, **arrays)
    half = {name: values[::2][::-1] for name, values in arrays.items()}
    np.savez(tmp_path / "half.npz", predictions=correct[::2][::-1][:, ::-1], **half)

    difference = compare_kinds("classification", tmp_path, "good", "half", 0.95)

    # On the 20 rows of both, all of class 0, one is always right and the other never.
    assert difference.difference == pytest.approx(1.0)
    assert score_predictions("classification", tmp_path / "good.npz")["score"] == pytest.approx(1.0)


def test_rows_are_sampled_evenly():
    table = pd.DataFrame({"id": range(101)})
    assert sample_evenly(table, 5)["id"].tolist() == [0, 25, 50, 75, 100]
    assert sample_evenly(table, 0) is table
    assert sample_evenly(table, 200) is table


def test_a_data_set_has_a_fit_for_each_kind_and_each_head():
    data_set = DataSet({}, {}, skipped_kinds={"embed": "why"}, heads=("LR", "SVC"))
    fits = [
        (split_kind, kind)
        for split_kind, kind, _ in list_fits(data_set, ["tfidf", "embed", "static"])
    ]
    assert fits == [
        ("safe", "tfidf"),
        ("safe", "static"),
        ("loose", "tfidf LR"),
        ("loose", "tfidf SVC"),
    ]


def test_a_forecast_is_compared_with_the_truth():
    forecast = {"rows": 800, "score": 0.9, "low": 0.88, "high": 0.92}
    forecast |= {"gain": 0.02, "gain_low": 0.01, "gain_high": 0.03}
    report = {"forecast": forecast, "sizes": [{"rows": [100]}, {"rows": [400]}]}

    assert format_forecast("a", "f1_macro", report, 0.91, 0.04) == (
        "| a | f1_macro | 400 | 800 | 0.9000 [0.8800, 0.9200] | 0.9100 | +0.0200 "
        "[+0.0100, +0.0300] | +0.0400 (outside) |"
    )


def test_decimals_are_formatted_without_the_zero():
    assert [format_decimals(value) for value in (0.8724, 1.0, 0.0004)] == [".872", "1.000", ".000"]


def test_seeds_are_compared_one_by_one():
    first, other = np.array([0.7, 0.8, 0.75]), np.array([0.71, 0.82, 0.78])
    # Differences .01, .02, .03: mean .02, standard error .01 / sqrt(3), Student's t of 2 is 4.303.
    assert format_row("b", other, first) == "| b | 0.7700 | 0.0557 | +0.0200 | -0.0048 to +0.0448 |"
    assert format_row("a", first, first) == "| a | 0.7500 | 0.0500 | | |"
    assert format_row("c", first + 0.125, first).endswith("| +0.1250 | in each |")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    {
        "kinds": [],
        "large": [],
        "learning_curves": [],
        "linear": [],
        "near_duplicates": [],
        "options": ["--set=banking77"],
        "prediction": [],
        "seeds": [],
        "training": [],
    }.items(),
)
def test_a_missing_folder_is_named(tmp_path, name, options):
    missing = tmp_path / "none"
    result = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--data", missing, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode
    assert "Traceback" not in result.stderr
    assert str(missing) in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_linear_prints_its_table(tmp_path):
    write_reviews(tmp_path)
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.linear", "--data", tmp_path, "--rows=200", "--turns=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "failed" not in result.stderr
    assert [row.split(" | ")[0] for row in result.stdout.splitlines() if row.startswith("| ")] == [
        "| contestant",
        "| Foldline, stage train",
        "| bare scikit-learn",
        "| bare scikit-learn, joblib.dump",
    ]


@pytest.mark.slow
def test_seeds_print_their_table():
    small = ["--rows=64", "--test-rows=32", "--epochs=1", "--seeds=2", "--sizes", "128x4"]
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.seeds", *small],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert [row.split(" | ")[0] for row in result.stdout.splitlines() if row.startswith("| ")] == [
        "| contestant",
        "| Trainer, padded by batch",
        "| Foldline, bfloat16",
    ]


def write_reviews(folder: Path) -> None:
    """Write small files for the TF-IDF benchmark."""
    for part, count in (("train", 400), ("test", 100)):
        texts = [
            f"{word(number)} {word(7 * number)} {('나쁜', '좋은')[number % 2]}"
            for number in range(count)
        ]
        table = pd.DataFrame({"text": texts, "label": [number % 2 for number in range(count)]})
        ids = [f"{part}-{number}" for number in range(count)]
        table.assign(id=ids).to_csv(folder / f"{part}.csv.gz", index=False)


def word(number: int) -> str:
    """Return a word of three syllables."""
    return "".join(chr(0xAC00 + 28 * ((number * step) % 399)) for step in (1, 31, 97))
