"""Samples: validation rows that are predicted after each epoch."""

from typing import Any

import numpy as np
import pytest

from foldline.core.io.labels import Labels
from foldline.models import sample_predictions
from tests.helpers.killed_training import kill_after_saves
from tests.helpers.marks import mark_slow_except


def test_samples_are_drawn_by_id_whatever_the_order():
    ids = [f"r{n}" for n in range(100)]

    assert sample_predictions.select_ids(ids, 7) == sample_predictions.select_ids(ids[::-1], 7)
    assert sample_predictions.select_ids(ids, 7) != sample_predictions.select_ids(ids, 8)
    assert len(sample_predictions.select_ids(ids, 7)) == sample_predictions.COUNT
    assert set(sample_predictions.select_ids(ids[:3], 7)) == set(ids[:3])


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("average", mark_slow_except([0.0, 0.5], [0.5]))
def test_the_last_samples_are_the_models_own_predictions(task, average, fit, rows):
    """Of one epoch the model that is left is the one that was sampled."""
    table = rows(task)
    train, valid = table.iloc[:28], table.iloc[28:]
    shown = sample_predictions.select_ids(valid["id"].tolist(), 7)

    how: dict[str, Any] = {"epochs": 1, "sample_ids": shown, "dotted": {"train.ema": average}}
    found = fit("scratch", train, valid, task, **how)

    assert list(found.samples) == [1]
    own = found.model.predict(sample_predictions.select_rows(valid, shown))
    np.testing.assert_allclose(found.samples[1], own, rtol=1e-4, atol=1e-5)


def test_samples_of_a_transformed_target_are_in_its_units(fit, rows):
    table = rows("regression")
    train, valid = table.iloc[:28], table.iloc[28:]
    how: dict[str, Any] = {"epochs": 1, "dotted": {"target.transform": "log"}}

    found = fit("scratch", train, valid, "regression", sample_ids=tuple(valid["id"]), **how)

    np.testing.assert_allclose(found.samples[1], found.model.predict(valid), rtol=1e-4)


@pytest.mark.slow
def test_showing_samples_changes_nothing(fit, parts):
    plain, shown = (
        fit("scratch", *parts, "classification", epochs=3, sample_ids=ids)
        for ids in ((), tuple(parts[1]["id"]))
    )

    assert plain.history == shown.history
    assert sorted(shown.samples) == [1, 2, 3]
    np.testing.assert_array_equal(plain.model.predict(parts[1]), shown.model.predict(parts[1]))


@pytest.mark.slow
def test_a_killed_training_has_the_samples_of_all_epochs(fit, parts, tmp_path, monkeypatch):
    how: dict[str, Any] = {"epochs": 4, "sample_ids": tuple(parts[1]["id"])}
    whole = fit("scratch", *parts, "classification", **how)
    with kill_after_saves(2, monkeypatch):
        fit("scratch", *parts, "classification", scratch=tmp_path, **how)

    again = fit("scratch", *parts, "classification", scratch=tmp_path, **how)

    assert sorted(again.samples) == sorted(whole.samples) == [1, 2, 3, 4]
    for epoch, values in whole.samples.items():
        np.testing.assert_array_equal(again.samples[epoch], values)


def test_a_kind_without_epochs_has_a_line_a_row(fit, parts):
    labels = Labels("classification", tuple(sorted(set(parts[0]["label"]))))
    ids = tuple(parts[1]["id"][:3])

    fitted = fit("majority", *parts, "classification")
    final = fitted.model.predict(parts[1])

    table = sample_predictions.build_table(fitted.samples, final, parts[1], ids, labels)

    assert table["id"].tolist() == list(ids)
    assert set(table["epoch"]) == {""}
    assert table["label"].tolist() == parts[1]["label"][:3].tolist()


def test_without_validation_rows_there_is_a_header_alone(parts, tmp_path):
    labels = Labels("classification", ("a", "b"))
    final = np.empty((0, 2))
    table = sample_predictions.build_table({}, final, parts[1].iloc[:0], (), labels)

    sample_predictions.write_samples(table, tmp_path / "s.csv")

    assert (tmp_path / "s.csv").read_text() == "epoch,id,label,predicted,probability\n"
