"""Boosting: scikit-learn's SAMME, residuals by hand, and the contract of every kind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.core.params import KINDS
from foldline.core.params.kind_options import select_options
from foldline.core.params.model_kinds import CLASSES_ONLY
from foldline.models import boosting, registry
from foldline.models.interface import FitResult, Job, Kind
from foldline.testing import models as contract
from foldline.testing.sample_data import sample_labels
from tests.helpers.component_files import write_component
from tests.helpers.edited_params import params_error, write_edited_params
from tests.helpers.marks import mark_slow_except

MODELS = (*KINDS, "pretrained")
WEIGHTED = [name for name in MODELS if registry.KINDS[name].uses_weights]
FAST = ("majority", "random", "length", "keywords", "tfidf", "gbdt")
THREE = {"boosting.n_estimators": 3}
CASES = [
    (model, task)
    for model in WEIGHTED
    for task in ("classification", "regression")
    if task == "classification" or model not in CLASSES_ONLY
]


@dataclass(frozen=True)
class Stump:
    """A decision tree of one question about the number that a text is."""

    tree: Any
    n_classes: int

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        numbers = rows["text"].to_numpy(dtype=np.float64)[:, None]
        if not self.n_classes:
            return np.asarray(self.tree.predict(numbers))
        probabilities = np.zeros((len(rows), self.n_classes))
        probabilities[:, self.tree.classes_] = self.tree.predict_proba(numbers)
        return probabilities

    def save(self, folder: Path) -> None:
        raise NotImplementedError


@dataclass
class StumpKind:
    """Fits stumps, and keeps the jobs."""

    jobs: list[Job] = field(default_factory=list)

    def fit(self, job: Job) -> FitResult:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        self.jobs.append(job)
        kind = DecisionTreeRegressor if job.labels.task == "regression" else DecisionTreeClassifier
        rows = job.train
        tree = kind(max_depth=1, random_state=0).fit(
            rows["text"].to_numpy(dtype=np.float64)[:, None],
            job.labels.encode(rows["label"]),
            rows["weight"].to_numpy() if "weight" in rows else None,
        )
        return FitResult(Stump(tree, len(job.labels.classes)))

    @property
    def kind(self) -> Kind:
        return Kind(self.fit, lambda *_: None, uses_weights=True)  # type: ignore[arg-type]


@pytest.fixture
def boost(recipe, tmp_path) -> Callable[..., FitResult]:
    """Boost stumps over numbers: `boost(numbers, labels, classes, n_estimators, lr)`."""

    def make(
        numbers: Any, labels: list[str], classes: tuple[str, ...], count: int, rate: float = 1.0,
        weights: Any = None, kind: StumpKind | None = None,
    ) -> FitResult:  # fmt: skip
        ids = [f"r{number:03d}" for number in range(len(labels))]
        texts = [repr(float(number)) for number in numbers]
        rows = pd.DataFrame({"id": ids, "text": texts, "text_pair": "", "label": labels})
        rows["group"] = ids
        rows = rows if weights is None else rows.assign(weight=weights)
        task = "classification" if classes else "regression"
        options = {"boosting.n_estimators": count, "boosting.learning_rate": rate}
        own = recipe(options, model="tfidf", task=task)
        job = Job(rows, rows.iloc[:0], Labels(task, classes), own, tmp_path)
        return registry.fit_kind((kind or StumpKind()).kind, job)

    return make


def as_rows(numbers: Any) -> pd.DataFrame:
    texts = [repr(float(number)) for number in numbers]
    return pd.DataFrame({"id": texts, "text": texts, "text_pair": ""})


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize(("count", "rate"), [(2, 1.0), (10, 1.0), (25, 0.3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_samme_equals_scikit_learn(classes, count, rate, weighted, boost):
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(classes)
    numbers, codes = rng.normal(size=80), rng.integers(classes, size=80)
    numbers += codes
    weights = rng.uniform(0.5, 2, size=80) if weighted else None
    names = tuple(f"c{code}" for code in range(classes))
    fitted = boost(numbers, [names[code] for code in codes], names, count, rate, weights)
    sklearn = AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=1, random_state=0), n_estimators=count,
        learning_rate=rate, random_state=0,
    ).fit(numbers[:, None], codes, weights)  # fmt: skip
    grid = np.linspace(-3, classes + 2, 60)

    assert len(fitted.model.models) == len(sklearn.estimators_) > 1
    np.testing.assert_allclose(fitted.model.weights, sklearn.estimator_weights_[: len(sklearn)])
    np.testing.assert_allclose(
        fitted.model.predict(as_rows(grid)), sklearn.predict_proba(grid[:, None]), atol=1e-12
    )


def test_a_vote_by_hand():
    # A quarter of the weight is wrong: log(3) for two classes, log(6) for three.
    assert boosting.compute_vote(0.25, 2, 1.0) == pytest.approx(np.log(3))
    assert boosting.compute_vote(0.25, 3, 0.5) == pytest.approx(np.log(6) / 2)
    assert boosting.compute_vote(2 / 3, 3, 1.0) == pytest.approx(0)  # chance
    votes = [np.array([[0.6, 0.3, 0.1]]), np.array([[0.0, 0.1, 0.9]])]
    scores = boosting.sum_votes(votes, (3.0, 1.0), (0, 1, 2))
    np.testing.assert_allclose(scores, [[(3 - 0.5) / 4, -0.5, (1 - 1.5) / 4]])
    odds = np.exp(np.array([2.5 / 4, -0.5, -0.5 / 4]) / 2)
    np.testing.assert_allclose(boosting.compute_probabilities(scores), [odds / odds.sum()])


def test_wrong_rows_weigh_more_in_the_next_model(boost):
    kind = StumpKind()
    # A stump sets the row 2 wrong: 1 of 5 rows, so its vote is log(4) and it weighs 4 times more.
    boost([1, 2, 3, 4, 5], list("abaaa"), ("a", "b"), 2, kind=kind)
    wrong = kind.jobs[1].train["weight"]

    assert "weight" not in kind.jobs[0].train
    np.testing.assert_allclose(wrong / wrong[0], [1, 4, 1, 1, 1])


def test_an_end_at_no_error_or_at_chance_is_noted(boost):
    perfect = boost([1, 2, 3, 4], list("aabb"), ("a", "b"), 5)
    chance = boost([1, 1, 1, 1], list("abab"), ("a", "b"), 5)
    single = boost([1, 2], ["a", "a"], ("a", "b"), 5)

    for fitted in (perfect, chance, single):
        assert isinstance(fitted.model, Stump)  # as it is, without votes
        assert fitted.summary["boosted_models"] == 1
    assert "with 1 of 5 models: it makes no error in the training rows" in perfect.notes[0]
    assert "with 1 of 5 models: a model is no better than chance" in chance.notes[0]


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_residuals_by_hand(rate, boost):
    kind = StumpKind()
    numbers, labels = [1, 2, 3, 4], ["0.0", "0.0", "2.0", "6.0"]
    fitted = boost(numbers, labels, (), 2, rate, kind=kind)
    # The mean is 2; the first stump finds 6 against the rest: +4 and -4/3.
    first = np.array([-4 / 3, -4 / 3, -4 / 3, 4]) * rate
    residuals = np.array([0, 0, 2, 6]) - 2 - first

    np.testing.assert_allclose(kind.jobs[0].train["label"].astype(float), [-2, -2, 0, 4])
    np.testing.assert_allclose(kind.jobs[1].train["label"].astype(float), residuals)
    second = fitted.model.models[1].predict(as_rows(numbers))
    np.testing.assert_allclose(fitted.model.predict(as_rows(numbers)), 2 + first + rate * second)


def test_residuals_end_when_none_is_left(boost):
    fitted = boost([1, 2], ["1.0", "3.0"], (), 9)

    assert len(fitted.model.models) == 1
    assert fitted.model.predict(as_rows([1, 2])).tolist() == [1, 3]
    assert "with 1 of 9 models: no residual is left" in fitted.notes[0]


def test_absent_classes_have_no_probability(boost):
    numbers, labels = [1, 2, 3, 4, 5], list("acaca")
    predictions = boost(numbers, labels, ("a", "b", "c"), 4).model.predict(as_rows(numbers))

    assert (predictions[:, 1] == 0).all()
    np.testing.assert_allclose(predictions.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("model", "task"), mark_slow_except(CASES, [c for c in CASES if c[0] in FAST])
)
def test_the_contract_of_every_weighted_kind(model, task, fit, rows, labels, tmp_path):
    table = rows(task)
    parts = table.iloc[:28], table.iloc[28:34]
    fitted, again = (fit(model, *parts, task, dotted=THREE, epochs=1) for _ in range(2))
    held = table.iloc[34:]
    contract.check_row_order(fitted.model.predict, held, sample_labels(task))
    contract.check_any_text(fitted.model.predict, table, sample_labels(task))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, own in zip(folders, (fitted, again), strict=True):
        registry.save(own.model, model, labels(task), folder)
    contract.check_saved_model(fitted.model, lambda _: registry.load(folders[0]), held)
    assert digest(folders[0]) == digest(folders[1])
    assert 1 <= fitted.summary["boosted_models"] <= 3
    if task == "regression":
        assert len(registry.load(folders[0]).models) == 3


@pytest.mark.parametrize("model", mark_slow_except(MODELS, (*FAST, "external")))
def test_one_estimator_is_the_plain_model(model, fit, rows, labels, tmp_path, recipe):
    table = rows()
    folders = [tmp_path / "plain", tmp_path / "one"]
    for folder, rate in zip(folders, (1.0, 0.5), strict=True):
        options = {"boosting.n_estimators": 1, "boosting.learning_rate": rate}
        fitted = fit(
            model, table.iloc[:28], table.iloc[28:], "classification", dotted=options, epochs=1
        )
        registry.save(fitted.model, model, labels("classification"), folder)
    assert digest(folders[0]) == digest(folders[1])
    plain, other = (
        select_options(recipe({"boosting.learning_rate": rate}, model="tfidf"))
        for rate in (1.0, 0.5)
    )
    assert plain == other


@pytest.mark.parametrize("model", mark_slow_except(MODELS, (*FAST, "external")))
def test_kinds_say_whether_they_use_weights(model, fit, rows):
    table = rows()
    heavy = np.where(table["label"] == table["label"].iloc[0], 50.0, 1.0)
    asked = table.copy()
    asked.loc[0, "text"] = "-"  # keywords follow weights where no word is found
    first, second = (
        fit(model, own.iloc[:28], table.iloc[:0], "classification", epochs=1).model.predict(asked)
        for own in (table, table.assign(weight=heavy))
    )
    assert registry.KINDS[model].uses_weights == (not np.array_equal(first, second))


def test_boosting_acts_on_transformed_targets(fit, rows, labels, tmp_path):
    table = rows("regression")
    table["label"] = [repr(float(np.exp(float(label)))) for label in table["label"]]
    options = THREE | {"target.transform": "log"}
    fitted = fit("tfidf", table, table.iloc[:0], "regression", dotted=options)
    registry.save(fitted.model, "tfidf", labels("regression"), tmp_path / "m")
    loaded = registry.load(tmp_path / "m")

    assert len(loaded.model.models) == 3
    np.testing.assert_array_equal(loaded.predict(table), fitted.model.predict(table))
    low, high = loaded.transform.low, loaded.transform.high
    assert loaded.predict(table).max() <= high + 0.1 * (high - low)


def test_a_damaged_part_is_told(fit, rows, labels, tmp_path):
    table = rows("regression")
    fitted = fit("tfidf", table, table.iloc[:0], "regression", dotted=THREE)
    registry.save(fitted.model, "tfidf", labels("regression"), tmp_path / "m")
    next((tmp_path / "m/1").iterdir()).unlink()
    with pytest.raises(FoldlineError):
        registry.load(tmp_path / "m")


COMPONENT = """
import numpy as np
from foldline.models.interface import FitResult
{flag}
class Mean:
    def predict(self, rows):
        return np.full((len(rows), 3), 1 / 3)
    def save(self, folder):
        (folder / "x").write_text("x")
def fit(job):
    return FitResult(Mean())
def load(folder, labels):
    return Mean()
"""


def test_a_component_says_that_it_uses_weights(workplace, fit, rows):
    table = rows()
    write_component("plain", COMPONENT.format(flag=""))
    write_component("weighted", COMPONENT.format(flag="USES_WEIGHTS = True"))
    with pytest.raises(
        FoldlineError, match=r"components\.plain does not follow weights.*USES_WEIG"
    ):
        fit("components.plain", table, table.iloc[:0], "classification", dotted=THREE)
    boosted = fit("components.weighted", table, table.iloc[:0], "classification", dotted=THREE)
    assert boosted.summary["boosted_models"] > 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"task": "task: multilabel"}, "task=multilabel has several"),
        ({"model": "model: external", "file": "file: data/raw/x.csv"}, "model=external does not"),
    ],
)
def test_what_cannot_be_boosted_is_refused_with_the_reason(tmp_path, lines, message):
    path = write_edited_params(tmp_path, **lines)
    text = path.read_text(encoding="utf-8").replace("file:  ", "file: data/raw/x.csv #")
    head, tail = text.split("\nboosting:")
    tail = tail.replace("n_estimators: 1", "n_estimators: 5", 1)
    path.write_text(f"{head}\nboosting:{tail}", encoding="utf-8")
    assert message in params_error(path)


def test_a_resumed_fit_keeps_its_checkpoints_apart(boost):
    kind = StumpKind()
    boost([1, 2, 3, 4, 5], list("abaaa"), ("a", "b"), 3, kind=kind)
    folders = [job.checkpoint_folder for job in kind.jobs]
    seeds = [job.recipe.seed for job in kind.jobs]

    assert len(set(folders)) == len(set(seeds)) == len(kind.jobs)
