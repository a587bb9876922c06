"""TF-IDF vectorisers of words and of characters within words."""

import re
from contextlib import suppress
from typing import Any

import numpy as np

from foldline.core.params import Tfidf
from foldline.models.ngram_counts import (
    WORD,
    CharacterVocabulary,
    NgramCounts,
    count_within_words,
    count_words,
)

FEW, CHUNK = 64, 4096  # texts: of fewer, counting costs more; more need memory


def fit_vectorisers(options: Tfidf, texts: list[str]) -> tuple[list[Any], list[Any]]:
    """Fit the vectorisers, and return them with what `vectorise` would return for the texts.

    A vectoriser without features is left out: texts may have no word, or repeat no n-gram. Both are
    returned together because tokenising is most of the work of a linear model.
    """
    words = _fit_vectoriser("word", options.words, 1, texts)  # min_df is for characters only
    chars = _fit_vectoriser("char_wb", options.chars, options.min_df, texts)
    fitted = [result for result in (words, chars) if result]
    return [vectoriser for vectoriser, _ in fitted], [matrix for _, matrix in fitted]


def vectorise(vectorisers: list[Any], texts: list[str]) -> list[Any]:
    """Return a sparse matrix (n, features) for each vectoriser."""
    return [_transform(vectoriser, texts) for vectoriser in vectorisers]


def _transform(vectoriser: Any, texts: list[str]) -> Any:
    """Return what `vectoriser.transform` does; n-grams of characters are counted faster."""
    from scipy import sparse

    characters = _find_characters(vectoriser) if len(texts) >= FEW else None
    if characters is None:
        return vectoriser.transform(texts)
    starts = range(0, len(texts), CHUNK)
    parts = [characters.count(texts[start : start + CHUNK]) for start in starts]
    return vectoriser._tfidf.transform(sparse.vstack(parts, format="csr"), copy=False)


def stack_features(matrices: list[Any], rows: int) -> Any:
    """Stack matrices side by side; without any, a column of zeros leaves the intercept."""
    from scipy import sparse

    return sparse.hstack(matrices, format="csr") if matrices else sparse.csr_matrix((rows, 1))


def describe_vectoriser(vectoriser: Any) -> dict[str, Any]:
    """Return all of a vectoriser but its weights, ready for JSON."""
    return {
        "analyzer": vectoriser.analyzer,
        "range": list(vectoriser.ngram_range),
        "vocabulary": vectoriser.get_feature_names_out().tolist(),
    }


def restore_vectoriser(description: dict[str, Any], weights: np.ndarray) -> Any:
    """Rebuild a vectoriser from its description and weights."""
    return _build_vectoriser(
        description["analyzer"], description["range"], description["vocabulary"], weights
    )


def _fit_vectoriser(
    analyzer: str, ngrams: list[int], min_df: int, texts: list[str]
) -> tuple[Any, Any] | None:
    """Return a vectoriser and its matrix of the texts, or None without features."""
    from sklearn.feature_extraction.text import TfidfTransformer

    low, high = ngrams
    if analyzer == "word":
        counts = count_words(texts, low, high)
    else:
        counts = count_within_words(texts, low, high, min_df) or _count_with_sklearn(
            ngrams, min_df, texts
        )
    if not counts.ngrams:
        return None
    weigher = TfidfTransformer(sublinear_tf=True)
    matrix = weigher.fit_transform(counts.matrix)
    return _build_vectoriser(analyzer, ngrams, counts.ngrams, weigher.idf_), matrix


def _count_with_sklearn(ngrams: list[int], min_df: int, texts: list[str]) -> NgramCounts:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        **_vectoriser_options("char_wb", ngrams), min_df=min_df, dtype=np.float64
    )
    try:
        matrix = counter.fit_transform(texts)
    except ValueError as error:
        if not re.search("empty vocabulary|no terms remain|max_df corresponds", str(error)):
            raise
        return NgramCounts(None, [])
    # The order of later matrices: sums in another order have other last digits.
    matrix.sort_indices()
    return NgramCounts(matrix, counter.get_feature_names_out().tolist())


def _build_vectoriser(
    analyzer: str, ngrams: list[int], grams: list[str], weights: np.ndarray
) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vocabulary = {gram: index for index, gram in enumerate(grams)}
    vectoriser = TfidfVectorizer(
        **_vectoriser_options(analyzer, ngrams), sublinear_tf=True, vocabulary=vocabulary
    )
    vectoriser.idf_ = weights
    return vectoriser


def _find_characters(vectoriser: Any) -> CharacterVocabulary | None:
    """Return what counts n-grams faster than scikit-learn, made once; None where only that can."""
    if not hasattr(vectoriser, "characters"):
        vectoriser.characters = None
        if vectoriser.analyzer == "char_wb":
            with suppress(OverflowError):
                ngrams = list(vectoriser.vocabulary)
                vectoriser.characters = CharacterVocabulary(ngrams, *vectoriser.ngram_range)
    found: CharacterVocabulary | None = vectoriser.characters
    return found


def _vectoriser_options(analyzer: str, ngrams: list[int]) -> dict[str, Any]:
    pattern = WORD.pattern if analyzer == "word" else None
    return {"analyzer": analyzer, "ngram_range": tuple(ngrams), "token_pattern": pattern}
