"""The test of a subgroup: equal to exact tests far out in the tail, and blind to duplicates."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from foldline.metrics.subgroup_test import SubgroupTest, shrink


def make_errors(n: int, errors: int, size: int, inside: int) -> tuple[np.ndarray, np.ndarray]:
    """Return errors (n,), and a subgroup of some of them."""
    values, member = np.zeros(n), np.zeros(n, dtype=bool)
    values[:errors] = 1
    member[:inside] = member[errors : errors + size - inside] = True
    return values, member


@pytest.mark.parametrize(
    ("n", "errors", "size", "inside"),
    [(1000, 20, 50, 6), (1000, 20, 50, 8), (1000, 200, 60, 25), (240, 120, 60, 45)],
)
def test_p_values_of_errors_are_those_of_fishers_exact_test(n, errors, size, inside):
    values, member = make_errors(n, errors, size, inside)
    table = [[inside, size - inside], [errors - inside, n - size - errors + inside]]
    exact = fisher_exact(table, "greater").pvalue

    p = SubgroupTest(values, np.arange(n)).compute_p(member)

    assert exact < 0.001
    assert 0.5 < p / exact < 2, "a normal distribution is wrong by a factor of 1,000 here"


def test_p_values_of_skewed_numbers_are_those_of_a_permutation_test():
    rng = np.random.default_rng(0)
    values = rng.exponential(size=300)
    member = np.arange(300) < 60
    values[member] *= 1.4
    means = [rng.permutation(values)[member].mean() for _ in range(20_000)]
    exact = np.mean(np.array(means) >= values[member].mean())

    assert SubgroupTest(values, np.arange(300)).compute_p(member) == pytest.approx(exact, rel=0.3)


def test_copies_of_rows_are_no_evidence():
    values, member = make_errors(300, 60, 60, 25)
    once = SubgroupTest(values, np.arange(300))
    groups = np.repeat(np.arange(300), 4)
    copied = SubgroupTest(np.repeat(values, 4), groups)
    unaware = SubgroupTest(np.repeat(values, 4), np.arange(1200))
    p = once.compute_p(member)

    assert copied.correlation == pytest.approx(1)
    assert copied.compute_p(np.repeat(member, 4)) == pytest.approx(p, rel=0.5)
    assert unaware.compute_p(np.repeat(member, 4)) < p**2
    first, second = once.measure(member, 0.95), copied.measure(np.repeat(member, 4), 0.95)
    assert second == pytest.approx(first)


def test_one_large_group_is_one_piece_of_evidence():
    values, member = make_errors(1000, 150, 60, 55)  # elsewhere groups are not alike
    groups = np.where(member, 0, np.arange(1000) // 2 + 1)

    assert SubgroupTest(values, np.arange(1000)).compute_p(member) < 1e-20
    assert SubgroupTest(values, groups).compute_p(member) > 0.001


def test_the_difference_by_hand():
    # Means 3/4 and 1/4; the variance of each is 3/16 / 4, and 1.96 is the quantile.
    values = np.array([1.0, 1, 1, 0, 0, 0, 0, 1])
    found = SubgroupTest(values, np.arange(8)).measure(np.arange(8) < 4, 0.95)

    margin = 1.959964 * np.sqrt(2 * 3 / 64)
    assert found == pytest.approx((0.75, 0.25, 0.5, 0.5 - margin, 0.5 + margin), abs=1e-6)


def test_what_cannot_be_worse_has_no_evidence():
    values, member = make_errors(100, 20, 50, 5)
    test = SubgroupTest(values, np.arange(100))

    assert test.compute_p(member) == test.compute_p(np.ones(100, dtype=bool)) == 1
    assert SubgroupTest(np.ones(100), np.arange(100)).compute_p(member) == 1


def test_differences_are_shrunken_by_their_errors():
    # Mean square .05, mean of squared errors .025: the prior variance is .025.
    found = shrink(np.array([0.3, -0.1]), np.array([0.2, 0.1]))

    assert found == pytest.approx([0.3 * 0.025 / 0.065, -0.1 * 0.025 / 0.035])
    assert shrink(np.array([0.1, -0.1]), np.array([0.2, 0.2])).tolist() == [0, 0]
