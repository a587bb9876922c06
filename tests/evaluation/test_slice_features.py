"""The features that divide rows: by hand, and by the texts that a model has learnt from."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.core.params import Slices
from foldline.evaluation import training_texts
from foldline.evaluation.slice_features import divide, find_conditions
from foldline.evaluation.training_texts import compare_with_training

OPTIONS = Slices(columns=[], expressions={}, min_rows=10)
NONE = pd.DataFrame({"id": [], "fold": []})


def make_rows(texts: list[str], labels: list[str] | None = None, name: str = "r") -> pd.DataFrame:
    ids = [f"{name}{i:03}" for i in range(len(texts))]
    return pd.DataFrame({"id": ids, "text": texts, "text_pair": "", "label": labels or "a"})


def make_columns(columns: dict[str, list[str]], name: str = "r") -> pd.DataFrame:
    rows = [
        {"id": f"{name}{i:03}", "column": column, "value": value}
        for column, values in columns.items()
        for i, value in enumerate(values)
    ]
    empty = pd.DataFrame({"id": [], "column": [], "value": []}, dtype="str")
    return pd.concat([empty, pd.DataFrame(rows)])


EMPTY = make_columns({})


def name_conditions(table: pd.DataFrame, task: str = "classification") -> dict[str, list[int]]:
    """Return the numbers of the rows of each condition."""
    found = divide(table, Labels(task, ("a", "b")), OPTIONS)
    return {own.name: np.flatnonzero(own.rows).tolist() for own in found}


def test_texts_are_divided_by_what_is_in_them():
    texts = [
        *["Is it 10?"] * 10,
        *["영화가 안 좋다"] * 10,
        *["don't go"] * 10,
        *["지지 마 no"] * 10,
    ]
    rows = {"test": make_rows(texts), "out_of_fold": make_rows(["it is"], name="t")}
    found = find_conditions(rows, "test", NONE, EMPTY, Labels("classification", ("a",)), OPTIONS)
    by_name = {own.name: set(np.flatnonzero(own.rows) // 10) for own in found}

    assert by_name["length 9 characters"] == {0}
    assert by_name["script Hangul"] == {1} and by_name["script mixed"] == {3}
    assert by_name["share of digits 0.222"] == {0}
    assert by_name["negation"] == {1, 2, 3} and by_name["no negation"] == {0}
    assert by_name["question mark"] == {0}
    assert by_name["share of unknown words 0.333"] == {0}  # 10; `is` and `it` are known
    assert by_name["share of unknown words 1"] == {1, 2, 3}
    assert by_name["similarity to training texts 0"] == {1, 2, 3}
    assert by_name["label a"] == by_name["part test"] == {0, 1, 2, 3}


def test_numbers_are_divided_into_quarters_and_years_into_years():
    table = pd.DataFrame(
        {
            "number": np.arange(100.0),
            "few": np.repeat([1.0, 2.0, 3.0, 4.0], 25),
            "zeros": [0.0] * 60 + list(np.arange(1.0, 41)),
            "gaps": [np.nan] * 20 + list(np.arange(80.0) / 7),
            "day": pd.to_datetime(["2014-05-01", "2015-06-01"] * 50),
            "month": pd.date_range("2015-01-01", periods=100),
            "city": ["Seoul"] * 70 + ["Busan"] * 20 + [""] * 10,
        }
    )
    found = name_conditions(table)

    assert found["number 0 to 24"] == list(range(25)) and "number 75 to 99" in found
    assert found["few 2"] == list(range(25, 50))
    assert found["zeros 0"] == list(range(60)) and "zeros 16 to 40" in found
    assert found["gaps missing"] == list(range(20))
    assert sorted(i for name in found if name.startswith("gaps") for i in found[name]) == list(
        range(100)
    )
    assert found["day 2015"] == list(range(1, 100, 2))
    assert found["month 2015-01-01 to 2015-01-25"] == list(range(25))
    assert found["city Busan"] == list(range(70, 90))
    assert found["city missing"] == list(range(90, 100))


def test_each_label_of_several_is_a_feature():
    found = name_conditions(pd.DataFrame({"label": ["a|b", "a", ""]}), "multilabel")

    assert found["label a"] == [0, 1] and found["no label b"] == [1, 2]


def test_columns_and_expressions_of_the_user_are_features():
    columns = make_columns(
        {"stars": ["1", "5", ""] * 20, "time": ["1420070400.0", "1451606400.0"] * 30}
    )
    options = Slices(
        columns=["stars"],
        expressions={"loved": "stars == 5 and length < 10", "new": "time > '2015-06-01'"},
        min_rows=10,
    )
    rows = {"test": make_rows(["good", "bad film"] * 30), "out_of_fold": make_rows([], name="t")}
    order = np.random.default_rng(0).permutation(60)
    labels = Labels("classification", ("a",))
    found = {own.name: own for own in find_conditions(rows, "test", NONE, columns, labels, options)}
    moved = {"test": rows["test"].iloc[order], "out_of_fold": rows["out_of_fold"]}

    assert found["loved"].rows.tolist() == [i % 3 == 1 for i in range(60)]
    assert found["new"].rows.tolist() == found["time 2016"].rows.tolist() == [False, True] * 30
    assert found["stars missing"].rows.sum() == 20
    for own in find_conditions(moved, "test", NONE, columns, labels, options):
        assert own.rows.tolist() == found[own.name].rows[order].tolist()


def test_out_of_fold_rows_are_compared_with_the_other_folds():
    texts = ["red apple", "red apple", "green pear", "blue plum"] * 10
    rows = make_rows(texts)
    folds = pd.DataFrame({"id": rows["id"], "fold": [0, 1, 0, 0] * 10})
    parts = {"out_of_fold": rows, "valid": rows[:20], "test": rows[:0]}
    found = find_conditions(
        parts, "out_of_fold", folds, EMPTY, Labels("classification", ("a",)), OPTIONS
    )
    by_name = {own.name: own.rows.tolist() for own in found}

    # The pears and plums are in one fold alone, so their words are unknown there.
    assert by_name["share of unknown words 1"] == [False, False, True, True] * 10
    assert by_name["similarity to training texts 1"] == [True, True, False, False] * 10
    assert by_name["part valid"] == [True] * 20 + [False] * 20


@pytest.mark.parametrize("candidates", [1, 3_000])
def test_the_nearest_training_text_is_that_of_all_pairs(candidates, monkeypatch):
    from sklearn.feature_extraction.text import TfidfVectorizer

    monkeypatch.setattr(training_texts, "CANDIDATES", candidates)
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(200)])
    weights = 1 / np.arange(1, 201)
    texts, training = (
        [" ".join(rng.choice(words, 6, p=weights / weights.sum())) for _ in range(n)]
        for n in (100, 400)
    )
    texts[0], texts[1] = training[7], "unseen words"
    vectorizer = TfidfVectorizer(token_pattern=r"\w+").fit(training)
    exact = (vectorizer.transform(texts) @ vectorizer.transform(training).T).max(axis=1)
    exact = exact.toarray().ravel()
    found = compare_with_training(texts, training)

    # scikit-learn ignores unknown words, which make a text less similar.
    known = found.unknown == 0
    assert found.similarity[0] == pytest.approx(1) and found.similarity[1] == 0
    assert (found.similarity[known] <= exact[known] + 1e-9).all()
    equal = np.isclose(found.similarity[known], exact[known])
    assert equal.mean() >= (0.9 if candidates > 1 else 0.3)


def test_empty_texts_resemble_nothing():
    found = compare_with_training(["", "?"], ["a b"])

    assert found.unknown.tolist() == found.similarity.tolist() == [0, 0]
    assert compare_with_training(["a"], []).unknown.tolist() == [1]
    assert compare_with_training([], ["a"]).similarity.tolist() == []
