"""Is a part large enough: widths and differences against what is known or simulated."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from foldline.data.power import (
    DISCORDANT_SHARE,
    accuracy_half_width,
    correlation_half_width,
    detectable_accuracy_difference,
    detectable_correlation_difference,
    estimate_power,
    f1_half_width,
    power_note,
)


def part_with_groups(rows: int, groups: int) -> pd.DataFrame:
    labels = [str(n % 2) for n in range(rows)]
    return pd.DataFrame({"group": [f"g{n % groups}" for n in range(rows)], "label": labels})


def test_the_width_of_an_accuracy_is_the_binomial_one():
    assert accuracy_half_width(0.8, 240) == pytest.approx(0.0506, abs=1e-4)
    assert accuracy_half_width(0.5, 100) == pytest.approx(0.098, abs=1e-4)


def test_the_width_of_a_correlation_is_fishers():
    expected = stats.pearsonr([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]).confidence_interval()

    assert correlation_half_width(0.8, 5) == pytest.approx(
        (expected.high - expected.low) / 2, abs=1e-4
    )
    assert correlation_half_width(0.8, 3) == 1.0


def test_macro_f1_is_less_sure_where_classes_are_rare():
    even = f1_half_width(np.array([500, 500]), 1)
    rare = f1_half_width(np.array([980, 20]), 1)

    assert even == pytest.approx(accuracy_half_width(0.8, 1000), abs=0.004)
    assert rare > 1.5 * even
    assert f1_half_width(np.array([500, 500]), 1) == even


@pytest.mark.parametrize("groups", [240, 1000, 5000])
def test_a_visible_difference_is_found_four_times_in_five(groups):
    """Simulate McNemar's test on the discordant groups that are assumed."""
    difference = detectable_accuracy_difference(groups)
    rng = np.random.default_rng(1)
    better, worse = (DISCORDANT_SHARE + difference) / 2, (DISCORDANT_SHARE - difference) / 2
    draws = rng.multinomial(groups, [better, worse, 1 - DISCORDANT_SHARE], size=4000)
    won, lost = draws[:, 0], draws[:, 1]
    found = (won - lost) / np.sqrt(won + lost) > 1.96

    assert found.mean() == pytest.approx(0.8, abs=0.04)


def test_more_groups_show_smaller_differences():
    sizes = [5, 20, 100, 1000, 100_000]

    for visible in (detectable_accuracy_difference, detectable_correlation_difference):
        found = [visible(size) for size in sizes]
        assert found == sorted(found, reverse=True)
        assert 0 < found[-1] < 0.01
        assert found[0] <= 1


def test_a_visible_difference_of_correlations_is_found_four_times_in_five():
    """Simulate two models of correlation near .8 with the target and .9 with each other."""
    groups = 400
    difference = detectable_correlation_difference(groups)
    one, other = 0.8 + difference / 2, 0.8 - difference / 2
    root = np.linalg.cholesky(np.array([[1, one, other], [one, 1, 0.9], [other, 0.9, 1]]))
    rng = np.random.default_rng(1)
    gaps = []
    for _ in range(1500):
        table = np.corrcoef(root @ rng.normal(size=(3, groups)))
        gaps.append(np.arctanh(table[0, 1]) - np.arctanh(table[0, 2]))
    found = np.array(gaps) > 1.96 * np.std(gaps)

    assert found.mean() == pytest.approx(0.8, abs=0.05)


def test_groups_count_not_rows():
    many, few = (
        estimate_power(part_with_groups(400, 400), "classification", 1),
        estimate_power(part_with_groups(400, 100), "classification", 1),
    )

    assert few["groups"] == 100
    assert few["half_width"]["0.8"] == pytest.approx(2 * many["half_width"]["0.8"])
    assert few["half_width_f1_macro"] > 1.5 * many["half_width_f1_macro"]
    assert few["visible"] > many["visible"]
    assert estimate_power(part_with_groups(400, 400), "classification", 1) == many


def test_the_note_says_what_a_part_can_show():
    rows = part_with_groups(240, 231)

    note = power_note("test", 240, estimate_power(rows, "classification", 1), "classification")

    assert note.startswith(
        "test: 240 rows in 231 groups: an accuracy of 0.80 is known to +-0.052, macro-F1 to +-0.05"
    )
    assert note.endswith("; a difference between two models below 0.058 cannot be detected")
    numbers = power_note(
        "valid", 240, estimate_power(part_with_groups(240, 240), "regression", 1), "regression"
    )
    assert numbers.startswith("valid: 240 rows: a Pearson correlation of 0.80 is known to +-0.04")
