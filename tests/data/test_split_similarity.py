"""Similarity of parts: found where it is, not where only chance or a group speaks."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.seeds import derive_seed
from foldline.data import split_similarity
from foldline.data.split_similarity import (
    compare_parts,
    ks_distance,
    label_distance,
    similarity_notes,
    unseen_token_share,
)

WORDS = [f"word{n}" for n in range(60)]


def random_parts(count: int = 120, seed: int = 1, own: str = "", group: int = 1) -> pd.DataFrame:
    """Return rows of three parts with random words; `own` stands in half of the test rows.

    Groups are `group` rows of one part, with a word of their own.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for part in ("train", "valid", "test"):
        for n in range(count):
            words = [str(word) for word in rng.choice(WORDS, 6)]
            name = f"{part}{n // group}"
            words += [_random_word(name)] * 3 if group > 1 else []
            words += [own] if own and part == "test" and n % 2 else []
            rows.append((f"{part}-{n:04}", part, " ".join(words), "", "ab"[n % 2], name))
    return pd.DataFrame(rows, columns=["id", "part", "text", "text_pair", "label", "group"])


def _random_word(name: str) -> str:
    """Return a word of six letters that says nothing of the part."""
    letters = np.random.default_rng(derive_seed(1, name)).integers(97, 123, 6)
    return "".join(map(chr, letters))


@cache
def compare_random_parts(own: str = "", group: int = 1) -> dict[str, dict[str, object]]:
    return compare_parts(random_parts(own=own, group=group), "classification", True, 1)


def test_a_shifted_test_part_is_found_with_what_gives_it_away():
    found = compare_random_parts(own="#new")

    for name in ("train_test", "valid_test"):
        assert found[name]["auc"] > 0.65
        assert found[name]["p"] == 1 / 200
        assert found[name]["z"] > 4
        first = found[name]["tokens"][0]
        assert (first["token"], first["more_in"]) in {("new", "test"), ("#", "test")}
        assert first["shares"] == [0.0, 0.5]
    train, valid = similarity_notes(found)
    assert train.startswith(
        "train is not representative of test: a classifier separates their texts"
    )
    assert valid.startswith("valid is not representative of test")
    assert "'new'" in train


def test_parts_of_one_kind_are_not_reported_apart():
    found = compare_random_parts()

    for pair in found.values():
        assert abs(pair["auc"] - 0.5) < 0.1
        assert pair["p"] > 0.01
    assert similarity_notes(found) == []


@pytest.mark.slow
def test_groups_do_not_fool_the_classifier():
    """Each group has a word of its own: known in both halves of a torn group, and only there."""
    kept = compare_random_parts(group=4)
    torn = compare_parts(
        random_parts(group=4).assign(group=lambda rows: rows["id"]), "classification", True, 1
    )

    assert torn["train_test"]["auc"] > 0.9
    assert abs(kept["train_test"]["auc"] - 0.5) < 0.12
    assert similarity_notes(kept) == []


def test_duplicates_in_both_parts_are_no_difference():
    rows = random_parts(60)
    test = rows["part"] == "test"
    rows.loc[test, ["text", "group"]] = rows.loc[rows["part"] == "train", ["text", "group"]].values

    found = compare_parts(rows, "classification", True, 1)["train_test"]

    assert found["auc"] < 0.6
    assert found["p"] > 0.01


def test_the_order_of_rows_changes_nothing():
    rows = random_parts(40)

    once = compare_parts(rows, "classification", True, 1)

    assert once == compare_parts(rows.sample(frac=1, random_state=3), "classification", True, 1)


def test_large_parts_are_drawn_by_id_and_small_ones_are_not_reported_apart(monkeypatch):
    monkeypatch.setattr(split_similarity, "MAX_ROWS", 50)

    assert compare_parts(random_parts(60), "classification", False, 1)["train_test"]["rows"] == [
        50,
        50,
    ]
    assert "auc" not in compare_parts(random_parts(20), "classification", True, 1)["train_test"]
    assert "auc" not in compare_parts(random_parts(60), "classification", False, 1)["train_test"]


@pytest.mark.parametrize("form", ["x{}y{}", "word", "character"])
def test_texts_that_share_no_word_are_compared_all_the_same(form):
    rows = random_parts(40)
    rows["text"] = [
        chr(0xAC00 + n) if form == "character" else form.format(n, n) for n in range(len(rows))
    ]

    assert 0 <= compare_parts(rows, "classification", True, 1)["train_test"]["auc"] <= 1


@pytest.mark.parametrize(
    ("auc", "p", "noted"),
    [
        (0.7, 0.005, True),
        (0.3, 0.005, True),
        (0.55, 0.005, False),
        (0.7, 0.2, False),
        (0.3, 0.2, False),
    ],
)
def test_a_warning_needs_a_difference_that_matters_and_is_no_chance(auc, p, noted):
    pair = {"auc": auc, "p": p, "tokens": []}

    assert bool(similarity_notes({"valid_test": pair})) is noted


def test_an_absent_part_is_not_compared():
    rows = random_parts(40)

    assert set(compare_parts(rows[rows["part"] != "valid"], "classification", False, 1)) == {
        "train_test"
    }


# --- distances ----------------------------------------------------------------------------------


def test_class_shares_are_compared():
    found = label_distance(pd.Series(list("aabb")), pd.Series(list("abbc")), "classification")

    # Shares .5 .5 0 against .25 .5 .25.
    assert found == {
        "total_variation": 0.25,
        "largest": {"class": "a", "shares": [0.5, 0.25]},
    }


def test_numbers_are_compared_in_standard_deviations_of_the_first():
    first, second = pd.Series(["0", "2"] * 10), pd.Series(["3", "5"] * 10)

    found = label_distance(first, second, "regression")

    assert found == {"ks": 1.0, "wasserstein": pytest.approx(3.0)}


def test_distance_of_lengths_is_the_largest_gap_of_their_distributions():
    # Up to 3: all of the first, a quarter of the second.
    assert ks_distance(np.array([1.0, 3.0]), np.array([2.0, 5.0, 5.0, 9.0])) == 0.75


def test_unseen_tokens_are_counted_by_occurrence():
    assert unseen_token_share(["Good film", "bad"], ["GOOD new new", "bad!"]) == 0.5
    assert unseen_token_share(["a"], [""]) == 0.0
