"""Baselines and the TF-IDF model against numbers that are known."""

import numpy as np
import pytest


def test_baselines_say_what_training_rows_say(fit, rows, labels) -> None:
    classes, numbers = rows(), rows("regression")
    shares = np.bincount(labels("classification").encode(classes["label"].iloc[:28])) / 28
    train, none = classes.iloc[:28], classes.iloc[:0]
    constant = fit("majority", train, none, "classification").model.predict(classes)
    assert constant == pytest.approx(np.tile(shares, (40, 1)))
    mean = numbers["label"].iloc[:28].astype(float).mean()
    constant = fit("majority", numbers.iloc[:28], none, "regression").model.predict(numbers)
    assert constant == pytest.approx(np.full(40, mean))


def test_the_random_baseline_draws_by_the_shares(fit, rows, labels) -> None:
    table = rows(n=4000)
    drawn = fit("random", table.iloc[:39], table.iloc[:0], "classification").model.predict(table)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.03)
    numbers = rows("regression", n=4000)
    drawn = fit("random", numbers, numbers.iloc[:0], "regression").model.predict(numbers)
    target = labels("regression").encode(numbers["label"])
    assert drawn.mean() == pytest.approx(target.mean(), abs=0.1)
    assert drawn.std() == pytest.approx(target.std(), abs=0.1)


@pytest.mark.parametrize("classes", [2, 3])
def test_tfidf_is_scikit_learns(classes, fit, rows, labels) -> None:
    """Its parts are kept as arrays; they must say what the estimators say."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline, make_union

    table = rows()
    table = table[table["label"].isin(labels("classification").classes[:classes])]
    train, held = table.iloc[:20], table.iloc[20:]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    linear = LogisticRegression(
        C=4.0, solver="liblinear", dual=True, tol=0.1, class_weight="balanced", random_state=7
    )
    pipe = make_pipeline(make_union(words, chars), OneVsRestClassifier(linear))
    pipe.fit(train["text"], train["label"])
    found = fit("tfidf", train, train.iloc[:0], "classification").model.predict(held)
    assert found[:, :classes] == pytest.approx(pipe.predict_proba(held["text"]), abs=1e-3)


def test_pair_measures_by_hand() -> None:
    from scipy import sparse

    from foldline.models.pair_features import measure_similarity

    a = [sparse.csr_matrix([[1.0, 0.0], [0.6, 0.8], [0.0, 0.0]])]
    b = [sparse.csr_matrix([[0.6, 0.8], [0.6, 0.8], [1.0, 0.0]])]
    first, second = ["abc 3 x", "ab cd", ""], ["abc 4 y", "ab cd", "z"]
    found = measure_similarity(first, second, a, b)
    # cosine and its square; words 1 of 5; pairs of letters (ab bc c3 3x, ab bc c4 4y) 2 of 6,
    # 2 of the shorter's 4; lengths 7 and 7; numbers 3 and 4
    assert found[0] == pytest.approx([0.6, 0.36, 1 / 5, 2 / 6, 2 / 4, 1.0, 0.0])
    assert found[1] == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert found[2] == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(measure_similarity(second, first, b, a), found)
