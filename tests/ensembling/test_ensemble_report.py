"""What the stage `ensemble` says: scores of all methods, the gain, shares and error correlation."""

import numpy as np
import pytest

from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import (
    OutOfFold,
    describe_equal_members,
    fit_ensemble,
    select_members,
)
from foldline.ensembling.ensemble_report import (
    describe_missing_gain,
    format_report,
    make_report,
    select_metrics,
)
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.methods.registry import METHODS


@pytest.fixture
def out_of_fold() -> OutOfFold:
    """Return two members that err in different rows, so that both together are better."""
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=300)
    members = {}
    for name in ("model", "tfidf"):
        yes = 1 / (1 + np.exp(-rng.normal(2 * target - 1, 1.2)))
        members[name] = np.column_stack([1 - yes, yes])
    context = Context(1, np.arange(300) % 3, rng.normal(size=(300, 2)))
    return OutOfFold("classification", target, np.arange(300).astype(str), members, context)


def test_report(out_of_fold) -> None:
    ensemble = fit_ensemble("soft", out_of_fold)
    report = make_report(ensemble, out_of_fold, 200, 0.9, seed=1)

    assert ensemble.members == ["model", "tfidf"]
    assert set(report["methods"]) == set(METHODS)
    assert report["members"][report["best_member"]] == max(report["members"].values())
    gain = report["gain"]
    best = report["members"][report["best_member"]]
    assert gain["difference"] == pytest.approx(report["methods"]["soft"] - best)
    assert 0 < gain["low"] < gain["difference"] < gain["high"]
    assert report["share"] == {"model": 0.5, "tfidf": 0.5}
    assert abs(report["error_correlation"]["model"]["tfidf"]) < 0.3
    assert describe_missing_gain(ensemble, report) is None
    assert select_metrics(report) == {
        "score": report["methods"]["soft"],
        "best_member": best,
        "gain_low": gain["low"],
        "gain_high": gain["high"],
    }
    lines = format_report(report)
    chosen = [line.split() for line in lines if line.startswith("* ")]
    assert chosen == [["*", "soft", f"{report['methods']['soft']:.4f}"]]


@pytest.mark.parametrize(
    ("difference", "low", "note"),
    [
        (0.02, 0.01, None),
        (0.02, -0.01, "no gain of weighted over 'tfidf' alone is certain: its 95% interval"),
        (0.0, -0.01, "dvc exp run -S '~ensemble.members.model'"),
        (-0.1, -0.2, "dvc exp run -S '~ensemble.members.model'"),
    ],
)
def test_a_best_member_that_is_not_beaten_is_noted(difference, low, note) -> None:
    ensemble = Ensemble("weighted", ["model", "tfidf"], {})
    gain = {"difference": difference, "low": low, "high": 0.1, "level": 0.95}
    members = {"model": 0.8, "tfidf": 0.9}
    report = {"method": "weighted", "best_member": "tfidf", "members": members, "gain": gain}

    found = describe_missing_gain(ensemble, report)

    assert found is None if note is None else note in (found or "")


@pytest.mark.parametrize("other", ["exp:gate", "v1.2", "a+b"])
def test_a_member_that_dvc_cannot_name_is_taken_out_by_hand(other) -> None:
    ensemble = Ensemble("weighted", ["tfidf", other], {})
    gain = {"difference": 0.0, "low": -0.1, "high": 0.1, "level": 0.95}
    members = {other: 0.8, "tfidf": 0.9}
    report = {"method": "weighted", "best_member": "tfidf", "members": members, "gain": gain}

    note = describe_missing_gain(ensemble, report) or ""

    assert note.endswith(f", remove {other} from ensemble.members in params.yaml")
    assert "-S" not in note


def test_one_member_has_no_gain_to_speak_of(out_of_fold) -> None:
    alone = {"model": out_of_fold.predictions["model"]}
    own = OutOfFold(
        "classification", out_of_fold.target, out_of_fold.groups, alone, out_of_fold.context
    )
    ensemble = fit_ensemble("soft", own)
    report = make_report(ensemble, own, 100, 0.95, seed=1)

    assert report["gain"]["difference"] == 0
    assert describe_missing_gain(ensemble, report) is None
    assert format_report(report)


def test_a_changed_recipe_that_equals_another_is_noted():
    members = {"model": {}, "tfidf": {}, "same": {"tfidf.c": 4.0}, "other": {"tfidf.c": 1.0}}
    selected = select_members(list(members), {"model", "other"})
    assert selected == ["model", "other"]
    note = describe_equal_members(members, selected)
    assert note is not None and note.startswith("same: the same recipe")
    assert describe_equal_members({"model": {}, "tfidf": {}}, ["model"]) is None
