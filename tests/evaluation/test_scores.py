"""Scores of a part: intervals, the number of resamples, and why a metric is undefined."""

import numpy as np

from foldline.core.io.labels import Labels
from foldline.evaluation import scores
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.report import format_summary, make_details, select_headline_metrics
from foldline.evaluation.scores import limit_resamples, score
from foldline.metrics.registry import METRICS


def make_part(target: np.ndarray, classes: tuple[str, ...] = ("1", "2", "3", "4")) -> EvaluationSet:
    rng = np.random.default_rng(0)
    final = rng.dirichlet(np.ones(len(classes)), len(target))
    groups = np.array([f"g{row // 2}" for row in range(len(target))])
    labels = Labels("classification", classes)
    constant = np.full_like(final, 1 / len(classes))
    return EvaluationSet(labels, target, groups, final, {"model": final}, {"majority": constant})


def test_every_metric_has_an_interval_and_a_number_of_resamples(monkeypatch):
    target = np.random.default_rng(0).integers(4, size=50)
    plain = score(make_part(target), 300, 0.95, 0)
    assert plain["resamples"] == dict.fromkeys(METRICS["classification"], 300)
    assert list(plain["interval"]) == list(plain["metrics"]) == list(METRICS["classification"])
    assert plain["undefined"] == {}
    assert np.isfinite(plain["metrics"]["qwk"])
    monkeypatch.setattr(scores, "ROW_BUDGET", 50_000)
    fewer = score(make_part(target), 300, 0.95, 0)
    assert fewer["resamples"] == {
        name: 300 if metric.of_labels else 250 for name, metric in METRICS["classification"].items()
    }
    assert fewer["interval"]["f1_macro"] == plain["interval"]["f1_macro"]
    assert fewer["interval"]["roc_auc"] != plain["interval"]["roc_auc"]


def test_resamples_fall_with_rows_times_outputs_to_a_floor():
    assert limit_resamples(np.empty((3_000, 2)), 1_000) == 1_000
    assert limit_resamples(np.empty((100_000, 2)), 10_000) == 500
    assert limit_resamples(np.empty((50_000, 77)), 10_000) == 200
    assert limit_resamples(np.empty((50_000, 77)), 100) == 100


def test_an_undefined_metric_has_its_reason_in_the_report_and_in_the_summary():
    found = {"test": score(make_part(np.zeros(20, int), ("no", "yes")), 100, 0.95, 0)}
    details = make_details(found, "test")
    assert details["undefined"]["test"]["roc_auc"] == "only one class among the rows"
    assert details["undefined"]["test"]["qwk"] == "the classes are not numbers"
    assert details["baselines"]["majority"]["undefined"]["auprc"] == "only one class among the rows"
    assert set(details["test"]) == set(METRICS["classification"])
    lines = format_summary("classification", found, "test", 0.95)
    assert "note: roc_auc is undefined: only one class among the rows" in lines
    headline = select_headline_metrics("classification", found, "test")["test"]
    assert set(headline) == {
        "accuracy", "f1_macro", "f1_weighted", "roc_auc", "auprc", "ece", "low", "high"
    }  # fmt: skip
