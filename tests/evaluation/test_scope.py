"""Rows out of scope: p-values by hand and by simulation, and classes that were never learnt."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.evaluation.scope import find_similarity, fit_scope, make_scope_report, score_scope
from foldline.metrics.out_of_scope import conformal_p_values, rank_among

LABELS = Labels("classification", ("a", "b"))
WORDS = {"a": "goal match team coach league striker", "b": "bank rate loan credit market bond"}
OTHER = "oven butter recipe flour sugar dough"


def make_rows(classes: list[str], n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = [classes[k % len(classes)] for k in range(n)]
    words = [WORDS.get(name, OTHER).split() for name in names]
    texts = [" ".join(rng.choice(own, 4)) for own in words]
    ids = [f"{seed}-{k}" for k in range(n)]
    return pd.DataFrame({"id": ids, "text": texts, "text_pair": "", "group": ids, "label": names})


def guess(rows: pd.DataFrame) -> np.ndarray:
    return np.array([[0.9, 0.1] if name == "a" else [0.2, 0.8] for name in rows["label"]])


def test_p_values_by_hand():
    assert conformal_p_values([0.1, 0.2, 0.3, 0.4], [0.05, 0.2, 0.9]).tolist() == [0.2, 0.6, 1.0]
    assert rank_among([1, 2, 2, 3], [0, 2, 5]).tolist() == [0, 0.5, 1]


def test_p_values_hold_their_promise():
    rng = np.random.default_rng(0)
    rates = [
        (conformal_p_values(rng.normal(size=99), rng.normal(size=200)) <= 0.1).mean()
        for _ in range(300)
    ]
    assert np.mean(rates) == pytest.approx(0.1, abs=0.01)


def test_similarity_counts_unknown_n_grams_against_a_text():
    same, half, none = find_similarity(["red fish", "blue bird"], ["red fish", "red xyzzy", "quux"])
    assert same == pytest.approx(1)
    assert 0.2 < half < 0.8
    assert none == 0
    assert find_similarity(["a"], []).tolist() == []


def test_a_class_that_was_never_learnt_is_out_of_scope():
    known = make_rows(["a", "b"], 600, 1)
    scope = fit_scope(known, guess(known), LABELS, seed=0)
    new = pd.concat([make_rows(["a", "b"], 100, 2), make_rows(["c"], 20, 3)], ignore_index=True)
    final = guess(new)
    p = score_scope(scope, new, final, LABELS)
    outside = (new["label"] == "c").to_numpy()
    auroc = (p[outside][:, None] < p[~outside]).mean() + (
        p[outside][:, None] == p[~outside]
    ).mean() / 2
    report = make_scope_report(scope, {"test": (new, final)}, LABELS, 0.95)["test"]

    assert auroc > 0.95
    assert report["rows"] == 120
    assert 15 <= report["out_of_scope"] <= 25
    first = report["least_alike"][0]
    assert first["out_of_scope"]
    assert first["id"].startswith("3-")
    shuffled = new.sample(frac=1, random_state=0)
    again = score_scope(scope, shuffled, guess(shuffled), LABELS)
    assert (again == p[shuffled.index]).all()


def test_rows_like_the_known_ones_are_in_scope():
    known, new = make_rows(["a", "b"], 600, 1), make_rows(["a", "b"], 300, 2)
    scope = fit_scope(known, guess(known), LABELS, seed=0)
    report = make_scope_report(scope, {"predict": (new, guess(new))}, LABELS, 0.95)

    assert report["predict"]["out_of_scope"] <= 3
    assert fit_scope(known.iloc[:30], guess(known.iloc[:30]), LABELS, seed=0) is None
