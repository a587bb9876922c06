"""Feature vectors of rows, for distances between them and for classifiers."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Undersample
from foldline.encoders.sentence_encoder import open_encoder

NGRAM_RANGE = (2, 4)
FEW_TEXTS = 1000  # with more, n-grams of a single text are left out
MAX_NGRAMS = 50_000  # the most frequent ones; bounds the memory of the SVD
MAX_TOKENS = 256  # of a text that an encoder reads


class NgramVectorizer:
    """TF-IDF of character 2- to 4-grams within words, fitted on some rows.

    Raises:
        FoldlineError: if all texts are empty.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        seconds = [text for text in rows["text_pair"].tolist() if text]
        texts = [text for text in rows["text"].tolist() if text.strip()] + seconds
        if not texts:
            raise FoldlineError(
                f"all {len(rows)} texts are empty: nothing tells them apart. Check data.text, or "
                "set augment.undersample.method to random or none"
            )
        self._pairs = bool(seconds)
        # In a few short texts there may be no n-gram twice.
        self._vectorizer = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=NGRAM_RANGE,
            sublinear_tf=True,
            min_df=2 if len(texts) > FEW_TEXTS else 1,
            max_features=MAX_NGRAMS,
        ).fit(texts)

    def transform(self, rows: pd.DataFrame) -> Any:
        """Return (n, features) sparse; for pairs both texts' features and their difference."""
        from scipy import sparse

        first = self._vectorizer.transform(rows["text"].tolist())
        if not self._pairs:
            return first
        second = self._vectorizer.transform(rows["text_pair"].tolist())
        return sparse.hstack([first, second, abs(first - second)], format="csr")


def make_dense_features(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Return (n, d) float64 rows of length 1 (0 without known features), fitted on these alone.

    Raises:
        FoldlineError: if all texts are empty, or the encoder cannot be loaded.
    """
    from sklearn.preprocessing import normalize

    make = make_embedding_features if options.features == "embeddings" else make_svd_features
    return np.asarray(normalize(make(rows, options, seed)), dtype=np.float64)


def make_svd_features(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Return the main components of the rows' TF-IDF: (n, `dimensions` or fewer).

    Latent semantic analysis (Deerwester et al., 1990) by a randomised SVD (Halko et al., 2011).
    """
    from sklearn.decomposition import TruncatedSVD

    features = NgramVectorizer(rows).transform(rows)
    dimensions = min(options.dimensions, *features.shape)
    state = derive_seed(seed, "svd") % 2**32
    with np.errstate(invalid="ignore", divide="ignore"):  # equal texts have no variance
        return np.asarray(TruncatedSVD(dimensions, random_state=state).fit_transform(features))


def make_embedding_features(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Return a frozen encoder's vector of each row: (n, width).

    Pairs: both texts' vectors and their absolute difference, (n, 3 * width).

    Raises:
        FoldlineError: if params name no encoder, or it cannot be loaded.
    """
    # One thread, whatever the process has: rounding would decide near ties.
    encoder = open_encoder("augment.undersample.encoder", options.encoder, MAX_TOKENS, 1)
    first = encoder.encode(rows["text"].tolist())
    if not (rows["text_pair"] != "").any():
        return first
    second = encoder.encode(rows["text_pair"].tolist())
    return np.hstack([first, second, np.abs(first - second)])
