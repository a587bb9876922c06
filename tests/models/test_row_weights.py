"""What a row counts in training: read by `prepare`, followed by every kind that learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.models.neural.losses import make_loss
from foldline.models.neural.objective import Objective
from foldline.models.soft_labels import add_weights, sample_weights
from tests.helpers import projects
from tests.helpers.marks import mark_slow_except
from tests.helpers.tiny_bert import build_tiny_bert

TASKS = ("classification", "multilabel", "regression")
# Kind, and the options that choose one of its heads.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "logistic": ("tfidf", {}),
    "svm": ("tfidf", {"tfidf.head": "svm"}),
    "nbsvm": ("tfidf", {"tfidf.head": "nbsvm"}),
    "complement_nb": ("tfidf", {"tfidf.head": "complement_nb"}),
    "ridge": ("tfidf", {"tfidf.head": "ridge"}),
    "gbdt": ("gbdt", {}),
    "static": ("static", {"static.epochs": 100, "static.lr": 0.5}),
    "linear": ("embed", {}),
    "knn": ("embed", {"embed.head": "knn"}),
    "mlp": ("embed", {"embed.head": "mlp", "embed.epochs": 300}),
    "scratch": ("scratch", {"scratch.dropout": 0.0, "scratch.width": 32}),
}
HEAVY = 50.0


def add_contradictions(table: pd.DataFrame, task: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows, and their texts again with another label."""
    labels = table["label"].tolist()
    if task == "regression":
        other = [str(float(label) + 5) for label in labels]
    elif task == "multilabel":
        names = sorted({name for label in labels for name in label.split("|") if name})
        other = ["|".join(n for n in names if n not in label.split("|")) for label in labels]
    else:
        names = sorted(set(labels))
        other = [names[(names.index(label) + 1) % len(names)] for label in labels]
    return table, table.assign(id="x" + table["id"], group="x" + table["group"], label=other)


NEURAL = ("scratch", "static")
# Kinds with heads of their own learn numbers and several labels by other code.
CASES = [
    (way, task)
    for way in WAYS
    for task in TASKS
    if task == "classification" or way in ("logistic", "ridge", "gbdt", "mlp")
]
FAST = [(way, "classification") for way in WAYS if way not in NEURAL]


@pytest.mark.slow
@pytest.mark.parametrize(("way", "task"), mark_slow_except(CASES, FAST))
def test_the_heavier_of_two_contradictions_is_learnt(way, task, fit, rows, labels) -> None:
    model, dotted = WAYS[way]
    own, other = add_contradictions(rows(task), task)
    dotted = {"tfidf.class_weights": "none"} | dotted
    scores = []
    for heavy in (own, other):
        table = pd.concat([own, other], ignore_index=True)
        table = table.assign(weight=np.where(table["id"].isin(heavy["id"]), HEAVY, 1.0))
        found = fit(model, table, table.iloc[:0], task, epochs=60, lr=3e-3, dotted=dotted)
        scores.append(agreement(found.model.predict(heavy), heavy, labels(task)))
    wrong = agreement(found.model.predict(own), own, labels(task))
    assert min(scores) > wrong + 0.2
    assert min(scores) > 0.6


def agreement(predictions: np.ndarray, table: pd.DataFrame, labels: Labels) -> float:
    """Return how well predictions fit the labels of a table: 1 at best."""
    target = labels.encode(table["label"])
    if labels.task == "regression":  # the other label is 5 more, or less
        return float(1 - np.abs(predictions - target).mean() / 5)
    chosen = predictions if labels.task == "multilabel" else np.eye(len(labels.classes))[target]
    if labels.task == "multilabel":
        return float(1 - np.abs(chosen - target).mean())
    return float((predictions * chosen).sum(axis=1).mean())


@pytest.mark.parametrize(("way", "task"), mark_slow_except(CASES, FAST[:9]))
def test_equal_weights_change_nothing(way, task, fit, rows) -> None:
    model, dotted = WAYS[way]
    table = rows(task)
    one, other = (
        fit(model, given, table.iloc[:0], task, dotted=dotted).model.predict(table)
        for given in (table, table.assign(weight=3.0))
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_baselines_follow_weights_by_hand(fit, rows) -> None:
    table = rows().assign(weight=1.0)
    table.loc[table["label"] == table["label"].iloc[0], "weight"] = 6.0
    shares = table.groupby("label")["weight"].sum().sort_index() / table["weight"].sum()
    for model in ("majority", "keywords"):
        found = fit(model, table, table.iloc[:0], "classification").model
        nothing = found.predict(table.iloc[:1].assign(text="-"))
        np.testing.assert_allclose(nothing[0], shares)
    drawn = fit("random", table, table.iloc[:0], "classification").model
    many = table.iloc[:1].loc[[0] * 2000].assign(id=[str(n) for n in range(2000)])
    np.testing.assert_allclose(drawn.predict(many).mean(axis=0), shares, atol=0.04)
    lengths = fit("length", table, table.iloc[:0], "classification").model
    np.testing.assert_allclose(lengths.predict(table).mean(axis=0), shares, atol=0.1)
    numbers = rows("regression").iloc[:3].assign(label=["1", "2", "9"], weight=[1.0, 1.0, 2.0])
    mean = fit("majority", numbers, numbers.iloc[:0], "regression").model.predict(numbers)
    assert mean.tolist() == [5.25] * 3
    values = fit("random", numbers, numbers.iloc[:0], "regression").model.values
    assert [values[place] for place in (0, 25, 26, 50, 51, 100)] == [1, 1, 2, 2, 9, 9]


@pytest.mark.parametrize(
    "dotted",
    [{}, {"train.rdrop": 2.0}, {"train.dropout_samples": 3}, {"train.class_weights": "balanced"}],
    ids=["plain", "rdrop", "dropout_samples", "balanced"],
)
def test_a_transformers_row_of_weight_two_is_two_rows(dotted, recipe, labels) -> None:
    options, target = recipe(dotted).train, np.array([0, 2, 1, 1])
    model = build_tiny_bert()
    loss = make_loss(labels("classification"), target, options)
    objective = Objective(model, loss, options, "classification")
    ids = torch.randint(5, 30, (4, 6))

    def value(places: list[int], weights: list[float] | None, items: int) -> float:
        inputs = {"input_ids": ids[places], "attention_mask": torch.ones(len(places), 6)}
        counts = None if weights is None else torch.tensor(weights, dtype=torch.float64)
        found, _ = objective(model, inputs, torch.tensor(target[places]), items, counts)
        return float(found.detach())

    twice = value([0, 1, 1, 2, 3, 3, 3], None, 7)
    assert value([0, 1, 2, 3], [1.0, 2.0, 1.0, 3.0], 7) == pytest.approx(twice, rel=1e-6)
    assert value([0, 1, 2, 3], [1.0] * 4, 4) == pytest.approx(value([0, 1, 2, 3], None, 4))


@pytest.mark.slow
def test_rows_to_stop_by_count_the_same(fit, rows) -> None:
    table = rows()
    train, valid = table.iloc[:28], table.iloc[28:]
    one, other = (
        fit("scratch", train, held, "classification").history
        for held in (valid, valid.assign(weight=np.arange(1.0, 13.0)))
    )
    assert one == other


def test_weights_belong_to_ids_and_to_the_source_of_a_copy(rows) -> None:
    table = rows(n=3).assign(source_id=["r000", "r000", "r002"])
    weights = pd.DataFrame({"id": ["r002", "r000", "r001"], "weight": [4.0, 1.0, 9.0]})
    assert add_weights(table, weights)["weight"].tolist() == [1.0, 1.0, 4.0]
    assert sample_weights(add_weights(table, weights)).tolist() == [0.5, 0.5, 2.0]
    assert "weight" not in add_weights(table, weights.iloc[:0])
    assert sample_weights(table) is None


@pytest.mark.slow
def test_a_column_of_weights_goes_through_the_chain(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"model": "tfidf", "data.weight": "sure", "augment.method": "swap"})
    path = Path("data/raw/rows.csv")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.assign(sure=[str(1 + n % 3) for n in range(len(table))]).to_csv(path, index=False)
    projects.run()
    weights = schemas.WEIGHTS.read().set_index("id")["weight"]
    assert weights.tolist() == [1.0 + n % 3 for n in range(len(table))]
    weighed = schemas.OUT_OF_FOLD.path.read_bytes()
    projects.set_params(Path("params.yaml"), {"data.weight": None})
    projects.run()
    assert schemas.WEIGHTS.read().empty
    assert schemas.OUT_OF_FOLD.path.read_bytes() != weighed


@pytest.mark.parametrize("value", ["0", "-1", "", "many", "nan", "inf"])
def test_a_weight_that_is_none_is_told(value, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"model": "tfidf", "data.weight": "sure"})
    path = Path("data/raw/rows.csv")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.assign(sure=["1", value] + ["2"] * (len(table) - 2)).to_csv(path, index=False)
    with pytest.raises(FoldlineError) as found:
        projects.run("prepare")
    assert f"line 3: weight {value!r} in column 'sure' is not a number above 0" in str(found.value)
