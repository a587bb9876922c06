"""The contract of every kind of model over every task, then what is special to one kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.core.params import KINDS as NAMED
from foldline.core.params.model_kinds import CLASSES_ONLY
from foldline.models import registry
from foldline.models.interface import FitResult
from foldline.testing import models as contract
from foldline.testing.sample_data import sample_labels
from tests.helpers.distinct_outputs import are_distinct, make_distinct
from tests.helpers.marks import mark_slow_except

MODELS = (*NAMED, "pretrained")
TASKS = (
    ("classification", False),
    ("classification", True),
    ("multilabel", False),
    ("regression", False),
    ("regression", True),
)
LEARNERS = ("tfidf", "gbdt", "static", "embed", "scratch", "pretrained")


def supports(model: str, task: str) -> bool:
    return task != "regression" or model not in CLASSES_ONLY


CASES = [(m, t, p) for m in MODELS for t, p in TASKS if supports(m, t)]
every = pytest.mark.parametrize(
    ("model", "task", "pairs"),
    mark_slow_except(CASES, [case for case in CASES if case[1:] != ("regression", True)]),
)
each = pytest.mark.parametrize(
    ("model", "task"),
    [
        (m, t)
        for m in MODELS
        for t in ("classification", "multilabel", "regression")
        if supports(m, t)
    ],
)


@pytest.fixture(scope="session")
def fitted(fit, rows) -> Callable[[str, str, bool], FitResult]:
    """Return a model fitted to 28 rows, each once for all tests."""
    made: dict[tuple[str, str, bool], FitResult] = {}

    def give(model: str, task: str, pairs: bool) -> FitResult:
        key = (model, task, pairs)
        if key not in made:
            made[key] = fit_apart(fit, rows(task, pairs), model, task)
        return made[key]

    return give


def fit_apart(fit: Any, table: pd.DataFrame, model: str, task: str) -> FitResult:
    """Fit to 28 rows a model that tells others apart."""
    dotted = {"static.epochs": 300, "static.lr": 0.5}
    found = fit(model, table.iloc[:28], table.iloc[28:34], task, dotted=dotted)
    return make_distinct(found, table.iloc[34:])


def save_model(model: Any, name: str, labels: Labels, folder: Path) -> Path:
    registry.save(model, name, labels, folder)
    return folder


def check_predictions(task: str, n: int, predictions: np.ndarray) -> None:
    contract.check_predictions(predictions, n, sample_labels(task))
    assert task != "multilabel" or (predictions <= 1).all()


def test_every_named_kind_is_tested() -> None:
    assert set(MODELS) == set(registry.KINDS)


def test_every_named_kind_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    found = {line.split("`")[1]: line.split("|")[4].strip() for line in lines}

    assert set(found) == set(NAMED)
    assert {name for name, numbers in found.items() if numbers == "no"} == set(CLASSES_ONLY)


@every
def test_predicts_rows_in_their_order(model, task, pairs, fitted, rows) -> None:
    held = rows(task, pairs).iloc[34:]
    predict = fitted(model, task, pairs).model.predict
    together = predict(held)
    check_predictions(task, 6, together)
    assert are_distinct(together) or model == "majority"
    contract.check_row_order(predict, held, sample_labels(task))


@every
def test_any_text_is_predicted(model, task, pairs, fitted, rows) -> None:
    predict = fitted(model, task, pairs).model.predict
    contract.check_any_text(predict, rows(task, pairs), sample_labels(task))


@every
def test_saved_and_loaded_is_the_same(model, task, pairs, fitted, rows, labels, tmp_path) -> None:
    own = fitted(model, task, pairs).model
    held = rows(task, pairs).iloc[34:]
    folder = save_model(own, model, labels(task), tmp_path / "m")
    assert are_distinct(own.predict(held)) or model == "majority"
    contract.check_saved_model(own, lambda _: registry.load(folder), held)


@pytest.mark.slow
@every
def test_the_seed_decides(model, task, pairs, fitted, fit, rows, labels, tmp_path) -> None:
    table = rows(task, pairs)
    first = fitted(model, task, pairs).model
    again = fit_apart(fit, table, model, task).model
    folders = [
        save_model(m, model, labels(task), tmp_path / n) for m, n in ((first, "a"), (again, "b"))
    ]
    held = table.iloc[34:]

    np.testing.assert_array_equal(first.predict(held), again.predict(held))
    assert digest(folders[0]) == digest(folders[1])


@pytest.mark.slow
@each
def test_the_order_of_the_rows_changes_no_model(model, task, fit, rows, labels, tmp_path) -> None:
    table = rows(task)
    train, valid = table.iloc[:28], table.iloc[28:34]
    first = fit(model, train, valid, task, epochs=1).model
    mixed = [part.sample(frac=1, random_state=1) for part in (train, valid)]
    again = fit(model, *mixed, task, epochs=1).model
    folders = [
        save_model(m, model, labels(task), tmp_path / n) for m, n in ((first, "a"), (again, "b"))
    ]
    assert digest(folders[0]) == digest(folders[1])


@each
def test_validation_rows_teach_nothing(model, task, fit, rows) -> None:
    """But those kinds that stop early look at them."""
    table = rows(task)

    def fit_model(train: pd.DataFrame, valid: pd.DataFrame) -> Any:
        return fit(model, train, valid, task, epochs=1).model

    stops_early = registry.KINDS[model].stops_early
    parts = table.iloc[:28], table.iloc[28:34]
    contract.check_validation_labels(fit_model, *parts, stops_early)
    before = [part.copy(deep=True) for part in parts]
    fit_model(*parts)
    assert all(part.equals(kept) for part, kept in zip(parts, before, strict=True))


@each
def test_one_row_is_enough_to_train(model, task, fit, rows) -> None:
    table = rows(task)
    found = fit(model, table.iloc[:1], table.iloc[:0], task, epochs=1)
    check_predictions(task, 5, found.model.predict(table.iloc[5:10]))


@pytest.mark.parametrize("present", [1, 2])
@pytest.mark.parametrize("model", MODELS)
def test_a_class_that_is_absent_keeps_its_column(model, present, fit, rows, labels) -> None:
    """A fold's training part may lack a class; its column must not be another class's."""
    table = rows()
    there = table["label"].isin(labels("classification").classes[-present:])
    found = fit(model, table[there].iloc[:12], table.iloc[:0], "classification", epochs=1)
    predictions = found.model.predict(table)
    check_predictions("classification", len(table), predictions)
    if model in ("majority", "random", "length", "tfidf", "gbdt", "static", "embed"):
        assert (predictions[:, : 3 - present] == 0).all()
    if model in ("tfidf", "static"):
        right = predictions[there].argmax(axis=1) == labels("classification").encode(
            table["label"][there]
        )
        assert right.mean() > 0.8


@pytest.mark.parametrize("model", MODELS)
def test_a_class_with_one_row(model, fit, rows) -> None:
    table = rows()
    train = pd.concat([table[table["label"] != table["label"][0]].iloc[:10], table.iloc[:1]])
    found = fit(model, train, table.iloc[30:32], "classification", epochs=1)
    check_predictions("classification", len(table), found.model.predict(table))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("model", LEARNERS[:-1])  # a pretrained tokenizer knows too few marks
def test_texts_without_any_word(model, task, fit, rows) -> None:
    table = rows(task).iloc[:12].copy()
    table["text"] = list("!?.,;:-+*/()")
    found = fit(model, table, table.iloc[:0], task, epochs=1)
    check_predictions(task, 12, found.model.predict(table))


# A pretrained transformer is trained by the code of scratch.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "task", "pairs"),
    [(m, *task) for m in LEARNERS[:-1] for task in TASKS]
    + [("pretrained", "classification", True)],
)
def test_learns_sixteen_rows_by_heart(model, task, pairs, fit, rows, labels) -> None:
    table = rows(task, pairs).iloc[:16]
    dotted = {"scratch.dropout": 0.0, "scratch.width": 32, "tfidf.alpha": 1e-3}
    dotted |= {"gbdt.min_leaf": 1, "gbdt.iterations": 60, "static.epochs": 300, "static.lr": 0.5}
    dotted |= {"static.alpha": 1e-3, "embed.c": 1e4, "embed.alpha": 1e-6}
    found = fit(model, table, table.iloc[:0], task, epochs=160, lr=5e-3, dotted=dotted)
    predictions = found.model.predict(table)
    target = labels(task).encode(table["label"])
    if task == "classification":
        assert (predictions.argmax(axis=1) == target).all()
    elif task == "multilabel":
        assert ((predictions >= 0.5) == target).all()
    else:
        assert np.corrcoef(predictions, target)[0, 1] > 0.95


@pytest.mark.parametrize("model", ["scratch", "pretrained"])
def test_plain_transformers_opens_classes(model, fitted, rows, labels, tmp_path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    own, table = fitted(model, "classification", False).model, rows().iloc[34:]
    folder = save_model(own, model, labels("classification"), tmp_path / "m")
    assert are_distinct(own.predict(table))
    opened = AutoModelForSequenceClassification.from_pretrained(folder)
    assert tuple(opened.config.id2label.values()) == labels("classification").classes
    assert AutoTokenizer.from_pretrained(folder).model_max_length == 24
    pipe = pipeline("text-classification", str(folder), top_k=None, device="cpu")
    for found, expected in zip(pipe(table["text"].tolist()), own.predict(table), strict=True):
        scores = {entry["label"]: entry["score"] for entry in found}
        assert scores == pytest.approx(
            dict(zip(labels("classification").classes, expected, strict=True)), abs=1e-5
        )


def test_plain_transformers_opens_several_labels(fitted, rows, labels, tmp_path) -> None:
    from transformers import pipeline

    own, table = fitted("scratch", "multilabel", False).model, rows("multilabel").iloc[34:]
    assert are_distinct(own.predict(table))
    folder = save_model(own, "scratch", labels("multilabel"), tmp_path / "m")
    pipe = pipeline("text-classification", str(folder), top_k=None, device="cpu")
    for found, expected in zip(pipe(table["text"].tolist()), own.predict(table), strict=True):
        scores = {entry["label"]: entry["score"] for entry in found}
        names = labels("multilabel").classes
        assert scores == pytest.approx(dict(zip(names, expected, strict=True)), abs=1e-5)


@pytest.mark.parametrize("model", ["tfidf", "scratch", "pretrained"])
def test_a_label_of_all_rows_or_of_none(model, fit, rows, labels) -> None:
    """Nothing can be learnt of it; what is known is said."""
    table = rows("multilabel")
    first, *_ = labels("multilabel").classes
    found = fit(model, table.assign(label=first), table.iloc[:0], "multilabel", epochs=1)
    predictions = found.model.predict(table)
    check_predictions("multilabel", len(table), predictions)
    if model == "tfidf":
        assert (predictions[:, 0] > 0.999).all() and (predictions[:, 2] < 0.001).all()


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("model", ["scratch", "pretrained"])
def test_plain_transformers_opens_numbers(model, pairs, fitted, rows, labels, tmp_path) -> None:
    """In the label's own units: around 2.5, not around 0."""
    from transformers import pipeline

    own, table = fitted(model, "regression", pairs).model, rows("regression", pairs).iloc[34:]
    folder = save_model(own, model, labels("regression"), tmp_path / "m")
    pipe = pipeline("text-classification", str(folder), device="cpu")
    texts = zip(table["text"], table["text_pair"], strict=True)
    inputs = [{"text": a, "text_pair": b} if pairs else a for a, b in texts]
    found = [pipe(one) for one in inputs]
    scores = [(one[0] if isinstance(one, list) else one)["score"] for one in found]
    assert scores == pytest.approx(own.predict(table), abs=1e-5)
    assert are_distinct(own.predict(table))
    assert 1.5 < np.mean(scores) < 3.5


def test_a_row_is_a_pair_or_not_by_itself(fitted, rows) -> None:
    """One row without a second text must be read alone as it is read among pairs."""
    table = rows("classification", pairs=True).iloc[:4].copy()
    table.loc[table.index[1], "text_pair"] = ""
    for model in ("tfidf", "scratch", "pretrained"):
        predict = fitted(model, "classification", True).model.predict
        assert are_distinct(predict(table))
        assert predict(table.iloc[1:2]) == pytest.approx(predict(table)[1:2], abs=1e-5), model


def test_nothing_to_learn_from_and_strange_labels_are_told(fit, rows) -> None:
    table = rows()
    with pytest.raises(FoldlineError, match="no row to train on"):
        fit("tfidf", table.iloc[:0], table.iloc[:0], "classification")
    strange = table.assign(label="politics")
    with pytest.raises(FoldlineError, match="'politics' is not one of the classes"):
        fit("tfidf", table, strange, "classification")


def test_no_model_is_told(tmp_path) -> None:
    with pytest.raises(FoldlineError, match="is missing"):
        registry.load(tmp_path)
