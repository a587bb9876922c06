"""Which epoch of a training is kept, and what is said of it."""

import pytest

from foldline.models.training_history import best_epoch, evaluated_epochs, format_summary

LOSSES, SCORES = [0.9, 0.7, 0.7, 1.2], [0.5, 0.6, 0.65, 0.65]
HISTORY = [
    row
    for epoch, (loss, score) in enumerate(zip(LOSSES, SCORES, strict=True), 1)
    for row in (
        {"step": 2 * epoch - 1, "loss": 1.0},
        {"step": 2 * epoch, "loss": 1.0, "valid_loss": loss, "valid_metric": score},
    )
]


def test_the_first_of_equal_epochs_is_kept():
    assert [row["step"] for row in evaluated_epochs(HISTORY)] == [2, 4, 6, 8]
    assert best_epoch(HISTORY, "loss") == 1
    assert best_epoch(HISTORY, "f1_macro") == 2
    assert best_epoch(HISTORY[::2], "loss") is None  # no validation rows


def test_what_stopped_and_what_another_metric_would_keep_is_said(recipe):
    options = recipe({"train.metric": "loss", "train.patience": 2}).train
    first, second, third = format_summary(HISTORY, options, "classification", 10)
    assert first == "epoch 2 is kept: validation loss 0.7, f1_macro 0.6000"
    assert second.startswith("training ended after epoch 4 of 10: the last 2 were no better")
    assert "highest after epoch 3, 0.6500: train.metric=f1_macro would keep" in third


@pytest.mark.parametrize(("metric", "task"), [("f1_macro", "multilabel"), ("accuracy", "x")])
def test_a_whole_training_by_the_metric_itself_has_one_line(metric, task, recipe):
    options = recipe({"train.metric": metric}).train
    assert format_summary(HISTORY, options, task, 4) == [
        f"epoch 3 is kept: validation loss 0.7, {metric} 0.6500"
    ]
    assert format_summary(HISTORY[::2], options, task, 4) == []


@pytest.mark.parametrize(
    ("task", "name"), [("classification", "f1_macro"), ("regression", "pearson")]
)
def test_the_metric_of_the_task_is_told_where_the_loss_decides(task, name, fit, rows, recipe):
    table = rows(task)
    options = {"train.metric": "loss", "train.patience": 9}
    found = fit("scratch", table.iloc[:28], table.iloc[28:], task, epochs=3, dotted=options)
    judged = evaluated_epochs(found.history)
    best = best_epoch(found.history, "loss")
    assert best is not None
    assert [set(row) >= {"valid_loss", "valid_metric"} for row in judged] == [True] * 3
    assert name in format_summary(found.history, recipe(options).train, task, 3)[0]
    assert found.summary["best_valid_loss"] == judged[best]["valid_loss"]
