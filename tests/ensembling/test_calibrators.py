"""Calibrators: their contract, equality with scikit-learn, fits by fold."""

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.ensembling.calibrators import (
    CALIBRATORS,
    calibrate_out_of_fold,
    fit_calibrator,
)
from foldline.ensembling.ensemble import FILE, Calibration, Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold, fit_ensemble
from foldline.ensembling.methods.interface import Context
from foldline.metrics.registry import measure

TASKS = {"binary": ("classification", 2), "classes": ("classification", 4)}
TASKS |= {"multilabel": ("multilabel", 3)}


def draw(case: str, n: int = 400, seed: int = 0) -> tuple[str, np.ndarray, np.ndarray]:
    """Return a task, overconfident probabilities, and targets."""
    task, c = TASKS[case]
    rng = np.random.default_rng(seed)
    if task == "multilabel":
        target = (rng.random((n, c)) < [0.5, 0.2, 0.7]).astype(np.int64)
        odds = rng.normal(2 * target - 1.0, 1.5) * 2.5
        return task, 1 / (1 + np.exp(-odds)), target
    target = rng.integers(c, size=n)
    powers = np.exp(2.5 * (rng.normal(size=(n, c)) + np.eye(c)[target]))
    return task, powers / powers.sum(axis=1, keepdims=True), target


@pytest.mark.parametrize("case", TASKS)
@pytest.mark.parametrize("method", CALIBRATORS)
class TestContract:
    def test_probabilities_stay_probabilities(self, method, case):
        task, known, target = draw(case)
        state = fit_calibrator(method, known, target, task)
        new = np.vstack([draw(case, seed=1)[1], np.eye(known.shape[1])])  # also exact 0 and 1
        found = CALIBRATORS[method].apply(state, new, task)

        assert found.shape == new.shape
        assert ((found >= 0) & (found <= 1)).all()
        if task == "classification":
            assert found.sum(axis=1) == pytest.approx(1)

    def test_saved_state_gives_the_same_bits(self, method, case):
        task, known, target = draw(case)
        state = fit_calibrator(method, known, target, task)
        loaded = json.loads(json.dumps(state))
        new = draw(case, seed=1)[1]
        apply = CALIBRATORS[method].apply

        assert set(state) == set(CALIBRATORS[method].state)
        assert (apply(loaded, new, task) == apply(state, new, task)).all()
        alone = [apply(state, new[[row]], task)[0] for row in range(5)]
        assert np.array(alone) == pytest.approx(apply(state, new, task)[:5], abs=1e-15)

    def test_log_loss_falls(self, method, case):
        task, known, target = draw(case, 2000)
        _, new, true = draw(case, 2000, seed=1)
        state = fit_calibrator(method, known, target, task)
        found = CALIBRATORS[method].apply(state, new, task)
        before, after = (measure(task, true, values) for values in (new, found))

        assert after["brier"] < before["brier"]
        if method != "isotonic":  # whose zeros cost much
            assert after["log_loss"] < before["log_loss"]

    def test_each_fold_is_calibrated_by_the_others(self, method, case):
        task, known, target = draw(case, 90)
        folds = np.arange(90) % 3
        found = calibrate_out_of_fold(method, known, target, task, folds)
        changed = target.copy()
        changed[folds == 1] = 1 - changed[folds == 1].clip(0, 1)
        again = calibrate_out_of_fold(method, known, changed, task, folds)

        own = folds == 1
        assert (found[own] == again[own]).all()
        assert (found[~own] != again[~own]).any()

    def test_a_class_without_rows_is_no_error(self, method, case):
        task, known, target = draw(case, 50)
        target = np.zeros_like(target)
        state = fit_calibrator(method, known, target, task)

        assert np.isfinite(CALIBRATORS[method].apply(state, known, task)).all()


@pytest.mark.parametrize("method", CALIBRATORS)
def test_rows_of_unknown_label_are_left_out(method):
    task, known, target = draw("classes")
    extra = np.vstack([known, known[:20]])
    state = fit_calibrator(method, extra, np.append(target, [-1] * 20), task)

    assert state == fit_calibrator(method, known, target, task)


@pytest.mark.parametrize("case", TASKS)
def test_temperature_keeps_the_order_of_classes(case):
    task, known, target = draw(case)
    state = fit_calibrator("temperature", known, target, task)
    found = CALIBRATORS["temperature"].apply(state, known, task)

    assert min(state["temperature"]) > 1  # overconfident
    if task == "classification":
        assert (found.argmax(axis=1) == known.argmax(axis=1)).all()
    else:
        assert ((found >= 0.5) == (known >= 0.5)).all()


class Stored(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose features are its own probabilities."""

    def __init__(self, classes: int = 2) -> None:
        self.classes = classes

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Stored":
        self.classes_, self.n_features_in_ = np.arange(self.classes), x.shape[1]
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return x.argmax(axis=1)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return x


class StoredOdds(Stored):
    """The same by log odds, which scikit-learn then prefers."""

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        odds = np.log(x) - np.log1p(-x)
        return odds[:, 1] if self.classes == 2 else odds


@pytest.mark.parametrize("case", ["binary", "classes"])
@pytest.mark.parametrize(
    ("method", "name", "estimator"),
    [
        ("temperature", "temperature", Stored),
        ("platt", "sigmoid", StoredOdds),
        ("isotonic", "isotonic", Stored),
    ],
)
def test_calibrators_equal_scikit_learn(method, name, estimator, case):
    task, known, target = draw(case)
    known = np.clip(known, 1e-5, 1 - 1e-5)
    known /= known.sum(axis=1, keepdims=True)
    new = known[::-3] * 0.9 + 0.1 / known.shape[1]
    frozen = FrozenEstimator(estimator(known.shape[1]).fit(known, target))
    reference = CalibratedClassifierCV(frozen, method=name).fit(known, target)
    state = fit_calibrator(method, known, target, task)

    found = CALIBRATORS[method].apply(state, new, task)
    assert found == pytest.approx(reference.predict_proba(new), abs=1e-6)


@pytest.fixture
def out_of_fold() -> OutOfFold:
    task, known, target = draw("classes", 300)
    other = draw("classes", 300, seed=0)[1] ** 0.5
    members = {"model": known, "tfidf": other / other.sum(axis=1, keepdims=True)}
    context = Context(1, np.arange(300) % 3, np.zeros((300, 2)))
    return OutOfFold(task, target, np.arange(300).astype(str), members, context)


@pytest.mark.parametrize("method", CALIBRATORS)
def test_an_ensemble_is_calibrated_as_it_was_saved(method, out_of_fold, workplace):
    ensemble = fit_ensemble("soft", out_of_fold, calibration=method)
    ensemble.save()
    loaded = Ensemble.load()
    members, task = out_of_fold.predictions, out_of_fold.task
    final = loaded.combine(members, None, task)

    assert loaded == ensemble
    assert ensemble.calibration_method == method
    plain = loaded.combine_uncalibrated(members, None, task)
    assert (plain == fit_ensemble("soft", out_of_fold).combine(members, None, task)).all()
    assert ensemble.calibration is not None
    expected = CALIBRATORS[method].apply(ensemble.calibration.state, plain, task)
    assert (final == expected).all()
    assert (final != plain).any()


def test_without_calibration_the_file_is_as_before(out_of_fold, workplace):
    fit_ensemble("soft", out_of_fold).save()

    assert list(read_json(FILE)) == ["method", "members", "state", "revisions"]


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ({"method": "vector", "state": {}}, "calibration.method  must be one of temperature, "),
        ({"method": "temperature", "state": {}}, "calibration.state.temperature  is missing"),
        (
            {"method": "temperature", "state": {"temperature": [0.0]}},
            "calibration.state.temperature.0  must be greater than 0",
        ),
        (
            {"method": "temperature", "state": {"temperature": [1.0, 1.0]}},
            "calibration.state: temperature must have the shape",
        ),
        (
            {"method": "isotonic", "state": {"x": [[0.1]], "y": [[0.1]]}},
            "calibration.state: x must have 4 lists",
        ),
        (
            {"method": "isotonic", "state": {"x": [[0.1]] * 4, "y": [[0.1, 0.2]] * 4}},
            "calibration.state: x and y must have equally many points",
        ),
    ],
)
def test_an_edited_calibration_is_refused(calibration, message, out_of_fold, workplace):
    ensemble = fit_ensemble("soft", out_of_fold)
    ensemble.save()
    write_json(FILE, read_json(FILE) | {"calibration": calibration})

    with pytest.raises(FoldlineError, match="dvc repro -s -f ensemble") as error:
        Ensemble.load().combine(out_of_fold.predictions, None, out_of_fold.task)
    assert message in str(error.value)


def test_equal_calibrations_are_equal_records():
    state = {"temperature": [1.5]}
    assert Calibration("temperature", state) == Calibration("temperature", dict(state))
