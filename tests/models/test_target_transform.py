"""Target transforms: inverted for every prediction, fitted on the training rows alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from foldline.core.errors import FoldlineError
from foldline.models import registry, target_report, target_transform
from tests.helpers.marks import mark_slow_except

NAMES = ["log", "box-cox", "yeo-johnson", "quantile"]
PRICES = np.exp(np.random.default_rng(0).normal(3, 1, 400))
every = pytest.mark.parametrize("name", NAMES)


def transform_values(transform, values):
    return transform.forward(np.array(values, dtype=float))


@every
def test_back_undoes_forward(name):
    transform = target_transform.fit_target_transform(name, PRICES)

    np.testing.assert_allclose(transform.inverse(transform.forward(PRICES)), PRICES, rtol=1e-6)


@every
def test_order_stays(name):
    seen = transform_values(target_transform.fit_target_transform(name, PRICES), np.sort(PRICES))

    assert (np.diff(seen) > 0).all()


def test_log_by_hand():
    transform = target_transform.fit_target_transform("log", np.array([0.0, np.e - 1]))

    np.testing.assert_allclose(transform_values(transform, [0, np.e - 1]), [0, 1])


@pytest.mark.parametrize("name", ["box-cox", "yeo-johnson"])
def test_powers_are_scikit_learns(name):
    ours = target_transform.fit_target_transform(name, PRICES)
    scaled = ((PRICES - ours.center) / ours.scale)[:, None]
    theirs = PowerTransformer(method=name, standardize=False).fit(scaled)

    assert ours.power == pytest.approx(theirs.lambdas_[0], rel=1e-3)
    np.testing.assert_allclose(
        ours.forward(PRICES), theirs.transform(scaled)[:, 0], rtol=1e-2, atol=1e-3
    )


def test_quantiles_are_scikit_learns():
    theirs = QuantileTransformer(n_quantiles=400, output_distribution="normal")
    expected = theirs.fit_transform(PRICES[:, None])[:, 0]
    inside = np.abs(expected) < 3

    ours = transform_values(target_transform.fit_target_transform("quantile", PRICES), PRICES)
    np.testing.assert_allclose(ours[inside], expected[inside], atol=1e-4)


def test_a_skewed_target_gets_straight():
    for name in NAMES:
        after = transform_values(target_transform.fit_target_transform(name, PRICES), PRICES)
        assert target_transform.skewness(PRICES) > 2 > 0.3 > abs(target_transform.skewness(after))


LABELS = {
    "lognormal": PRICES,
    "heavy tail": np.random.default_rng(1).pareto(1.0, 400) + 1,
    "left-skewed": 60 - np.minimum(PRICES, 59),
    "years": np.random.default_rng(2).integers(2003, 2020, 400).astype(float),
    "close": 1000 + np.random.default_rng(3).normal(0, 0.01, 400),
}


@every
@pytest.mark.parametrize("labels", mark_slow_except(LABELS, ["lognormal", "close"]))
@settings(max_examples=15, deadline=None)
@given(far=st.floats(-1e9, 1e9))
@example(far=1e300)
@example(far=-1e300)
def test_any_prediction_comes_back_near_the_range_seen(name, labels, far):
    values = LABELS[labels]
    transform = target_transform.fit_target_transform(name, values)
    reach = 0.1 * np.ptp(values) * (1 + 1e-9)

    assert values.min() - reach <= transform.inverse(np.array([far]))[0] <= values.max() + reach


@every
@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_any_shape_come_back(name, labels):
    values = LABELS[labels]
    transform = target_transform.fit_target_transform(name, values)

    np.testing.assert_allclose(
        transform.inverse(transform.forward(values)), values, atol=1e-3 * np.ptp(values)
    )


def test_what_rounding_would_lose_is_refused(monkeypatch):
    monkeypatch.setattr(target_transform, "MAX_LOSS", -1.0)

    with pytest.raises(FoldlineError, match="would change labels by up to"):
        target_transform.fit_target_transform("yeo-johnson", PRICES)


@pytest.mark.parametrize(("name", "least"), [("log", "-1"), ("box-cox", "0")])
def test_where_it_is_not_defined_says_what_to_do(name, least):
    with pytest.raises(FoldlineError, match=f"needs labels above {least}.*yeo-johnson"):
        target_transform.fit_target_transform(name, np.array([-2.0, 1.0]))


def test_equal_labels_are_told():
    with pytest.raises(FoldlineError, match="all training labels are 2"):
        target_transform.fit_target_transform("yeo-johnson", np.array([2.0, 2.0]))


@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_a_model_speaks_in_the_labels_units_also_when_loaded(model, fit, rows, labels, tmp_path):
    table = rows("regression")
    table["label"] = [repr(100 * float(v) + 200) for v in table["label"]]
    fitted = fit(model, table[:30], table[30:], "regression", target={"transform": "log"})

    predicted = fitted.model.predict(table)
    registry.save(fitted.model, model, labels("regression"), tmp_path / "model")

    assert 150 < predicted.mean() < 800
    np.testing.assert_array_equal(registry.load(tmp_path / "model").predict(table), predicted)
    assert set(fitted.summary) >= {"skew_before", "skew_after"}


def test_validation_labels_change_nothing_of_a_linear_model(fit, rows):
    table = rows("regression")
    table["label"] = [repr(float(v) + 5) for v in table["label"]]
    far = table[30:].assign(label="-1000000.0")
    both = [
        fit("tfidf", table[:30], held, "regression", target={"transform": "box-cox"}).model.predict(
            table
        )
        for held in (table[30:], far)
    ]

    np.testing.assert_array_equal(*both)


def test_baselines_are_left_alone(fit, rows):
    table = rows("regression")
    fitted = fit("majority", table, table[:0], "regression", target={"transform": "yeo-johnson"})

    assert fitted.model.predict(table)[0] == pytest.approx(table["label"].astype(float).mean())


def test_histograms_count_every_number_before_and_after():
    transform = target_transform.fit_target_transform("log", PRICES)
    table = target_report.build_histograms(transform, PRICES)

    assert table.groupby("space")["rows"].sum().to_dict() == {"before": 400, "after": 400}
    assert target_report.build_histograms(None, np.empty(0)).empty
    line = target_report.format_transform(transform, PRICES)
    assert "skew" in line
    assert "->" in line
    assert target_report.format_transform(None, PRICES) == ""
    assert isinstance(table, pd.DataFrame)
