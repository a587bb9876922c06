"""Quality filters: cases by hand, and that no held-out row has an influence."""

import numpy as np
import pandas as pd
import pytest

from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.quality_filters import (
    FILTERS,
    CopyFilter,
    find_near_copies,
    score_agreement,
)
from foldline.data import duplicates
from foldline.data.leaks import text_digest
from foldline.ensembling.folds import Fold, split_training_rows
from tests.helpers.marks import mark_slow_except

UNDERSAMPLERS = ("random", "nearmiss1", "nearmiss2", "nearmiss3", "tomek", "enn", "ncr")


def pairs(*texts: str) -> pd.DataFrame:
    """Make rows of texts, each of which may hold a pair after a bar."""
    split = [text.partition("|") for text in texts]
    return pd.DataFrame(
        {
            "id": [f"r{n}" for n in range(len(texts))],
            "text": [one for one, _, _ in split],
            "text_pair": [two for _, _, two in split],
            "label": ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2),
            "group": [f"g{n}" for n in range(len(texts))],
        },
        dtype="str",
    )


def copies(rows: pd.DataFrame, *made: tuple[int, str]) -> pd.DataFrame:
    """Make copies of rows, by their places."""
    found = rows.iloc[[place for place, _ in made]].assign(
        text=[text for _, text in made], id=[f"c{n}" for n in range(len(made))]
    )
    return found.assign(source_id=[f"r{place}" for place, _ in made]).reset_index(drop=True)


@pytest.fixture
def limits(augment):
    """Make the gates' options."""
    return lambda **how: augment({f"gates.{name}": value for name, value in how.items()}).gates


def test_single_copies_by_hand(limits) -> None:
    rows = pairs("one two", "three four", "good|bad")
    held = {text_digest("Held Out", ""), text_digest("x", "y")}
    copy_filter = CopyFilter(rows, limits(min_length_ratio=0.5, max_length_ratio=2.0), held)
    source = ("one two", "")

    assert copy_filter.check(source, source) == "unchanged"
    assert copy_filter.check(source, ("three four", "")) == "duplicate"
    assert copy_filter.check(source, ("held out", "")) == "held"  # case does not count
    assert copy_filter.check(("a", "b"), ("y", "x")) == "held"  # nor the order of a pair
    assert copy_filter.check(source, ("one", "")) == "length"  # 3 of 7 characters
    assert copy_filter.check(source, ("one two one two", "")) == "length"  # 15 of 7
    assert copy_filter.check(source, ("one tw", "more")) == "length"  # there was no second text
    assert copy_filter.check(("good", "bad"), ("good bad", "good bad")) == "length"  # 16 of 7
    assert copy_filter.check(("long text", "x"), ("x", "long text")) == ""
    assert copy_filter.check(source, ("two one", "")) == ""
    assert copy_filter.check(("one owt", ""), ("two one", "")) == "duplicate"  # of an earlier copy
    assert (
        copy_filter.check(source, ("one two one tw", "")) == ""
    )  # 14 of 7: just as long as it may be


def test_near_copies_by_hand() -> None:
    """`abcdefgh` has 6 grams of 3; one letter more and 6 of 7 are shared."""
    rows = pairs("abcdefgh", "somewhere else", "never|the same")
    made = copies(
        rows,
        (0, "abcdefghi"),  # near to its own source: no matter
        (1, "abcdefghij"),  # 6 of 8 to row 0, and 7 of 8 to the copy above
        (1, "elsewhere some"),
        (1, "elsewhere some!"),  # near to a copy of its own source
        (0, "elsewhere some?"),  # ... of another
        (2, "ABCDEFGHI"),  # the pair's second text tells it apart
    )
    assert find_near_copies(rows, made, 0.75)[0].tolist() == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert find_near_copies(rows, made, 0.9)[0].tolist() == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]
    assert find_near_copies(rows, made.iloc[:0], 0.9)[0].tolist() == []


def test_one_that_is_refused_refuses_no_other() -> None:
    rows = pairs("abcdefghijkl", "something", "quite other")
    made = copies(rows, (1, "abcdefghijklm"), (2, "bcdefghijklmno"))
    # 10 of 11 to row 0; then 9 of 13 to row 0, 10 of 13 to the first copy.
    assert find_near_copies(rows, made, 0.76)[0].tolist() == [True, False]


def test_near_copies_of_long_texts_are_found_by_minhash_and_that_is_said(monkeypatch) -> None:
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abcdefghij"), 300)) for _ in range(40)]
    rows = pairs(*texts)
    own = [(n, f"{text[:150]}x{text[150:]}") for n, text in enumerate(texts)]
    strange = [((n + 1) % 40, f"{text[:100]}y{text[100:]}") for n, text in enumerate(texts[:10])]
    made = copies(rows, *own, *strange)
    exact, how = find_near_copies(rows, made, 0.9)
    assert how == (
        "copies near to other rows (Jaccard of 3-grams from 0.9): exact join of 90 texts"
    )

    for limit in ("MAX_WORK", "MAX_CHARACTERS"):
        monkeypatch.setattr(duplicates, limit, 10)
        found, how = find_near_copies(rows, made, 0.9)
        assert found.tolist() == exact.tolist() == [False] * 40 + [True] * 10
        assert how.endswith("MinHash of 90 texts, verified; recall 0.999 at the threshold")


def test_agreement_is_of_a_model_that_has_not_seen_the_source(rows) -> None:
    table = rows(n=60)
    true = copies(table, *[(n, table["text"][n]) for n in range(60)])
    true["source_id"] = table["id"]
    wrong = true.assign(label=np.roll(true["label"].to_numpy(), 1))
    right = score_agreement(table, true, "classification", 1)

    assert right.mean() > 0.6
    assert score_agreement(table, wrong, "classification", 1).mean() < 0.35
    # Labels without a meaning: a model that had seen the source would know them by heart.
    drawn = table.assign(label=np.random.default_rng(0).permutation(table["label"].to_numpy()))
    blind = score_agreement(drawn, true.assign(label=drawn["label"]), "classification", 1)
    assert blind.mean() < 0.45
    shuffled = table.sample(frac=1, random_state=0)
    np.testing.assert_allclose(
        score_agreement(shuffled, true, "classification", 1), right, atol=1e-6
    )


def test_agreement_passes_what_nobody_can_judge(rows) -> None:
    table = rows(n=30)
    table.loc[0, "label"] = "alone"
    made = copies(table, (0, "무엇이든"), (1, "무엇이든")).assign(source_id=table["id"][:2])

    assert score_agreement(table, made, "classification", 1)[0] == 1
    one_class = table.assign(label="same")
    assert score_agreement(one_class, made, "classification", 1).tolist() == [1, 1]
    assert score_agreement(table.iloc[:1], made.iloc[:1], "classification", 1).tolist() == [1]


def test_agreement_of_numbers_is_how_little_the_prediction_moves(rows) -> None:
    table = rows("regression", n=60)
    made = copies(table, *[(n, table["text"][n]) for n in range(60)])
    made["source_id"] = table["id"]

    np.testing.assert_array_equal(score_agreement(table, made, "regression", 1), np.ones(60))
    other = made.assign(text=np.roll(made["text"].to_numpy(), 7))
    moved = score_agreement(table, other, "regression", 1)
    assert 0 <= moved.min() < 0.8
    assert score_agreement(table.assign(label="2"), other, "regression", 1).tolist() == [1] * 60


def test_each_gate_counts_what_it_refuses(rows, augment) -> None:
    table = rows(n=60)
    strict = {"gates.near": 0.6, "gates.min_agreement": 0.6, "gates.min_length_ratio": 0.8}
    how = {"method": "delete", "strategy": "n_per_row", "delete.share": 0.3}
    loose = augment_rows(table, augment(how), "classification", 1)
    found = augment_rows(table, augment(how | strict), "classification", 1)

    assert len(found.copies) == len(loose.copies) == 120
    assert set(found.copies["failed_filter"]) >= {"", "length", "near", "agreement"}
    assert set(found.copies["failed_filter"]) <= {"", *FILTERS}
    kept = found.copies[found.copies["failed_filter"] == ""]
    assert sorted(kept["id"]) == sorted(found.rows["id"][found.rows["method"] == "delete"])
    lengths = kept["text"].str.len() / kept["source_text"].str.len()
    assert lengths.min() >= 0.8


def gated(undersample: str, task: str) -> dict[str, object]:
    return {
        "undersample.method": undersample,
        "undersample.dimensions": 8,
        "undersample.max_ratio": 3.0,
        "method": "mix",
        "mix": {"aeda": 1.0, "delete": 1.0, "swap": 1.0},
        "strategy": "n_per_row",
        "bins": 3,
        "gates.near": 0.8,
        "gates.min_agreement": 0.2,
    }


CASES = [
    *[("tfidf", "classification", name) for name in UNDERSAMPLERS],
    ("tfidf", "regression", "nearmiss1"),
    ("scratch", "classification", "nearmiss2"),
]


@pytest.mark.parametrize(
    ("model", "task", "undersample"), mark_slow_except(CASES, [CASES[3], CASES[7]])
)
def test_a_validation_row_changes_no_training_row_of_its_fold(
    model, task, undersample, rows, recipe, labels, augment
) -> None:
    """With every sampler and gate: the held rows are fewer, and have other labels and groups."""
    table = rows(task, n=54)
    table["fold"] = np.arange(54) // 3 % 3
    table["duplicate"] = ""
    own = augment(gated(undersample, task))

    def split_fold(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        one = recipe(model=model, task=task)
        return split_training_rows(Fold("m", 1, part, labels(task), one, own, 0.25))

    learn, stop = split_fold(table)
    copies_made = learn["text"][learn["method"] != "original"]
    other = table[(table["fold"] != 1) | (np.arange(54) % 2 == 0)].copy()
    held = other["fold"] == 1
    # Their texts are copies that were made: no reason to refuse these, as long as nobody looks.
    other.loc[held, "text"] = copies_made.iloc[: held.sum()].tolist()
    other.loc[held, "label"] = np.roll(other["label"][held].to_numpy(), 1)
    other.loc[held, "group"] = "one"

    assert len(copies_made) > 10
    for one, two in zip((learn, stop), split_fold(other), strict=True):
        pd.testing.assert_frame_equal(one, two)
