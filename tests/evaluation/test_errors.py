"""Errors with their texts: losses, confusions and their words, suspected labels, by hand."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.evaluation.confusions import find_confusions
from foldline.evaluation.errors import (
    MAX_CHARACTERS,
    compute_losses,
    format_errors_report,
    make_errors_report,
)
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.regression_errors import find_step, report_bins, report_conversions
from foldline.evaluation.words import find_words, score_words
from tests.helpers.evaluation import NUMBERS, SEVERAL, TOPICS


def make_rows(labels: list[str], texts: list[str] | None = None) -> pd.DataFrame:
    ids = [f"r{i}" for i in range(len(labels))]
    texts = texts or [f"text {name}" for name in ids]
    return pd.DataFrame({"id": ids, "text": texts, "text_pair": "", "label": labels, "group": ids})


def report(labels: Labels, target: list[str], final: np.ndarray, texts: list[str] | None = None):
    rows = make_rows(target, texts)
    part = EvaluationSet(
        labels, labels.encode(rows["label"]), rows["group"].to_numpy(), final, {}, {}
    )
    folds = labels.table(final).assign(id=rows["id"], label=rows["label"], member="model", fold=0)
    parts = {"test": rows, "valid": rows.iloc[:1], "out_of_fold": rows}
    return make_errors_report(part, parts, "test", folds, 0.95)["errors"]


def test_the_rows_of_highest_loss_come_first_with_their_texts():
    final = np.array([[0.9, 0.1], [0.99, 0.01], [0.6, 0.4]])
    found = report(TOPICS, ["food", "sport", "sport"], final, ["x", "y" * 400, "z"])

    first, second, third = found["highest_loss"]
    assert [first["id"], second["id"], third["id"]] == ["r1", "r2", "r0"]
    assert first["loss"] == pytest.approx(-np.log(0.01))
    assert (first["predicted"], first["probability"]) == ("food", 0.99)
    assert len(first["text"]) == MAX_CHARACTERS
    assert found["confusions"] == [
        {"label": "sport", "predicted": "food", "rows": 2, "share": 1.0, "ids": ["r1", "r2"]}
    ]
    assert found["words"] == [], "two rows show nothing about words"


def test_losses_of_several_labels_are_summed_and_numbers_have_no_probability():
    losses = compute_losses("multilabel", np.array([[1, 0]]), np.array([[0.5, 0.2]]))
    assert losses == pytest.approx([-np.log(0.5) - np.log(0.8)])
    none, unknown = compute_losses("classification", np.array([0, -1]), np.array([[0.0, 1.0]] * 2))
    assert np.isfinite(none) and none == unknown, "a label that is no class has no probability"

    (row, _) = report(NUMBERS, ["1", "5"], np.array([1.5, 5.0]))["highest_loss"]
    assert (row["loss"], row["predicted"], row["probability"]) == (0.5, 1.5, None)


def test_a_label_of_several_is_missed_or_set_wrongly():
    target, decided = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[0, 0], [0, 1], [0, 1]])
    missed, extra = find_confusions(SEVERAL, target, decided)

    assert (missed.label, missed.predicted, missed.wrong.tolist()) == ("food", "", [1, 1, 0])
    assert (extra.label, extra.predicted, extra.of_label) == ("", "sport", 2)


def test_suspected_labels_are_of_rows_that_models_learn_and_noise_is_by_class():
    final = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
    found = report(TOPICS, ["food", "food", "sport", "sport", "sport"], final)

    (suspect,) = found["suspected_labels"]
    assert (suspect["id"], suspect["suggested"], suspect["part"]) == ("r4", "food", "train")
    assert suspect["self_confidence"] == pytest.approx(0.05)
    assert found["noise"][1] == {"class": "sport", "rows": 3, "suspected": 1, "share": 1 / 3}
    assert "1 suspected labels" in format_errors_report({"errors": found})[-1]


def test_words_of_a_confusion_are_found_and_duplicates_count_once():
    texts = [f"match n{i}" for i in range(30)] + [f"soup n{i}" for i in range(60)]
    target = np.zeros(90, dtype=int)
    decided = np.array([1] * 30 + [0] * 60)
    confusions = find_confusions(TOPICS, target, decided)
    apart = np.array([f"g{i}" for i in range(90)])

    (found,) = find_words(confusions, texts, apart, 0.95)
    assert (found["label"], found["predicted"]) == ("food", "sport")
    assert [(word["word"], word["rows"]) for word in found["words"]] == [("match", 30)]
    copies = np.array(["g0"] * 30 + [f"g{i}" for i in range(60)])
    assert find_words(confusions, texts, copies, 0.95) == [], "thirty copies are one text"


def test_the_score_of_a_word_is_the_log_odds_with_the_prior_of_all_rows():
    wrong, right, background = np.array([8, 2]), np.array([5, 15]), np.array([20, 30])
    prior = 500 * background / 50

    def log_odds(counts):
        own = counts + prior
        return np.log(own / (counts.sum() + 500 - own))

    spread = np.sqrt(1 / (wrong + prior) + 1 / (right + prior))
    expected = (log_odds(wrong) - log_odds(right)) / spread
    assert score_words(wrong, right, background) == pytest.approx(expected)


@pytest.mark.slow
def test_words_without_a_relation_are_rarely_claimed():
    rng, claimed = np.random.default_rng(0), 0
    words = np.array([f"w{i}" for i in range(200)])
    shares = 1 / np.arange(1, 201)
    for _ in range(100):
        texts = [" ".join(rng.choice(words, 8, p=shares / shares.sum())) for _ in range(300)]
        decided = (rng.random(300) < 0.2).astype(int)
        confusions = find_confusions(TOPICS, np.zeros(300, dtype=int), decided)
        claimed += bool(find_words(confusions, texts, np.arange(300).astype(str), 0.95))

    assert claimed <= 10, "5 are expected at most"


def test_residuals_by_the_size_of_the_target():
    target = np.arange(40.0)
    final = target + np.where(target < 20, 1.0, -2.0)
    low, high = report_bins(target, final)

    assert (low["low"], low["high"], low["rows"]) == (0, 19, 20)
    assert (low["bias"], high["bias"], high["mae"]) == (1, -2, 2)


def test_what_clipping_and_rounding_would_change():
    target, learnt = np.array([0.0, 2.0, 5.0]), np.array([0.0, 0.5, 5.0])
    found = report_conversions(target, np.array([-1.0, 2.1, 5.0]), learnt)["conversions"]

    assert found["as_predicted"]["mae"] == pytest.approx(1.1 / 3)
    assert found["clipped"]["rows"] == 1 and found["clipped"]["mae"] == pytest.approx(0.1 / 3)
    assert (found["rounded"]["step"], found["rounded"]["rows"]) == (0.5, 1)
    assert find_step(np.array([0.0, 0.123])) is None
