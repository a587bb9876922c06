"""Diagnostics: planted faults are found, and healthy models pass; of every task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from foldline.diagnostics import (
    init_checks,
    lr_range_test,
    null_checks,
    overfit,
    sanity,
    token_checks,
)
from foldline.diagnostics.initial_model import (
    InitialModel,
    build_initial_model,
    first_epoch_batches,
    padding_ratio,
)
from foldline.diagnostics.inputs import DiagnosticInputs
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, grade
from foldline.models.interface import FitResult, Job
from foldline.models.neural import scratch
from foldline.models.neural.losses import make_loss
from foldline.models.neural.ragged_array import RaggedArray
from foldline.models.registry import KINDS

TASKS = ["classification", "multilabel", "regression"]
STRONG = {"scratch.width": 32, "scratch.vocabulary": 400, "scratch.dropout": 0.0}


@pytest.fixture(scope="session")
def project(recipe, rows, labels) -> Callable[..., DiagnosticInputs]:
    """Return a small project's rows under a recipe, as the verbs would read them."""

    def make(
        task: str = "classification", dotted: dict | None = None, **top: Any
    ) -> DiagnosticInputs:
        table = rows(task, n=160)
        table = table.assign(source_id=table["id"], method="original")
        own = recipe(STRONG | (dotted or {}), task=task, **top)
        return DiagnosticInputs(
            own, labels(task), table.iloc[:120], table.iloc[120:].reset_index(drop=True)
        )

    return make


@pytest.fixture(scope="session")
def started(project) -> Callable[..., tuple[InitialModel, Job]]:
    def make(task: str = "classification", dotted: dict | None = None) -> tuple[InitialModel, Job]:
        with project(task, dotted).temporary_job() as job:
            return build_initial_model(job), job

    return make


def verdicts_by_check(findings: list) -> dict[str, str]:
    return {found.check: found.verdict for found in findings}


@pytest.mark.slow
def test_healthy_classes_pass_every_check(project):
    found = verdicts_by_check(sanity.run_checks(project()))
    page = Path("docs/diagnostics.md").read_text(encoding="utf-8")

    assert set(found.values()) == {OK}
    assert len(found) == 11
    assert [name for name in found if f"| {name.split(',')[0]} |" not in page] == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["scratch", "tfidf", "gbdt", "static", "pretrained"])
@pytest.mark.parametrize("task", TASKS)
def test_healthy_models_pass_every_check(task, model, project, tiny_bert):
    named = tiny_bert if model == "pretrained" else model
    several = {"scratch.width": 128} if task == "multilabel" else {}  # ten of ten seeds learn
    found = project(task, several, model=named, lr=1e-3 if several else 3e-3)

    assert [f for f in sanity.run_checks(found) if f.verdict == WRONG] == []
    rows = overfit.select_rows(found)
    if model != "pretrained":  # of width 16, with its dropout
        judged = overfit.assess_overfit(found, *overfit.overfit_rows(found, rows))
        assert [f for f in judged if f.verdict != OK] == []


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((0.05, 0.1, 0.5), OK), ((0.1, 0.1, 0.5), LOOK), ((0.5, 0.1, 0.5), WRONG),
     ((0.99, 0.98, 0.9), OK), ((0.95, 0.98, 0.9), LOOK), ((0.9, 0.98, 0.9), WRONG),
     ((float("nan"), 0.1, 0.5), WRONG), ((float("nan"), 0.98, 0.9), WRONG)],
)  # fmt: skip
def test_numbers_are_graded_from_either_side(values, verdict):
    assert grade(*values) == verdict


def test_a_frozen_layer_is_named(started):
    start, job = started()
    layer = start.model.base_model.encoder.layer[0].output.dense
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    found = init_checks.check_gradients(start, job)

    assert found.verdict == WRONG
    assert found.numbers["frozen"] == [
        f"bert.encoder.layer.0.output.dense.{name}" for name in ("weight", "bias")
    ]
    asked = init_checks.assess_gradients(start.model, 1)
    assert asked.numbers["frozen"] == found.numbers["frozen"]


def test_layers_that_are_frozen_on_purpose_are_told_and_ok(started):
    start, job = started(dotted={"train.trainable_layers": "head"})
    found = init_checks.check_gradients(start, job)

    assert found.verdict == OK
    assert "frozen by train.trainable_layers=head" in found.found


def test_a_layer_that_is_cut_off_is_named(started):
    start, job = started()
    attention = start.model.base_model.encoder.layer[0].output
    attention.register_forward_hook(lambda *args: args[-1].detach())
    found = init_checks.check_gradients(start, job)

    assert found.verdict == WRONG
    assert any(name.endswith("word_embeddings.weight") for name in found.numbers["without"])
    assert not any(name.startswith("classifier") for name in found.numbers["without"])


def test_weights_that_are_no_numbers_are_found(started):
    start, job = started()
    start.model.classifier.weight.data[0, 0] = float("nan")

    assert init_checks.check_gradients(start, job).verdict == WRONG
    assert init_checks.check_first_loss(start, job).verdict == WRONG


def test_a_tokenizer_that_knows_nothing_is_found(started, project, recipe):
    start, _ = started()
    alien = scratch.train_tokenizer(["abc", "xyz"] * 3, recipe())
    with project().temporary_job() as own:
        strange = InitialModel(alien, start.model, build_initial_model(own).rows, 0.0)
    rows = token_checks.encode_valid(project(), strange)
    found = token_checks.check_unknown(replace(strange, rows=rows), rows)

    assert found.verdict == WRONG
    assert (
        token_checks.check_unknown(start, token_checks.encode_valid(project(), start)).verdict == OK
    )


def test_ids_beyond_the_embeddings_are_found(started, project):
    start, _ = started()
    held = token_checks.encode_valid(project(), start)
    assert token_checks.check_range(start, held).verdict == OK

    start.model.resize_token_embeddings(20)
    found = token_checks.check_range(start, held)

    assert found.verdict == WRONG
    assert "token ids beyond the embeddings" in found.advice


def test_a_model_beyond_whose_embeddings_ids_are_is_not_trained(project, monkeypatch):
    def cropped(job: Job) -> InitialModel:
        start = build_initial_model(job)
        start.model.resize_token_embeddings(20)
        return start

    monkeypatch.setattr(sanity, "build_initial_model", cropped)
    found = verdicts_by_check(sanity.run_checks(project()))

    assert found["token ids in range"] == WRONG
    assert "first loss" not in found


def test_cut_texts_and_padding_are_told(started, project, rows):
    start, job = started()
    short = job.recipe.model_copy(update={"max_length": 5})
    with project().with_options().temporary_job() as own:
        cut = build_initial_model(replace(own, recipe=short))

    assert token_checks.check_cut(start, job.recipe).verdict == OK
    assert token_checks.check_cut(cut, short).verdict == LOOK
    columns = {"input_ids": RaggedArray.from_lists([[1] * 2, [1] * 10, [1] * 10])}
    uneven = replace(start.rows, columns=columns, target=start.rows.target[:3])
    assert padding_ratio(uneven, [[0, 1], [2]]) == pytest.approx(30 / 22)
    batches = first_epoch_batches(start.rows, 8, 1)
    assert sorted(place for batch in batches for place in batch) == list(range(120))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_labels_in_texts_are_found(share, project):
    found = project()
    rows = found.train.copy()
    some = np.arange(len(rows)) < share * len(rows)
    rows.loc[some, "text"] += " [" + rows.loc[some, "label"].str.upper() + "]"
    told = null_checks.check_labels_in_texts(replace(found, train=rows))

    assert told.verdict == {0.0: OK, 0.3: LOOK, 1.0: WRONG}[share]


def test_a_number_is_found_as_a_word_of_its_own():
    held = null_checks._share_with_label(
        ["score 3.5 here", "at 13.5", "3.55", "v.3.5"], [["3.5"]] * 4
    )

    assert held == 0.25


@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_looks_the_labels_up_is_found(task, project, monkeypatch):
    class Cheat:
        def __init__(self, labels: Any) -> None:
            self.labels = labels

        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            target = self.labels.encode(rows["label"])
            return np.eye(3)[target] if task == "classification" else target.astype(float)

    def fit(job: Job) -> FitResult:
        return FitResult(Cheat(job.labels))  # type: ignore[arg-type]

    found = project(task, model="length")
    honest = (
        null_checks.check_shuffled_labels(found, "length").verdict,
        null_checks.check_constant_texts(found).verdict,
    )
    monkeypatch.setitem(KINDS, "length", replace(KINDS["length"], fit=fit))

    assert honest == (OK, OK)
    assert null_checks.check_shuffled_labels(found, "length").verdict == WRONG
    assert null_checks.check_constant_texts(found).verdict == WRONG


def test_a_folder_is_named_by_its_last_part(project, tiny_bert):
    found = project("classification", model=tiny_bert, epochs=1)
    assert null_checks.check_shuffled_labels(found, tiny_bert).check == "shuffled labels, tiny-bert"


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize(
    ("task", "loss"),
    [("classification", name) for name in ("auto", "focal", "ordinal")]
    + [("multilabel", name) for name in ("auto", "focal")],
)
def test_theory_is_the_loss_of_equal_outputs(task, loss, weights, smoothing, project):
    dotted = {
        "train.loss": loss,
        "train.class_weights": weights,
        "train.label_smoothing": smoothing,
    }
    found = project(task, dotted)
    target = found.labels.encode(found.train["label"])[:31]
    zero = type("Outputs", (), {"logits": torch.zeros(31, 3)})
    expected = make_loss(found.labels, target, found.recipe.train)(zero, torch.as_tensor(target))
    with found.temporary_job() as job:
        value, _ = init_checks.expected_loss(job, target, target)

    # A focal loss scales the smoothed shares' parts by the same factor: all probabilities are 1/3.
    assert value == pytest.approx(float(expected), rel=1e-5)


def test_theory_has_its_closed_forms(project):
    with project().temporary_job() as job:
        assert init_checks.expected_loss(job, np.array([0, 1]), np.array([0, 1]))[0] == np.log(3)
    with project("multilabel").temporary_job() as job:
        some = np.array([[0, 1, 1]])
        assert init_checks.expected_loss(job, some, some)[0] == np.log(2)
    standard = np.array([-1.0, 1.0, -2.0, 2.0]) / np.sqrt(2.5)
    for loss, value in {"auto": 1.0, "mae": 1.5 / np.sqrt(2.5)}.items():
        with project("regression", {"train.loss": loss}).temporary_job() as job:
            assert init_checks.expected_loss(job, standard, standard)[0] == pytest.approx(value)


def test_a_scaled_loss_is_found(started, monkeypatch):
    start, job = started()
    assert init_checks.check_first_loss(start, job).verdict == OK

    def twice(*arguments: Any) -> Any:
        loss = make_loss(*arguments)
        return lambda *how: 2 * loss(*how)

    monkeypatch.setattr(init_checks, "make_loss", twice)
    assert init_checks.check_first_loss(start, job).verdict == WRONG


@pytest.mark.slow
def test_a_model_that_cannot_learn_is_found(project, monkeypatch):
    monkeypatch.setattr(overfit, "EPOCHS", (1, 2))
    found = project(lr=1e-9)
    rows = overfit.select_rows(found)
    judged = overfit.assess_overfit(found, *overfit.overfit_rows(found, rows))

    assert verdicts_by_check(judged) == {"rows overfitted": WRONG, "loss to 0": WRONG}


def test_sixteen_rows_are_even_over_labels_and_the_same_in_any_order(project):
    found = project()
    rows = overfit.select_rows(found)
    again = overfit.select_rows(replace(found, train=found.train.iloc[::-1]))

    assert rows["label"].value_counts().tolist() == [6, 5, 5]
    assert sorted(rows["id"]) == sorted(again["id"])


def test_a_range_test_is_read_where_it_was_made():
    rates = [10 ** (-7 + step / 20) for step in range(141)]
    place = np.log10(rates)
    losses = 2 - 1 / (1 + np.exp(-6 * (place + 4))) + np.exp(4 * (place + 1.5))
    result = lr_range_test.analyse_curve(rates, losses.tolist())

    # Smoothing over ten steps moves all by half a power of ten at most.
    assert 1e-4 < result.steepest < 10**-3.4
    assert 2e-4 < result.tenth < 1e-2
    assert result.diverged and 0.02 < result.diverged < 0.2
    assert lr_range_test.assess_lr(result, 2e-4).verdict == OK
    assert lr_range_test.assess_lr(result, 1e-7).verdict == LOOK
    assert lr_range_test.assess_lr(result, 0.5).verdict == WRONG


def test_a_flat_range_test_is_wrong():
    rates = [10 ** (-7 + step / 20) for step in range(141)]

    assert (
        lr_range_test.assess_lr(lr_range_test.analyse_curve(rates, [2.0] * 141), 1e-3).verdict
        == WRONG
    )


def test_smoothing_is_corrected_for_the_beginning():
    assert lr_range_test.smooth([1.0, 1.0]) == pytest.approx([1.0, 1.0])
    assert lr_range_test.smooth([1.0, 2.0])[1] == pytest.approx((0.09 + 0.2) / 0.19)
