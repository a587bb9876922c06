"""Slices: what is claimed, what is not, and what a change made worse."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.slices import Case, count_claims
from foldline.core.io.labels import Labels
from foldline.evaluation.comparison import compare_change, format_change
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.slice_features import Condition
from foldline.evaluation.slices import find_slices, format_slices_report, make_slices_report
from foldline.evaluation.slices_against import find_slices_against
from foldline.metrics.subgroup_test import SubgroupTest
from tests.helpers.evaluation import OPTIONS

N = 1000
IDS = pd.Series([f"r{i:04}" for i in range(N)])


def make_conditions(seed: int = 0, **shares: float) -> list[Condition]:
    """Return yes-or-no features that a share of the rows have, by chance."""
    rng = np.random.default_rng(seed)
    found = []
    for name, share in shares.items():
        rows = rng.random(N) < share
        found += [Condition(name, "yes", name, rows), Condition(name, "no", f"no {name}", ~rows)]
    return found


def make_part(wrong: np.ndarray, task: str = "classification") -> EvaluationSet:
    """Return rows of which some are wrong, each by another probability."""
    labels = Labels(task, ("a", "b") if task == "classification" else ())
    target = np.zeros(len(wrong), dtype=int)
    final = np.where(wrong, 0.6 + np.arange(len(wrong)) / 10_000, 0.1)
    values = np.column_stack([1 - final, final])
    if task == "regression":
        target, values = np.zeros(len(wrong)), wrong * np.linspace(1, 3, len(wrong))
    groups = np.arange(len(wrong)).astype(str)
    return EvaluationSet(labels, target, groups, values, {}, {})


def fail(rows: np.ndarray, inside: float, outside: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).random(N) < np.where(rows, inside, outside)


def report(part: EvaluationSet, conditions: list[Condition], ids: pd.Series = IDS):
    return make_slices_report(part, ids, conditions, OPTIONS)["slices"]


def test_a_slice_that_fails_is_established_with_its_numbers():
    conditions = make_conditions(question=0.2, short=0.5, digits=0.3)
    rows = conditions[0].rows
    wrong = fail(rows, 0.4)
    found = report(make_part(wrong), conditions)

    assert found["rows"] == N and found["measure"] == "error" and found["level"] == 0.05
    assert found["overall"] == wrong.mean()
    (own,) = found["established"]  # the pairs with other features are explained by it
    assert own["name"] == "question"
    assert own["conditions"] == [{"feature": "question", "value": "yes"}]
    assert own["rows"] == rows.sum()
    assert own["value"] == wrong[rows].mean() and own["rest"] == wrong[~rows].mean()
    assert own["difference"] == own["value"] - own["rest"]
    assert 0 < own["shrunken"] < own["difference"]
    assert 0 < own["low"] < own["difference"] < own["high"]
    assert own["p"] <= own["q"] <= 0.05
    worst = np.flatnonzero(wrong & rows)[::-1][:20]  # the later, the surer of the wrong class
    assert own["ids"] == IDS[worst].tolist()
    assert "question" not in [other["name"] for other in found["closest"]]
    assert len(found["closest"]) <= 5


def test_two_conditions_are_claimed_where_neither_alone_explains_the_errors():
    conditions = make_conditions(question=0.3, short=0.4)
    both = conditions[0].rows & conditions[2].rows
    found = report(make_part(fail(both, 0.6)), conditions)

    assert found["established"][0]["name"] == "question & short"
    assert [c["feature"] for c in found["established"][0]["conditions"]] == ["question", "short"]


def test_errors_without_a_pattern_claim_nothing():
    conditions = make_conditions(question=0.2, short=0.5, digits=0.3)
    wrong = fail(np.zeros(N, dtype=bool), 0, 0.2)
    lines = format_slices_report({"slices": report(make_part(wrong), conditions)})
    found = report(make_part(wrong), conditions)

    assert found["established"] == [] and found["significant"] == 0
    assert found["tested"] > 10 and 0 < len(found["closest"]) <= 5
    assert lines == [
        f"slices with a higher error than the other rows: none of {found['tested']} tested"
    ]


def test_slices_have_the_least_rows_and_at_most_half():
    conditions = make_conditions(rare=0.02, half=0.4, most=0.7)
    test = SubgroupTest(fail(conditions[0].rows, 0.5).astype(float), np.arange(N))
    found = find_slices(test, conditions, 50, 0.05)

    assert all(50 <= own.rows.sum() <= 500 for own in found)
    names = {own.name for own in found}
    assert {"half", "no most", "half & most"} <= names and "most" not in names
    assert not any("rare" in name.replace("no rare", "") for name in names)


def test_slices_of_nearly_the_same_rows_are_one():
    (own, other) = make_conditions(short=0.2)
    rows = own.rows.copy()
    rows[np.flatnonzero(rows)[:10]] = False
    twin = Condition("few words", "yes", "few words", rows)
    found = report(make_part(fail(own.rows, 0.5)), [own, other, twin])

    assert found["significant"] == 2
    assert len(found["established"]) == 1


def test_the_order_of_rows_changes_nothing():
    conditions = make_conditions(question=0.2, short=0.5)
    wrong = fail(conditions[0].rows, 0.4)
    part = make_part(wrong, "regression")
    order = np.random.default_rng(2).permutation(N)
    moved = EvaluationSet(
        part.labels, part.target[order], part.groups[order], part.final[order], {}, {}
    )
    again = [Condition(c.feature, c.value, c.name, c.rows[order]) for c in conditions]

    found = report(part, conditions)
    assert report(moved, again, IDS[order]) == found
    assert found["measure"] == "absolute_error"
    assert found["established"][0]["name"] == "question"


def test_no_rows_and_no_conditions_have_no_slices():
    found = report(make_part(np.ones(N, dtype=bool)), [])

    assert found["tested"] == 0 and found["established"] == found["closest"] == []
    assert format_slices_report({"slices": found}) == []


def test_a_change_for_the_better_that_fails_some_is_told():
    (short, long) = make_conditions(short=0.1)
    target = pd.Series(["a"] * N)
    rows = pd.DataFrame({"id": IDS, "text": "x", "text_pair": "", "label": target, "group": IDS})
    labels = Labels("classification", ("a", "b"))
    before = np.where(fail(np.zeros(N, dtype=bool), 0, 0.3), 1, 0)
    after = np.where(short.rows, np.arange(N) % 2, 0)  # half of the short ones are wrong
    old, new = (labels.table(np.eye(2)[codes]) for codes in (before, after))
    change = compare_change(labels, rows, old, new, OPTIONS, 0, [short, long])

    assert change["verdict"] == "better"
    (against,) = change["slices_against"]
    assert against["name"] == "short" and against["rows"] == short.rows.sum()
    assert against["difference"] == after[short.rows].mean() - before[short.rows].mean() > 0
    assert "note: f1 is better, but has more errors: short" in format_change(
        "x", "y", "f1", change, Path("f")
    )
    errors = [np.eye(2)[codes][:, 1] for codes in (before, after)]
    groups = IDS.to_numpy()
    assert not find_slices_against([short], *errors, groups, "not distinguishable", 0.95)
    assert not find_slices_against([short], *errors, groups, "worse", 0.95)
    assert not find_slices_against([short], *errors, np.ones(N), "better", 0.95), "one group"


@pytest.mark.slow
@pytest.mark.parametrize("case", [Case(1_000, rate, grouped=True) for rate in (0.2, None)])
def test_false_alarms_are_rare(case):
    """At most 5 % are allowed; 17 of 200 are as many as 5 % give in 1 of 100 simulations."""
    assert count_claims(case, 200) <= 17
