"""Model soups: the greedy choice, the mean of the weights, what is resumed and refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foldline.core.io.files import digest
from foldline.models import registry
from foldline.models.interface import FitResult, Job
from foldline.models.neural.soup import average_weights, choose_ingredients, make_jobs
from foldline.models.training_history import format_summary
from tests.helpers.killed_training import kill_after_saves
from tests.helpers.marks import mark_slow_except

SOUP: dict[str, Any] = {
    "train.soup": 3,
    "train.soup_lr_spread": 1.2,
    "train.metric": "accuracy",
}
HOW: dict[str, Any] = {"epochs": 3, "lr": 2e-2}
# Of so few rows two models often have the same score, and their mean has it, too.
HELD = 4


def test_the_greedy_choice_by_hand() -> None:
    """2 is best; 0 raises the score, 3 lowers it, 1 leaves it as it is."""
    means = {(2, 0): 0.9, (2, 0, 3): 0.8, (2, 0, 1): 0.9}
    asked: list[tuple[int, ...]] = []

    def score_mean(numbers: Any) -> float:
        asked.append(tuple(numbers))
        return means[tuple(numbers)]

    assert choose_ingredients([0.6, 0.3, 0.7, 0.5], score_mean) == ([2, 0, 1], 0.9)
    assert asked == [(2, 0), (2, 0, 3), (2, 0, 1)]


def test_the_mean_of_weights_by_hand() -> None:
    states = [{"w": torch.tensor([float(n), 4.0]), "ids": torch.tensor([n])} for n in (1, 2, 6)]
    found = average_weights(states)
    assert found["w"].tolist() == [3.0, 4.0]
    assert found["ids"].tolist() == [1]
    assert states[0]["w"].tolist() == [1.0, 4.0]


def test_ingredients_differ_in_seed_and_learning_rate(recipe, rows, labels, tmp_path) -> None:
    none = rows().iloc[:0]
    own = recipe({"train.soup": 3, "train.soup_lr_spread": 4.0}, lr=1e-3)
    jobs = make_jobs(Job(rows(), none, labels("classification"), own, tmp_path, sample_ids=("a",)))
    assert [job.recipe.lr for job in jobs] == pytest.approx([2.5e-4, 1e-3, 4e-3])
    assert jobs[0].recipe.seed == 7
    assert len({job.recipe.seed for job in jobs}) == len({j.checkpoint_folder for j in jobs}) == 3
    assert [job.sample_ids for job in jobs] == [("a",), (), ()]
    four = recipe({"train.soup": 4}, lr=1e-3)  # more ingredients leave the others as they are
    more = make_jobs(Job(rows(), none, labels("classification"), four, tmp_path))
    assert [job.recipe.seed for job in more[:3]] == [job.recipe.seed for job in jobs]
    assert {job.recipe.lr for job in more} == {1e-3}


@pytest.fixture(scope="module")
def job(rows) -> tuple[Any, ...]:
    table = rows()
    return "pretrained", table.iloc[:28], table.iloc[28 : 28 + HELD], "classification"


@pytest.fixture(scope="module")
def whole_run(fit, job) -> FitResult:
    return fit(*job, dotted=SOUP, **HOW)


def test_the_first_ingredient_is_the_plain_training(whole_run, fit, job) -> None:
    plain = fit(*job, dotted={"train.metric": "accuracy"}, **HOW | {"lr": 2e-2 * 1.2**-1.0})
    assert whole_run.history == plain.history
    assert whole_run.summary["soup_0_valid_accuracy"] == plain.summary["best_valid_accuracy"]


def test_the_summary_says_what_entered_and_its_score(whole_run, job, labels, recipe) -> None:
    summary, held = whole_run.summary, job[2]
    entered = [summary[f"soup_{number}_entered"] for number in range(3)]
    scores = [summary[f"soup_{number}_valid_accuracy"] for number in range(3)]
    target = labels("classification").encode(held["label"])
    accuracy = (whole_run.model.predict(held).argmax(axis=1) == target).mean()
    assert summary["soup_models"] == sum(entered) >= 1
    assert entered[int(np.argmax(scores))] == 1
    assert summary["soup_valid_accuracy"] == pytest.approx(accuracy)
    assert summary["soup_valid_accuracy"] >= max(scores)
    rates = [summary[f"soup_{number}_lr"] for number in range(3)]
    assert rates == pytest.approx([2e-2 / 1.2, 2e-2, 2e-2 * 1.2])
    options = recipe(SOUP).train
    (first, second, *_) = format_summary(whole_run.history, options, "classification", 3)
    assert "first of 3 models" in first and "is kept" in second


@pytest.mark.parametrize("task", mark_slow_except(["classification", "regression"], ["regression"]))
def test_without_validation_rows_all_enter(task, fit, rows, tmp_path, monkeypatch) -> None:
    from foldline.models.neural import soup

    table, parts = rows(task), {}
    write = soup._write_ingredient

    def keep(file: Path, result: Any, model: Any) -> None:
        write(file, result, model)
        parts[file.stem] = soup._read_ingredient(file)[0]

    monkeypatch.setattr(soup, "_write_ingredient", keep)
    dotted = SOUP | {"train.metric": "loss"}
    found = fit("pretrained", table, table.iloc[:0], task, dotted=dotted, epochs=1)
    mean = average_weights(parts.values())
    weights = found.model.model.state_dict()
    assert found.summary["soup_models"] == len(parts) == 3
    assert not any(name.startswith("soup_valid") for name in found.summary)
    for name, value in mean.items():
        if not (task == "regression" and name.startswith("classifier")):  # in the label's units
            torch.testing.assert_close(weights[name].double(), value, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("saves", mark_slow_except([1, 3, 4, 7], [4]))
def test_a_killed_training_goes_on_with_its_ingredient(
    saves, whole_run, fit, job, labels, tmp_path, monkeypatch
) -> None:
    """Of three epochs each: 3 and 4 are the end of the first one, and the first of the second."""
    with kill_after_saves(saves, monkeypatch):
        fit(*job, scratch=tmp_path / "c", dotted=SOUP, **HOW)
    finished = [file.stem for file in sorted((tmp_path / "c").glob("*.pt"))]
    assert finished == [f"soup-{number}" for number in range((saves - 1) // 3)]
    again = fit(*job, scratch=tmp_path / "c", dotted=SOUP, **HOW)
    for name, fitted in (("one", whole_run), ("other", again)):
        registry.save(fitted.model, "m", labels("classification"), tmp_path / name)
    assert again.history == whole_run.history
    assert again.summary == whole_run.summary
    assert digest(tmp_path / "one") == digest(tmp_path / "other")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"train.lora": 2, "train.metric": "loss"},
        {"train.trainable_layers": "head"},
        {"pretrain.epochs": 1, "train.layer_decay": 0.8},
    ],
    ids=["lora", "head", "pre-training"],
)
def test_works_with_other_options(options, fit, rows) -> None:
    table = rows()
    found = fit(
        "pretrained", table.iloc[:28], table.iloc[28:], "classification",
        dotted=SOUP | options, epochs=2,
    )  # fmt: skip
    metric = options.get("train.metric", "accuracy")
    scores = [found.summary[f"soup_{number}_valid_{metric}"] for number in range(3)]
    best = min(scores) if metric == "loss" else max(scores)
    assert np.isfinite(found.model.predict(table)).all()
    gain = found.summary[f"soup_valid_{metric}"] - best
    assert gain <= 0 if metric == "loss" else gain >= 0


@pytest.mark.slow
def test_two_processes_make_one_soup(fit, job) -> None:
    two = {"train.distributed": {"processes": 2, "strategy": "ddp"}}
    found = fit(*job, dotted=SOUP | two, **HOW)
    again = fit(*job, dotted=SOUP | two, **HOW)
    assert np.array_equal(found.model.predict(job[1]), again.model.predict(job[1]))
    assert found.summary == again.summary
    scores = [found.summary[f"soup_{number}_valid_accuracy"] for number in range(3)]
    assert found.summary["soup_valid_accuracy"] >= max(scores)
