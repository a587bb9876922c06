"""Corrections of p-values for the number of tests that are made together."""

from collections.abc import Sequence

import numpy as np

from foldline.metrics.weighted_sample import Floats


def holm(p: Sequence[float] | Floats) -> Floats:
    """Return p-values (m,) corrected by the step-down method of Holm (1979).

    The chance of any false alarm among them is at most the level. NaN is no test and stays.
    """
    corrected = np.array(p, dtype=np.float64)
    tests = np.flatnonzero(~np.isnan(corrected))
    order = tests[np.argsort(corrected[tests], kind="stable")]
    steps = corrected[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def benjamini_hochberg(p: Sequence[float] | Floats, tests: int | None = None) -> Floats:
    """Return the q-values (m,) of Benjamini and Hochberg (1995).

    Of those at most the level, the expected share of false alarms is at most the level. `tests` is
    the number of all tests, where those with p = 1 are left out.

    Raises:
        ValueError: where there are more p-values than tests.
    """
    values = np.array(p, dtype=np.float64)
    tests = len(values) if tests is None else tests
    if len(values) > tests:
        raise ValueError(f"{len(values)} p-values of {tests} tests")
    order = np.argsort(-values, kind="stable")
    steps = values[order] * tests / np.arange(len(values), 0, -1)
    values[order] = np.minimum(np.minimum.accumulate(steps), 1.0)
    return values
