"""Bounds of a score, and baselines of one sentence: who sees which labels and texts."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.ensembling.baselines import list_baselines, make_baseline_recipes, select_texts
from foldline.evaluation.bounds import Bound, convert_labels, find_copied_labels, predict_copies
from foldline.evaluation.comparison import list_others
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.report import format_summary
from foldline.evaluation.scores import score
from foldline.models.target_transform import fit_target_transform

TOPICS = Labels("classification", ("food", "sport"))


def make_rows(names: str, labels: list[str], groups: list[str], pair: str = "") -> pd.DataFrame:
    texts = [f"text of {group or name}" for name, group in zip(names, groups, strict=True)]
    table = pd.DataFrame({"id": list(names), "text": texts, "label": labels, "dup_group": groups})
    return table.assign(text_pair=pair)


def test_a_copy_says_what_most_of_the_copies_in_train_say():
    prepared = make_rows(
        "abcdxyz",
        ["food", "sport", "sport", "food", "food", "food", "sport"],
        ["g", "g", "g", "h", "g", "h", ""],
    )
    learnt, judged = prepared.iloc[:4], prepared.iloc[4:]

    copies = find_copied_labels("classification", prepared, judged, learnt)
    own = predict_copies(TOPICS, judged, copies, np.full((3, 2), 0.5))

    assert copies == {"x": "sport", "y": "food"}, "z has no copy"
    assert own.tolist() == [[0, 1], [1, 0], [0.5, 0.5]]
    assert find_copied_labels("classification", prepared, judged, learnt.iloc[:0]) == {}


def test_a_tie_of_copies_goes_to_the_first_label_and_numbers_are_averaged():
    prepared = make_rows("abx", ["2", "1", "9"], ["g", "g", "g"])
    learnt, judged = prepared.iloc[:2], prepared.iloc[2:]

    assert find_copied_labels("classification", prepared, judged, learnt) == {"x": "1"}
    assert find_copied_labels("regression", prepared, judged, learnt) == {"x": "1.5"}


def test_pairs_that_share_one_text_are_no_copies():
    prepared = make_rows("ax", ["food", "food"], ["g", "g"], pair="same")
    prepared.loc[1, "text_pair"] = "another"

    assert find_copied_labels("classification", prepared, prepared[1:], prepared[:1]) == {}


def test_the_oracle_is_as_good_as_labels_can_be_written():
    target = np.array([0.5, 1.0, 4.0, 60.0, -3.0])
    transform = fit_target_transform("log", np.array([0.0, 1.0, 2.0, 10.0]))

    # The range of training targets is 0 to 10; a prediction goes a tenth beyond, log ends at -1.
    assert convert_labels(Labels("regression"), target) == pytest.approx(target)
    found = convert_labels(Labels("regression"), target, transform)
    assert found == pytest.approx([0.5, 1.0, 4.0, 11.0, 0.0])
    assert convert_labels(TOPICS, np.array([1, 0])).tolist() == [[0, 1], [1, 0]]


def test_bounds_are_scored_but_are_no_contestants():
    target = np.array([0, 1] * 20)
    final = np.eye(2)[target] * 0.8 + 0.1
    final[:4] = final[:4, ::-1]
    bounds = {"oracle": Bound(np.eye(2)[target], 40), "leak": Bound(final, 3)}
    part = EvaluationSet(TOPICS, target, np.arange(40).astype(str), final, {}, {}, bounds=bounds)

    found = score(part, 100, 0.95, 0)
    lines = format_summary("classification", {"test": found}, "test", 0.95)

    assert found["baselines"]["oracle"]["f1_macro"] == 1.0
    assert found["baselines"]["leak"] == found["baselines"]["leak"] | {"bound": True, "rows": 3}
    assert list_others(part)["baseline"] == {}, "no verdict"
    assert any(line.startswith("bound leak (3 rows)") for line in lines)
    assert not any("higher than the ensemble" in line for line in lines)


def test_the_second_text_alone_is_a_baseline_of_pairs(recipe):
    made = recipe(model="scratch")
    rows = pd.DataFrame({"id": ["a"], "text": ["one"], "text_pair": ["two"]})

    assert "second-text" not in list_baselines(made, pairs=False)
    assert make_baseline_recipes(made, pairs=True)["second-text"].model == "tfidf"
    seen = select_texts("second-text", rows)
    assert seen[["text", "text_pair"]].values.tolist() == [["two", ""]]
    assert select_texts("tfidf", rows) is rows
