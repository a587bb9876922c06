"""Chains: inputs by hand, predictions of unseen rows alone, and the contract of every second."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.core.params import KINDS
from foldline.core.params.kind_options import select_options
from foldline.core.params.model_kinds import CLASSES_ONLY, CONSTANT, UNWEIGHTED, WITH_FEATURES
from foldline.models import registry
from foldline.models.chain import FIRST, ChainedModel, fit_chained
from foldline.models.chain_input import ChainInput, append_features
from foldline.models.interface import FitResult, Job, Model
from foldline.testing import models as contract
from foldline.testing.sample_data import sample_labels
from tests.helpers.marks import mark_slow_except

BIAS = ("gender", "others")
TASKS = ("classification", "multilabel", "regression")
SECONDS = [name for name in (*KINDS, "pretrained") if name not in (*CONSTANT, *UNWEIGHTED)]
FAST = [("tfidf", "prefix"), ("tfidf", "features"), ("gbdt", "features"), ("length", "prefix")]
AUXILIARY = {"chain.first": "tfidf", "chain.predicts": "auxiliary", "chain.n_splits": 3}
# A prefix is text like any other, so all tasks are tried with tfidf alone.
CASES = [
    (model, form, task)
    for model in SECONDS
    for form in ("prefix", "features")
    for task in TASKS
    if form == "prefix" or model in WITH_FEATURES
    if task != "regression" or model not in CLASSES_ONLY
    if form == "features" or model == "tfidf" or task == "classification"
]


def add_bias(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with an auxiliary label in their text; every seventh lacks it."""
    own = [BIAS[number // 2 % 2] for number in range(len(rows))]
    known = [name if number % 7 else "" for number, name in enumerate(own)]
    texts = [f"{text} {name[:2]}" for text, name in zip(rows["text"], own, strict=True)]
    return rows.assign(auxiliary=known, text=texts)


@dataclass(frozen=True)
class Memory:
    """Knows the label of texts that it has seen, and guesses the first class of others."""

    known: dict[str, str]
    labels: Labels

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        found = [self.known.get(text, self.labels.classes[0]) for text in rows["text"]]
        return np.eye(len(self.labels.classes))[self.labels.encode(pd.Series(found, dtype="str"))]

    def save(self, folder: Path) -> None:
        raise NotImplementedError


@dataclass
class Recorder:
    """Fits memories, and keeps the jobs."""

    jobs: list[Job] = field(default_factory=list)

    def fit(self, job: Job) -> FitResult:
        self.jobs.append(job)
        known = dict(zip(job.train["text"], job.train["label"], strict=True))
        return FitResult(Memory(known, job.labels))


@pytest.fixture
def chain(recipe, labels, tmp_path) -> Callable[..., tuple[Recorder, Recorder, FitResult]]:
    """Fit a chain of memories to rows; return who recorded the first and the second's jobs."""

    def make(train: pd.DataFrame, valid: pd.DataFrame | None = None, **options: Any) -> Any:
        dotted = AUXILIARY | {f"chain.{key}": value for key, value in options.items()}
        own = recipe(dotted, model="tfidf")
        valid = train.iloc[:0] if valid is None else valid
        job = Job(train, valid, labels("classification"), own, tmp_path)
        first, second = Recorder(), Recorder()
        fitted = fit_chained(job, select_options(own, "tfidf"), "tfidf", first.fit, second.fit)
        return first, second, fitted

    return make


@pytest.mark.parametrize(
    ("labels", "predictions", "prefixes"),
    [
        (Labels("classification", ("a", "b c")), [[0.9, 0.1], [0.2, 0.8]], ["a", "b c"]),
        (Labels("multilabel", ("a", "b")), [[0.9, 0.6], [0.2, 0.4]], ["a, b", "none"]),
        (Labels("regression"), [1234.0, 0.0567], ["1.2e+03", "0.057"]),
    ],
)
def test_a_prefix_by_hand(labels, predictions, prefixes):
    rows = pd.DataFrame({"text": ["one", ""], "text_pair": ["x", ""]})
    added = ChainInput("prefix", labels).add(rows, np.array(predictions))

    assert added["text"].tolist() == [f"{prefixes[0]}: one", f"{prefixes[1]}: "]
    assert added["text_pair"].tolist() == ["x", ""]
    assert rows["text"].tolist() == ["one", ""]


def test_features_by_hand():
    rows = pd.DataFrame({"text": ["one", "two"]})
    classes, several = Labels("classification", ("a", "b")), Labels("multilabel", ("a", "b"))
    probabilities = np.array([[0.25, 0.75], [0.0, 1.0]])
    logs, odds = np.log([[0.25, 0.75], [0.001, 0.999]]), np.log([[1 / 3, 3], [1 / 999, 999]])
    numbers = np.array([1.0, 3.0])
    table = ChainInput.fit("features", classes, probabilities).add(rows, probabilities)
    np.testing.assert_allclose(append_features(np.zeros((2, 0)), table), logs)
    table = ChainInput.fit("features", several, probabilities).add(rows, probabilities)
    np.testing.assert_allclose(append_features(np.zeros((2, 0)), table), odds)
    table = ChainInput.fit("features", Labels("regression"), numbers).add(rows, numbers)
    np.testing.assert_allclose(append_features(np.ones((2, 1)), table), [[1, -1], [1, 1]])
    np.testing.assert_allclose(
        append_features(sparse.csr_matrix([[5.0], [0.0]]), table).toarray(), [[5, -1], [0, 1]]
    )
    plain = np.ones((2, 1))
    assert append_features(plain, rows) is plain


def test_no_training_row_is_predicted_by_a_model_that_has_seen_it(chain, rows):
    table = add_bias(rows(n=36)).assign(group=[f"g{number // 3}" for number in range(36)])
    copies = table.iloc[:6].assign(
        id=[f"{name}+aeda0" for name in table["id"][:6]], text="changed " + table["text"]
    )
    train = pd.concat([table, copies], ignore_index=True)
    train.loc[35, "text"] = train.loc[0, "text"]  # equal texts in two groups
    first, second, _ = chain(train)
    seen, whole = second.jobs[0].train, first.jobs[0]

    assert len(first.jobs) == 1 + 3
    labelled = train[train["auxiliary"] != ""]
    assert set(whole.train["id"]) == set(labelled["id"])
    predicted = [set(train["group"]) - set(job.train["group"]) for job in first.jobs[1:]]
    assert sorted(group for groups in predicted for group in groups) == sorted(set(train["group"]))
    for job, groups in zip(first.jobs[1:], predicted, strict=True):
        held_out = train[train["group"].isin(groups)]
        assert not set(job.train["text"]) & set(held_out["text"])
        assert (job.train["label"] != "").all()
    # A memory knows no unseen row, so it gives each the first class, whatever is true.
    assert seen["text"].tolist() == [f"gender: {text}" for text in train["text"]]


def test_new_rows_are_predicted_by_the_model_of_all_rows(chain, rows):
    table = add_bias(rows())
    first, second, fitted = chain(table.iloc[:28], table.iloc[28:])
    known = table[table["auxiliary"] != ""].iloc[:10]
    texts = fitted.model.input.add(known, fitted.model.first.predict(known))["text"]

    assert texts.tolist() == [
        f"{name}: {text}" for name, text in zip(known["auxiliary"], known["text"], strict=True)
    ]
    assert second.jobs[0].valid["id"].tolist() == table["id"].tolist()[28:]
    assert (first.jobs[0].valid["label"] != "").all()
    assert len({job.checkpoint_folder for job in (*first.jobs, *second.jobs)}) == 5
    assert len({job.recipe.seed for job in (*first.jobs, *second.jobs)}) == 5


def test_the_label_itself_can_be_predicted_first(chain, rows):
    shares = rows().assign(**{"p_food 음식": 0.5, "p_sport 운동": 0.5, "p_weather 날씨": 0.0})
    first, _, _ = chain(shares, predicts="label")
    assert "p_food 음식" in first.jobs[0].train
    assert first.jobs[0].labels == sample_labels("classification")
    first, _, _ = chain(add_bias(shares))
    assert "p_food 음식" not in first.jobs[0].train
    assert first.jobs[0].labels == Labels("classification", BIAS)


def test_rows_that_cannot_be_divided_are_told(chain, rows):
    table = add_bias(rows())
    with pytest.raises(FoldlineError, match=r"are one group.*set chain\.first to null"):
        chain(table.assign(group="g"))
    with pytest.raises(FoldlineError, match="no training row has a label"):
        chain(table.assign(auxiliary=""))


@pytest.mark.parametrize(
    ("model", "form", "task"),
    mark_slow_except(CASES, [case for case in CASES if case[:2] in FAST]),
)
def test_the_contract_of_every_second(model, form, task, fit, rows, labels, tmp_path):
    table = add_bias(rows(task))
    parts, options = (table.iloc[:28], table.iloc[28:34]), AUXILIARY | {"chain.input": form}
    held_out = table.iloc[34:].drop(columns="auxiliary")
    fitted, again = (
        fit(model, *own, task, dotted=options, epochs=1)
        for own in (parts, [part.iloc[::-1] for part in parts])
    )
    assert isinstance(fitted.model, ChainedModel)
    contract.check_row_order(fitted.model.predict, held_out, sample_labels(task))
    contract.check_any_text(
        fitted.model.predict, table.drop(columns="auxiliary"), sample_labels(task)
    )
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, own in zip(folders, (fitted, again), strict=True):
        registry.save(own.model, model, labels(task), folder)
    contract.check_saved_model(fitted.model, lambda _: registry.load(folders[0]), held_out)
    assert digest(folders[0]) == digest(folders[1])


@pytest.mark.parametrize(
    "first", mark_slow_except([n for n in (*KINDS, "pretrained") if n not in CONSTANT], ["tfidf"])
)
def test_every_first_model_of_the_label(first, fit, rows, labels, tmp_path, tiny_bert, beside):
    table = rows().assign(source_id=lambda own: own["id"])
    drawn = table.iloc[:28].assign(id=[f"{name}*2" for name in table["id"][:28]])
    train = pd.concat([table.iloc[:28], drawn], ignore_index=True)
    options = {"chain.first": tiny_bert if first == "pretrained" else first, "chain.n_splits": 2}
    fitted = fit("tfidf", train, table.iloc[28:], "classification", dotted=options, epochs=1)
    registry.save(fitted.model, "tfidf", labels("classification"), tmp_path / "m")
    loaded: Model = registry.load(tmp_path / "m")

    np.testing.assert_array_equal(loaded.predict(table), fitted.model.predict(table))
    assert (tmp_path / "m" / FIRST).is_dir()
    assert registry.list_kinds(contract_card(tmp_path / "m"))[0] == registry.resolve_kind(first)


def contract_card(folder: Path) -> dict[str, Any]:
    from foldline.core.io.files import read_json

    content: dict[str, Any] = read_json(folder / registry.CARD)
    return content


def test_without_a_chain_all_is_as_before(fit, rows, labels, recipe, tmp_path):
    table = rows()
    for folder, changed in (("plain", {}), ("off", {"chain.input": "features"})):
        fitted = fit("tfidf", table, table.iloc[:0], "classification", dotted=changed)
        registry.save(fitted.model, "tfidf", labels("classification"), tmp_path / folder)
    assert digest(tmp_path / "plain") == digest(tmp_path / "off")
    assert "first" not in contract_card(tmp_path / "plain")
    plain, off, on = (
        select_options(recipe(changed, model="tfidf"))
        for changed in ({}, {"chain.n_splits": 9}, {"chain.first": "gbdt"})
    )
    assert plain == off != on
    assert not {"chain", "gbdt", "train"} & set(vars(plain))
    assert {"chain", "gbdt", "train", "tfidf"} <= set(vars(on))


def test_a_chain_stops_early_if_one_of_its_models_does(recipe):
    assert not registry.stops_early(recipe({"chain.first": "length"}, model="tfidf"))
    assert registry.stops_early(recipe({"chain.first": "gbdt"}, model="tfidf"))
    assert registry.stops_early(recipe({"chain.first": "tfidf"}, model="gbdt"))


def test_threads_are_those_of_the_slower_model(recipe):
    plain, chained = (
        recipe({"train.threads": "auto", "chain.first": first}, model="tfidf")
        for first in (None, "scratch")
    )
    assert plain.train.threads == 1
    assert chained.train.threads == recipe({"train.threads": "auto"}, model="scratch").train.threads


def test_the_second_is_boosted_and_targets_are_transformed(fit, rows, labels, tmp_path):
    table = add_bias(rows("regression"))
    table["label"] = [repr(float(np.exp(float(label)))) for label in table["label"]]
    options = AUXILIARY | {"boosting.n_estimators": 3, "target.transform": "log"}
    fitted = fit("tfidf", table, table.iloc[:0], "regression", dotted=options)
    registry.save(fitted.model, "tfidf", labels("regression"), tmp_path / "m")
    loaded: Any = registry.load(tmp_path / "m")

    np.testing.assert_array_equal(loaded.predict(table), fitted.model.predict(table))
    assert len(loaded.model.second.models) == 3
    assert loaded.model.first.labels == Labels("classification", BIAS)


def test_a_damaged_first_model_is_told(fit, rows, labels, tmp_path):
    table = add_bias(rows())
    fitted = fit("tfidf", table, table.iloc[:0], "classification", dotted=AUXILIARY)
    registry.save(fitted.model, "tfidf", labels("classification"), tmp_path / "m")
    next((tmp_path / "m" / FIRST).iterdir()).unlink()
    with pytest.raises(FoldlineError):
        registry.load(tmp_path / "m")
