"""The power law is recovered from points of one."""

import numpy as np
import pytest

from foldline.experiments.power_law import compute_p_value, fit_power_law, smooth_variances

ROWS = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 1600.0])
SCORE, LOSS = (0.0, 1.0), (0.0, np.inf)


@pytest.mark.parametrize(
    ("a", "b", "c", "limits"),
    [
        (0.9, 2.0, 0.5, SCORE),
        (0.87, 1.0, 0.3, SCORE),
        (0.95, 8.0, 1.1, SCORE),
        (0.3, -2.0, 0.5, LOSS),
        (-0.2, 0.9, 0.2, (-1.0, 1.0)),
    ],
)
def test_a_law_is_recovered_from_its_points(a, b, c, limits):
    variances = np.linspace(4e-4, 1e-4, len(ROWS))
    law = fit_power_law(ROWS, a - b * ROWS**-c, variances, limits, grows=b > 0)

    assert (law.a, law.b, law.c) == pytest.approx((a, b, c), abs=1e-3)
    assert law.predict(3200) == pytest.approx(a - b * 3200**-c, abs=1e-6)


def test_a_score_does_not_pass_the_end_of_its_range_nor_fall():
    rising = fit_power_law(ROWS, np.linspace(0.5, 0.99, 6), np.full(6, 1e-4), SCORE)
    falling = fit_power_law(ROWS, np.linspace(0.8, 0.7, 6), np.full(6, 1e-4), SCORE)

    assert rising.predict(1e9) <= 1
    assert falling.predict(3200) == pytest.approx(0.75, abs=0.01)


def test_variances_of_few_seeds_are_smoothed():
    rng = np.random.default_rng(0)
    found = [
        smooth_variances(ROWS, 0.5 + rng.normal(size=(6, 3)) / np.sqrt(ROWS)[:, None])
        for _ in range(200)
    ]

    # The variance of a mean of 3 is 1 / (3 rows).
    assert np.median(found, axis=0) == pytest.approx(1 / (3 * ROWS), rel=0.25)
    same = smooth_variances(ROWS, np.tile(np.arange(6.0)[:, None], 3))
    assert (same > 0).all()


def test_errors_far_beyond_those_of_seeds_refuse_the_law():
    assert compute_p_value(30.0, 6, 3) < 0.001
    assert compute_p_value(1.0, 6, 3) > 0.3
    assert np.isnan(compute_p_value(1.0, 3, 3))
    assert np.isnan(compute_p_value(1.0, 6, 1))
