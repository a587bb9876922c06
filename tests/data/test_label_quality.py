"""What gives labels away is reported, a clean set is left in peace, and test labels stay unread."""

import json

import numpy as np
import pandas as pd
import pytest

from foldline.data.label_quality import distinct_rows
from foldline.data.shortcuts import find_shortcuts, surface_features
from tests.helpers.label_quality_data import append_to_texts, check_quality, random_rows
from tests.helpers.marks import mark_slow_except


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_clean_set_has_no_note(task, pairs):
    found = check_quality(random_rows(pairs=pairs), task)

    assert found.notes == []
    assert found.metrics["given_away"] == found.metrics["later_rows"] == 0
    assert found.metrics["shortcut"] < 0.2
    assert found.details["rows"] == 400
    assert len(found.metrics) == 3


@pytest.mark.slow
@pytest.mark.parametrize("role", mark_slow_except(["text", "text_pair"], ["text"]))
def test_a_planted_label_is_reported(role):
    rows = append_to_texts(random_rows(pairs=True), role, lambda label: f"label={label}")

    found = check_quality(rows)

    assert any("the texts contain the label itself: 100 % of 0" in n for n in found.notes)
    assert any("words that nearly determine the label are in 100 %" in n for n in found.notes)
    assert found.metrics["given_away"] == 1.0
    assert {e["column"] for e in found.details["labels"]["gives_away"]} == {role}


def test_a_tag_of_one_rare_class_is_reported():
    rows = random_rows(n=600)
    rows["label"] = ["rare" if i < 30 else "often" for i in range(600)]
    rows = append_to_texts(rows, "text", lambda label: "출처:신문" if label == "rare" else "")

    found = check_quality(rows)

    (note,) = [note for note in found.notes if "nearly determine" in note]
    assert "'출처 : 신문'" not in note
    assert "(100 % of rare)" in note
    assert found.metrics["given_away"] == 0.05


def test_a_topic_word_is_no_note_but_stands_in_the_details():
    rows = random_rows(n=1200, classes=12)
    some = (rows["label"] == "3") & (rows.index % 24 == 3)  # half of one class of twelve
    rows.loc[some, "text"] += " visa"

    found = check_quality(rows)

    assert found.notes == []
    (entry,) = [e for e in found.details["labels"]["gives_away"] if e["ngram"] == "visa"]
    assert (entry["label"], entry["precision"], entry["coverage"]) == ("3", 1.0, 0.5)


def test_a_number_in_its_text_is_reported():
    rows = append_to_texts(random_rows(classes=50), "text", lambda label: f"별점 {label}점")

    found = check_quality(rows, "regression")

    assert any("the texts contain the label itself: 100 % of all" in n for n in found.notes)


def test_a_word_that_stands_beside_one_number_is_reported():
    rows = append_to_texts(random_rows(), "text", lambda label: "최고점수" if label == "3" else "")

    (note,) = [n for n in check_quality(rows, "regression").notes if "nearly determine" in n]

    assert note.startswith("words that nearly determine the label are in 25 % of the texts: ")
    assert "(100 texts: 3)" in note


def test_lengths_that_tell_the_class_are_reported():
    rows = append_to_texts(
        random_rows(classes=2), "text", lambda label: "the film " * 4 * int(label)
    )

    found = check_quality(rows)

    (note,) = found.notes
    assert note.startswith("length, punctuation, digits and capitals alone predict the class:")
    assert "by chance 0.50" in note
    assert found.details["shortcuts"]["length"]["clear"]
    assert found.metrics["shortcut"] > 0.8


def test_lengths_that_tell_a_number_are_reported():
    rows = append_to_texts(random_rows(classes=6), "text", lambda label: "the film " * int(label))

    (note,) = [n for n in check_quality(rows, "regression").notes if n.startswith("length")]

    assert "Pearson's r 0.9" in note
    assert "by chance 0.00" in note


@pytest.mark.slow
def test_a_second_text_that_tells_the_class_is_reported():
    rows = random_rows(n=600, classes=3, pairs=True)
    hints = [["아무도", "nobody"], ["아마", "maybe"], ["누군가", "outdoors"]]
    rng = np.random.default_rng(3)
    # Two hints a class, in three of five texts: no one word covers its class.
    rows["text_pair"] = [
        f"{text} {rng.choice(hints[int(label)])}" if rng.random() < 0.6 else text
        for text, label in zip(rows["text_pair"], rows["label"], strict=True)
    ]

    found = check_quality(rows)

    assert any(
        n.startswith("the second text of a pair alone predicts the class") for n in found.notes
    )
    assert not any(n.startswith("the first text") for n in found.notes)
    shortcuts = found.details["shortcuts"]
    assert shortcuts["second"]["score"] > 0.6
    assert not shortcuts["first"]["clear"]


def test_duplicates_count_once():
    rows = random_rows(n=200, classes=2)
    copies = pd.concat([rows.iloc[:1]] * 150, ignore_index=True)
    copies["id"] = [f"copy{i}" for i in range(150)]
    copies["text"] = "같은 광고 문자 http : link"  # one text, 150 times, all of class 0

    found = check_quality(pd.concat([rows, copies], ignore_index=True))

    assert found.details["rows"] == 200
    assert found.notes == []


def test_a_class_of_one_text_again_and_again_is_noted():
    rows = random_rows(n=200, classes=2)
    rows.loc[:19, ["label", "dup_group"]] = ["다른 것", "r0"]

    assert check_quality(rows).notes == [
        "classes with fewer than 10 distinct texts: 다른 것 (1 in 20 rows)"
    ]


def test_duplicates_of_other_labels_are_both_looked_at():
    rows = random_rows(n=10, classes=2)
    rows["dup_group"] = "r0"

    assert sorted(distinct_rows(rows, 0)["label"]) == ["0", "1"]


@pytest.mark.slow
def test_findings_hang_on_neither_order_nor_test_rows():
    rows = append_to_texts(random_rows(n=300, pairs=True), "text", lambda label: f"답={label}")
    official = random_rows(n=100, seed=5, pairs=True).assign(part="test")
    official["id"] = "test-" + official["id"]
    official["dup_group"] = official["id"]
    mixed = pd.concat([rows, official]).sample(frac=1, random_state=1)

    one, two = check_quality(rows), check_quality(mixed)

    assert json.dumps(one.details) == json.dumps(two.details)
    assert one == two
    relabelled = mixed.assign(label=mixed["label"].where(mixed["part"] != "test", "0"))
    assert check_quality(relabelled) == one


def test_official_validation_rows_are_looked_at():
    rows = random_rows(n=200)
    valid = random_rows(n=200, seed=1).assign(part="valid")
    valid["id"] = valid["dup_group"] = "v" + valid["id"]

    assert check_quality(pd.concat([rows, valid], ignore_index=True)).details["rows"] == 400


def test_rows_without_a_group_are_no_duplicates_of_one_another():
    assert check_quality(random_rows(n=200).assign(dup_group="")) == check_quality(
        random_rows(n=200)
    )


def test_of_few_rows_nothing_is_said():
    found = check_quality(
        append_to_texts(random_rows(n=99), "text", lambda label: f"label={label}")
    )

    assert found.notes == []
    assert found.details["labels"] == found.details["shortcuts"] == {}


def test_a_class_that_a_fold_lacks_is_no_trouble():
    rows = random_rows(n=150, classes=2, pairs=True)
    rows["label"] = ["a", *["b"] * 149]

    assert check_quality(rows).details["shortcuts"]["second"]["chance"] == 0.5


def test_pairs_that_share_a_sentence_are_all_looked_at():
    rows = random_rows(n=300, classes=3, pairs=True).assign(dup_group="r0", text="같은 문장 하나")

    found = check_quality(rows)

    assert found.details["rows"] == 300
    assert found.details["shortcuts"] == {}, "one group cannot be shared between folds"


def test_ids_that_count_with_the_labels_are_no_shortcut():
    rows = random_rows(n=300, classes=3, pairs=True)

    assert find_shortcuts(rows, "classification", 0)["second"].score > 0.2


def test_of_classes_with_a_row_each_nothing_is_scored():
    rows = random_rows(n=150, pairs=True)

    assert check_quality(rows.assign(label=rows["id"])).details["shortcuts"] == {}


def test_very_long_texts_are_sampled():
    rows = random_rows(n=200)
    rows["text"] = "word " * 1000

    assert len(distinct_rows(rows, 0)) == 200
    many = pd.concat([rows] * 30, ignore_index=True)
    many["id"] = many["dup_group"] = [f"m{i}" for i in range(len(many))]
    assert len(distinct_rows(many, 0)) == 5000, "10 million characters, 2,000 of each text"


def test_shapes_are_lengths_and_shares():
    rows = pd.DataFrame({"text": ["AB 12!!?", ""], "text_pair": ["한글", "x"]})

    assert surface_features(rows, pairs=False).tolist() == [
        [8, 2, pytest.approx(3 / 9), pytest.approx(2 / 9), pytest.approx(2 / 9)],
        [0, 0, 0, 0, 0],
    ]
    assert surface_features(rows, pairs=True).shape == (2, 10)


def test_a_shortcut_is_held_against_permuted_labels():
    found = find_shortcuts(random_rows(n=300, classes=3), "classification", 0)["length"]

    assert found.chance == pytest.approx(1 / 3)
    assert found.p > 0.01
    assert not found.clear


@pytest.mark.slow
def test_two_hundred_thousand_rows_take_no_more_than_seconds():
    import time

    start = time.process_time()
    found = check_quality(random_rows(n=200_000, classes=5))

    assert found.details["rows"] == 50_000
    assert time.process_time() - start < 30
