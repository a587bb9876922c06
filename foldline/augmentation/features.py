"""Rows as numbers, for distances between them and for a second opinion on their labels."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive
from foldline.core.params import Undersample
from foldline.encoders.sentence_encoder import open_encoder

GRAMS = (2, 4)
FEW = 1000  # texts; of more, n-grams of one text alone are left out
MOST = 50_000  # n-grams, the most frequent; this bounds the memory of the SVD
LONGEST = 256  # tokens that an encoder reads of a text


class Bags:
    """TF-IDF of character 2- to 4-grams within words, fitted on some rows.

    Raises:
        FoldlineError: where no text of theirs holds a character.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        seconds = [text for text in rows["text_pair"].tolist() if text]
        texts = [text for text in rows["text"].tolist() if text.strip()] + seconds
        if not texts:
            raise FoldlineError(f"all {len(rows)} texts are empty: nothing tells them apart")
        self._pairs = bool(seconds)
        # In a few short texts no n-gram may stand twice.
        self._vectoriser = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=GRAMS,
            sublinear_tf=True,
            min_df=2 if len(texts) > FEW else 1,
            max_features=MOST,
        ).fit(texts)

    def of(self, rows: pd.DataFrame) -> Any:
        """Give (n, features) sparse; of pairs both texts' bags and what tells them apart."""
        from scipy import sparse

        first = self._vectoriser.transform(rows["text"].tolist())
        if not self._pairs:
            return first
        second = self._vectoriser.transform(rows["text_pair"].tolist())
        return sparse.hstack([first, second, abs(first - second)], format="csr")


def dense(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give (n, d) float64 rows of length 1 (0 for what no feature knows), fitted on these alone.

    Raises:
        FoldlineError: where texts are empty, or the encoder cannot be loaded.
    """
    from sklearn.preprocessing import normalize

    make = embeddings if options.features == "embeddings" else svd
    return np.asarray(normalize(make(rows, options, seed)), dtype=np.float64)


def svd(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give the strongest directions of the rows' TF-IDF: (n, `dimensions` or as many as there are).

    Latent semantic analysis (Deerwester et al., 1990) by a randomised SVD (Halko et al., 2011).
    """
    from sklearn.decomposition import TruncatedSVD

    found = Bags(rows).of(rows)
    most = min(options.dimensions, *found.shape)
    state = derive(seed, "svd") % 2**32
    with np.errstate(invalid="ignore", divide="ignore"):  # equal texts have no variance
        return np.asarray(TruncatedSVD(most, random_state=state).fit_transform(found))


def embeddings(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give a frozen encoder's vector of each row: (n, width).

    Of pairs both texts' vectors and what tells them apart, (n, 3 * width).

    Raises:
        FoldlineError: where params name no encoder, or it cannot be loaded.
    """
    # One thread, however many the process has: near ties decide who stays.
    encoder = open_encoder("augment.undersample.encoder", options.encoder, LONGEST, 1)
    first = encoder.encode(rows["text"].tolist())
    if not (rows["text_pair"] != "").any():
        return first
    second = encoder.encode(rows["text_pair"].tolist())
    return np.hstack([first, second, np.abs(first - second)])
