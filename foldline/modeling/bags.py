"""Bags of n-grams with TF-IDF weights, of words and of characters within words."""

import re
from typing import Any

import numpy as np

from foldline.frame.params import Tfidf


def fit_bags(options: Tfidf, texts: list[str]) -> list[Any]:
    """Fit those vectorisers that find anything: texts may hold no word, or repeat no n-gram."""
    words = _vectoriser("word", options.words, min_df=1)
    chars = _vectoriser("char_wb", options.chars, min_df=options.min_df)
    fitted = []
    for vectoriser in (words, chars):
        try:
            fitted.append(vectoriser.fit(texts))
        except ValueError as error:
            if not re.search("empty vocabulary|no terms remain|max_df corresponds", str(error)):
                raise
    return fitted


def bags(vectorisers: list[Any], texts: list[str]) -> list[Any]:
    """Give a sparse matrix for each vectoriser: (n, its features)."""
    return [vectoriser.transform(texts) for vectoriser in vectorisers]


def joined(matrices: list[Any], rows: int) -> Any:
    """Put bags side by side; where there are none, a column of zeros leaves the intercept."""
    from scipy import sparse

    return sparse.hstack(matrices, format="csr") if matrices else sparse.csr_matrix((rows, 1))


def described(vectoriser: Any) -> dict[str, Any]:
    """Give all of a vectoriser but its weights, as JSON takes it."""
    return {
        "analyzer": vectoriser.analyzer,
        "range": list(vectoriser.ngram_range),
        "vocabulary": vectoriser.get_feature_names_out().tolist(),
    }


def restored(description: dict[str, Any], weights: np.ndarray) -> Any:
    """Make the vectoriser that was described."""
    vectoriser = _vectoriser(
        description["analyzer"], description["range"], vocabulary=description["vocabulary"]
    )
    vectoriser.idf_ = weights
    return vectoriser


def _vectoriser(analyzer: str, ngrams: list[int], **how: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=tuple(ngrams),
        sublinear_tf=True,
        token_pattern=r"(?u)\b\w+\b" if analyzer == "word" else None,
        **how,
    )
