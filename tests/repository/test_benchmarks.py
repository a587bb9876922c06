"""The arithmetic of the benchmark of kinds, and that contestants reach their tables."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.kind_sets import DataSet
from benchmarks.kind_tables import _three, compared, scored, significant
from benchmarks.kinds import cells, spread
from benchmarks.seeds import told
from foldline.metrics.intervals import Difference

ROOT = Path(__file__).resolve().parents[2]


def bounds_of(half_widths):
    """Return a difference of 1 whose interval is as wide as its level says, for each name."""

    def differs(name: str, level: float) -> Difference:
        reach = half_widths[name][round(1 / (1 - level) * 0.05)]
        return Difference(1.0, 1.0 - reach, 1.0 + reach)

    return differs


def test_holm_asks_less_of_each_after_one_has_passed():
    # Half-widths by how many are left: at 2 only `a` spares 0, then at 1 `b` does.
    assert significant(["a", "b"], bounds_of({"a": {2: 0.5, 1: 0.4}, "b": {2: 1.2, 1: 0.9}})) == {
        "a",
        "b",
    }
    # None passes at 2, so nobody is asked at 1, where both would pass.
    assert not significant(["a", "b"], bounds_of({"a": {2: 1.1, 1: 0.9}, "b": {2: 1.2, 1: 0.9}}))
    assert significant([], bounds_of({})) == set()


def test_a_worse_one_differs_too():
    assert significant(["a"], lambda name, level: Difference(-1.0, -1.5, -0.5)) == {"a"}


def test_two_kinds_are_compared_on_the_rows_of_both(tmp_path):
    target, ids = np.array([0, 1] * 20), np.array([f"r{n:02}" for n in range(40)])
    right = np.eye(2)[target]
    save = {"target": target, "groups": ids, "ids": ids}
    np.savez(tmp_path / "good.npz", predictions=right, **save)
    half = {name: values[::2][::-1] for name, values in save.items()}
    np.savez(tmp_path / "half.npz", predictions=right[::2][::-1][:, ::-1], **half)

    found = compared("classification", tmp_path, "good", "half", 0.95)

    # On the 20 rows of both, all of class 0, one is always right and the other never.
    assert found.difference == pytest.approx(1.0)
    assert scored("classification", tmp_path / "good.npz")["score"] == pytest.approx(1.0)


def test_rows_are_drawn_evenly():
    table = pd.DataFrame({"id": range(101)})
    assert spread(table, 5)["id"].tolist() == [0, 25, 50, 75, 100]
    assert spread(table, 0) is table
    assert spread(table, 200) is table


def test_a_set_has_a_cell_for_each_kind_and_each_head():
    one = DataSet({}, {}, without={"embed": "why"}, heads=("LR", "SVC"))
    found = [(how, kind) for how, kind, _ in cells(one, ["tfidf", "embed", "static"])]
    assert found == [
        ("safe", "tfidf"),
        ("safe", "static"),
        ("loose", "tfidf LR"),
        ("loose", "tfidf SVC"),
    ]


def test_numbers_are_written_short():
    assert [_three(value) for value in (0.8724, 1.0, 0.0004)] == [".872", "1.000", ".000"]


def test_seeds_are_compared_one_by_one():
    first, other = np.array([0.7, 0.8, 0.75]), np.array([0.71, 0.82, 0.78])
    # Differences .01, .02, .03: mean .02, standard error .01 / sqrt(3), Student's t of 2 is 4.303.
    assert told("b", other, first) == "| b | 0.7700 | 0.0557 | +0.0200 | -0.0048 to +0.0448 |"
    assert told("a", first, first) == "| a | 0.7500 | 0.0500 | | |"
    assert told("c", first + 0.125, first).endswith("| +0.1250 | in each |")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    {
        "kinds": [],
        "large": [],
        "linear": [],
        "near_duplicates": [],
        "options": ["--set=banking77"],
        "prediction": [],
        "seeds": [],
        "training": [],
    }.items(),
)
def test_data_that_is_not_there_is_named(tmp_path, name, options):
    there = tmp_path / "none"
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--data", there, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "Traceback" not in done.stderr
    assert str(there) in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_linear_runs_to_its_table(tmp_path):
    write_reviews(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.linear", "--data", tmp_path, "--rows=200", "--turns=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "failed" not in done.stderr
    assert [row.split(" | ")[0] for row in done.stdout.splitlines() if row.startswith("| ")] == [
        "| contestant",
        "| Foldline, stage train",
        "| bare scikit-learn",
        "| bare scikit-learn, joblib.dump",
    ]


@pytest.mark.slow
def test_seeds_run_to_their_table():
    small = ["--rows=64", "--held=32", "--epochs=1", "--seeds=2", "--sizes", "128x4"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.seeds", *small],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [row.split(" | ")[0] for row in done.stdout.splitlines() if row.startswith("| ")] == [
        "| contestant",
        "| Trainer, padded by batch",
        "| Foldline, bfloat16",
    ]


def write_reviews(folder: Path) -> None:
    """Write the files that the benchmark of TF-IDF reads, with few rows."""
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
