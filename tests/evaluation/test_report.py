"""What `evaluate` prints: every headline metric with its interval, and who beats the ensemble."""

from typing import Any

from foldline.evaluation.report import format_summary


def score(value: float, **others: float) -> dict[str, float]:
    return {"f1_macro": value, "low": value - 0.1, "high": value + 0.1} | others


def make_scores(members: dict[str, float], baselines: dict[str, float]) -> dict[str, Any]:
    metrics = {"f1_macro": 0.8, "accuracy": 0.9, "log_loss": 0.3}
    return {
        "metrics": metrics,
        "interval": {name: {"low": v - 0.1, "high": v + 0.1} for name, v in metrics.items()},
        "members": {name: score(value) for name, value in members.items()},
        "baselines": {name: score(value) for name, value in baselines.items()},
        "external": {},
    }


def summarize(final: str, members: dict[str, float], baselines: dict[str, float]) -> list[str]:
    found = {final: make_scores(members, baselines)}
    return format_summary("classification", found, final, 0.95)


def test_other_headline_metrics_have_their_intervals():
    lines = summarize("test", {"model": 0.8}, {"tfidf": 0.7})

    assert lines[-2:] == [
        "accuracy 0.9000 [0.8000, 1.0000]",
        "all metrics and intervals: reports/evaluation.json",
    ]


def test_whoever_beats_the_ensemble_is_noted_with_how_to_choose():
    lines = summarize("test", {"model": 0.81, "gbdt": 0.5}, {"tfidf": 0.9, "random": float("nan")})

    assert "note: model, baseline tfidf score higher than the ensemble" in lines[-1]
    assert "choose by the out-of-fold scores in reports/ensemble.json" in lines[-1]


def test_out_of_fold_scores_may_choose():
    note = summarize("out_of_fold", {"model": 0.81}, {})[-1]

    assert note.startswith("note: model scores higher than the ensemble; a smaller ensemble")
