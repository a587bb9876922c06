"""Character n-grams counted by arrays: scikit-learn's own counts, and what is left to it."""

import numpy as np
import pytest

from foldline.models import tfidf_features
from foldline.models.ngram_counts import CharacterVocabulary, count_within_words, count_words
from foldline.models.tfidf_features import fit_vectorisers, vectorise

TEXTS = [
    "a bb\u00a0ccc  \t dd",
    "",
    "ÀB İx ß ab AB",
    "\u3000 가나다라마바 가나다",
    "😀😀 a",
    "a a a a \ud800",
]


@pytest.mark.parametrize("low, high", [(1, 5), (2, 3), (4, 5), (7, 7), (1, 1)])
@pytest.mark.parametrize("min_df", [1, 2])
def test_counts_are_scikit_learns(low, high, min_df):
    from sklearn.feature_extraction.text import CountVectorizer

    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(low, high), min_df=min_df)
    expected = theirs.fit_transform(TEXTS)
    expected.sort_indices()

    found = count_within_words(TEXTS, low, high, min_df)

    assert found is not None
    assert found.ngrams == theirs.get_feature_names_out().tolist()
    np.testing.assert_array_equal(found.matrix.toarray(), expected.toarray())
    np.testing.assert_array_equal(found.matrix.indices, expected.indices)


@pytest.mark.parametrize("low, high", [(1, 1), (1, 2), (2, 2), (1, 3), (5, 6)])
def test_counts_of_words_are_scikit_learns(low, high):
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [*TEXTS, "it's a bb, a bb a_b 3 a bb", "a bb ccc a bb", "a", "ab. ab ab\nab ab ab ab"]
    theirs = CountVectorizer(ngram_range=(low, high), token_pattern=r"(?u)\b\w+\b")
    expected = theirs.fit_transform(texts)
    expected.sort_indices()

    found = count_words(texts, low, high)

    assert found.ngrams == theirs.get_feature_names_out().tolist()
    np.testing.assert_array_equal(found.matrix.toarray(), expected.toarray())
    np.testing.assert_array_equal(found.matrix.indices, expected.indices)


def test_texts_without_words_have_no_n_grams_of_them():
    assert count_words(["...", ""], 1, 3).ngrams == []
    assert count_words(["one"], 2, 3).matrix.shape == (1, 0)


def test_n_grams_by_hand():
    found = count_within_words(["ab a", "a"], 2, 3, 1)

    assert found is not None
    assert found.ngrams == [" a", " a ", " ab", "a ", "ab", "ab ", "b "]
    assert found.matrix.toarray().tolist() == [[2, 1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0, 0]]


def test_texts_without_a_frequent_n_gram_have_none():
    found = count_within_words(["", " "], 1, 2, 1)
    assert found is not None
    assert found.ngrams == []
    assert fit_vectorisers(_options(min_df=5), ["", " "]) == ([], [])


def test_what_no_number_can_hold_is_left_to_scikit_learn():
    many = ["".join(map(chr, range(0x4E00, 0x4E00 + 9000)))]
    assert count_within_words(many, 1, 5, 1) is None
    assert count_within_words(many, 1, 4, 1) is not None
    assert count_within_words(["a\x00b"], 1, 2, 1) is None

    vectorisers, matrices = fit_vectorisers(_options(min_df=1), many)

    assert matrices[1].shape[1] == len(vectorisers[1].get_feature_names_out()) > 9000
    (found,) = vectorise(vectorisers[1:], many * 70)
    assert vectorisers[1].characters is None
    assert (found != vectorisers[1].transform(many * 70)).nnz == 0
    with pytest.raises(OverflowError):
        CharacterVocabulary(["a", "a\0"], 1, 2)


def test_the_texts_that_were_learnt_have_the_features_that_they_have_later():
    texts = [text for text in TEXTS if "\ud800" not in text]
    vectorisers, matrices = fit_vectorisers(_options(min_df=1), texts)

    for later, learnt in zip(vectorise(vectorisers, texts), matrices, strict=True):
        assert later.dtype == learnt.dtype
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(later, part), getattr(learnt, part))


def _options(min_df):
    from foldline.core.params import Tfidf

    return Tfidf(
        words=[1, 2],
        chars=[1, 5],
        min_df=min_df,
        head="logistic",
        c=4.0,
        svm_c=0.5,
        alpha=1.0,
        class_weights="balanced",
    )


@pytest.mark.parametrize("chunk", [50, 4096])
def test_many_texts_are_transformed_as_each_alone(chunk, monkeypatch):
    monkeypatch.setattr(tfidf_features, "CHUNK", chunk)
    vectorisers, _ = fit_vectorisers(_options(min_df=1), [*TEXTS, "a new day", "b"])
    new = [*TEXTS, "zz aa", "가나 bb", *(f"text {number}" for number in range(110)), "", "\0"]

    for texts in (new, [""] * 70):
        for vectoriser, found in zip(vectorisers, vectorise(vectorisers, texts), strict=True):
            expected = vectoriser.transform(texts)
            np.testing.assert_array_equal(found.indptr, expected.indptr)
            np.testing.assert_array_equal(found.indices, expected.indices)
            np.testing.assert_array_equal(found.data, expected.data)
