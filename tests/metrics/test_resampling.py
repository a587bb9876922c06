"""Resamples from counts of equal groups: in distribution those of the rows."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from foldline.metrics.intervals import _resample_kinds, _resample_rows, bootstrap_intervals
from foldline.metrics.registry import Measurement, prepare_metrics
from foldline.metrics.resampling import COMMON, Resampling
from foldline.testing.sample_data import sample_predictions

DRAWS = 4_000


def make_groups(n: int) -> NDArray[np.intp]:
    """Return groups of one, two and five rows."""
    return np.concatenate(
        [np.arange(n - 30), np.repeat(n + np.arange(10), 2), np.repeat([0, 1], 5)]
    )


def prepare(task: str, seed: int = 0, n: int = 120) -> Measurement:
    target, predictions = sample_predictions(task, seed, n, 4)
    classes = [str(code) for code in range(4)]
    return prepare_metrics(task, target, predictions, classes=classes).select(batched=True)


def test_kinds_of_groups_by_hand() -> None:
    patterns = np.array([[0], [1], [0], [1], [0], [1], [0]])
    # a: 0 and 1, b: 0 and 1 in the other order, c: 0, d: 1, e: 0.
    resampling = Resampling(7, ["a", "a", "c", "b", "b", "d", "e"], patterns)
    kinds: dict[int, list[int]] = {}
    for row, kind in zip(resampling.rows, resampling.kinds, strict=True):
        kinds.setdefault(int(kind), []).append(int(patterns[row, 0]))
    found = {tuple(rows): int(resampling.sizes[kind]) for kind, rows in kinds.items()}
    assert found == {(0,): 2, (1,): 1, (0, 1): 2}


def test_draws_are_multinomial() -> None:
    sizes = np.array([1, 3, COMMON, 40])
    patterns = np.repeat(np.arange(4), sizes)[:, None]
    resampling = Resampling(len(patterns), None, patterns)
    weights = np.concatenate(list(resampling.draw(DRAWS, seed=0)))
    n = sizes.sum()
    assert (weights.sum(axis=1) == n).all()
    error = 5 / np.sqrt(DRAWS)
    spread = np.sqrt(sizes * (1 - sizes / n))
    assert (np.abs(weights.mean(axis=0) - sizes) < error * spread).all()
    correlation = -np.sqrt(np.outer(sizes, sizes) / np.outer(n - sizes, n - sizes))
    np.fill_diagonal(correlation, 1)
    assert np.corrcoef(weights.T) == pytest.approx(correlation, abs=error)
    assert weights.std(axis=0) == pytest.approx(spread, rel=error)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_values_are_distributed_as_those_of_rows(task: str, grouped: bool) -> None:
    measure, groups = prepare(task), make_groups(120) if grouped else None
    names = [metric.name for metric in measure.metrics]
    (counted,) = _resample_kinds([measure], groups, DRAWS, 0)
    (by_rows,) = _resample_rows([measure], names, 120, groups, DRAWS, 1)
    assert set(counted) == set(names)
    for name in names:
        assert stats.ks_2samp(counted[name], by_rows[name]).pvalue > 1e-3, name
        assert counted[name].std() == pytest.approx(by_rows[name].std(), rel=0.08), name


def test_two_predictions_are_measured_on_the_same_resamples() -> None:
    first, second = prepare("classification", 0), prepare("classification", 0)
    (a, b) = _resample_kinds([first, second], make_groups(120), 100, 0)
    assert all((a[name] == b[name]).all() for name in a)
    target, p = sample_predictions("classification", 0, 120, 4)
    other = prepare_metrics("classification", target, p[:, ::-1], ["accuracy"])
    one = prepare_metrics("classification", target, p, ["accuracy"])
    counted = _resample_kinds([one, other], make_groups(120), DRAWS, 0)
    by_rows = _resample_rows([one, other], ["accuracy"], 120, make_groups(120), DRAWS, 1)
    differences = [a["accuracy"] - b["accuracy"] for a, b in (counted, by_rows)]
    assert stats.ks_2samp(*differences).pvalue > 1e-3
    assert differences[0].std() == pytest.approx(differences[1].std(), rel=0.08)


def test_metrics_of_labels_do_not_depend_on_the_order_of_rows() -> None:
    target, p = sample_predictions("classification", 0, 120, 4)
    groups, order = make_groups(120), np.random.default_rng(0).permutation(120)
    names = ["f1_macro", "mcc"]

    def bootstrap(*rows: NDArray[Any]) -> dict[str, Any]:
        return bootstrap_intervals("classification", *rows, 200, 0, names=names)

    assert bootstrap(target, p, groups) == bootstrap(target[order], p[order], groups[order])


def test_broken_rows_leave_nothing_defined() -> None:
    target, p = sample_predictions("classification", 0, 120, 4)
    p[3] = np.nan
    found = bootstrap_intervals("classification", target, p, None, 200, 0)
    assert np.isnan(list(found.values())).all()
