"""Classifier two-sample test: whether two sets of texts differ (Lopez-Paz and Oquab, 2017).

Groups are never divided between training and scoring, so duplicates do not inflate the AUC.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.io.group_split import group_folds
from foldline.core.io.seeds import derive_seed, generator

FOLDS = 5
PERMUTATIONS = 199  # the smallest p-value is 1/200
COMPONENTS = 64
RIDGE_PENALTY = 10.0
LENGTH_WEIGHT = 0.2  # of a standard deviation, relative to TF-IDF rows of length 1
MAX_CHARACTERS = 1_000  # of a text's beginning
MAX_TOKENS = 10


@dataclass(frozen=True)
class TextFeatures:
    """Sparse `features` (n, d), first those of `words`; `topics` (n, k) are principal axes."""

    features: Any
    words: list[str]
    topics: np.ndarray


@dataclass(frozen=True)
class TwoSampleResult:
    """How well a classifier separates two sides.

    `auc` is the mean over folds of the area under the ROC curve; .5 is chance. `p` (two-sided) and
    `z` compare the AUC of a simpler model with its AUCs on random permutations of the sides.
    `tokens` are the words that separate the sides.
    """

    auc: float
    p: float
    z: float
    tokens: list[dict[str, Any]]


def extract_features(texts: list[str], seed: int) -> TextFeatures:
    """Return TF-IDF of words and characters, and lengths; `topics` are their principal axes."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
    from sklearn.utils.extmath import randomized_svd

    texts = [text[:MAX_CHARACTERS] for text in texts]
    word_vectorizer = TfidfVectorizer(
        token_pattern=r"\w+|[^\w\s]+", ngram_range=(1, 2), min_df=2, sublinear_tf=True,
        lowercase=False, dtype=np.float32,
    )  # fmt: skip
    gram_vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 3), n_features=2**16, alternate_sign=False,
        lowercase=False, norm=None, dtype=np.float32,
    )  # fmt: skip
    try:
        words = word_vectorizer.fit_transform(texts)
        names = word_vectorizer.get_feature_names_out().tolist()
    except ValueError:  # no word is in two texts
        words, names = csr_matrix((len(texts), 0), dtype=np.float32), []
    grams = gram_vectorizer.transform(texts)
    grams = grams[:, np.flatnonzero(grams.getnnz(axis=0) > 1)]
    if grams.shape[1]:
        grams = TfidfTransformer(sublinear_tf=True).fit_transform(grams)
    lengths = np.log1p([[len(text), len(text.split())] for text in texts])
    lengths = (lengths - lengths.mean(axis=0)) / (lengths.std(axis=0) + 1e-9) * LENGTH_WEIGHT
    features = hstack([words, grams, csr_matrix(lengths)]).tocsr()
    axes, sizes, _ = randomized_svd(
        features, min(COMPONENTS, features.shape[1]), n_iter=2,
        random_state=derive_seed(seed, "topics") % 2**32,
    )  # fmt: skip
    main = axes * sizes
    return TextFeatures(features, names, (main - main.mean(axis=0)) / (main.std(axis=0) + 1e-9))


def run_two_sample_test(
    texts: TextFeatures, ids: list[str], groups: list[str], sides: np.ndarray, seed: int
) -> TwoSampleResult:
    """Cross-validate a classifier of `sides` (n,), 0 or 1, on words, characters and length.

    Both sides need at least as many groups as there are folds. The classifier is a logistic
    regression; permutations of it would be too slow, so `p` and `z` are those of a ridge
    regression on the topics.
    """
    from sklearn.linear_model import LogisticRegression

    folds = group_folds(ids, groups, sides, FOLDS, derive_seed(seed, "telling"))
    model = LogisticRegression(solver="liblinear", class_weight="balanced", tol=0.01)
    scores = np.zeros(len(sides))
    for fold in range(FOLDS):
        train = folds != fold
        model.fit(texts.features[train], sides[train])
        scores[~train] = model.decision_function(texts.features[~train])
    auc = _mean_aucs(scores[:, None], sides[:, None], folds)[0]
    permutations = _permute_sides(sides, groups, generator(seed, "permutations"))
    permuted = np.column_stack([sides, permutations])
    aucs = _ridge_aucs(texts.topics, permuted, folds)
    mean, std = aucs[1:].mean(), aucs[1:].std() or 1.0
    distance = np.abs(aucs - mean)
    weights = model.fit(texts.features, sides).coef_[0][: len(texts.words)]
    return TwoSampleResult(
        auc=float(auc),
        p=(1 + int((distance[1:] >= distance[0]).sum())) / len(aucs),
        z=float((aucs[0] - mean) / std),
        tokens=_top_tokens(texts.words, weights, texts.features[:, : len(texts.words)], sides),
    )


def _permute_sides(sides: np.ndarray, groups: list[str], rng: np.random.Generator) -> np.ndarray:
    """Return random permutations of the sides over whole groups: (n, PERMUTATIONS).

    A group that has both sides swaps them, or not.
    """
    group_of_row = np.unique(groups, return_inverse=True)[1]
    share = np.bincount(group_of_row, weights=sides) / np.bincount(group_of_row)
    pure = (share == 0) | (share == 1)  # groups of one side
    permuted = np.zeros((len(share), PERMUTATIONS), dtype=np.int64)
    own = np.tile(share[pure].astype(np.int64)[:, None], PERMUTATIONS)
    permuted[pure] = rng.permuted(own, axis=0)
    permuted[~pure] = rng.integers(2, size=(int((~pure).sum()), PERMUTATIONS))
    rows = permuted[group_of_row]
    return np.where(pure[group_of_row][:, None], rows, sides[:, None] ^ rows)


def _ridge_aucs(topics: np.ndarray, permuted: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the AUC of ridge regression for each permutation (n, k): (k,)."""
    scores = np.zeros(permuted.shape)
    for fold in range(FOLDS):
        train = folds != fold
        own, target = topics[train], permuted[train] - permuted[train].mean(axis=0)
        inner = own.T @ own + RIDGE_PENALTY * np.eye(own.shape[1])
        scores[~train] = topics[~train] @ np.linalg.solve(inner, own.T @ target)
    return _mean_aucs(scores, permuted, folds)


def _mean_aucs(scores: np.ndarray, sides: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the mean over folds of the area under the ROC curve: (n, k), (n, k) to (k,).

    Folds with one side only are left out.
    """
    from scipy.stats import rankdata

    areas = np.full((FOLDS, scores.shape[1]), np.nan)
    for fold in range(FOLDS):
        own = sides[folds == fold]
        ones = own.sum(axis=0)
        zeros = len(own) - ones
        ranks = (rankdata(scores[folds == fold], axis=0) * own).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            areas[fold] = (ranks - ones * (ones + 1) / 2) / (ones * zeros)
    known = np.isfinite(areas)
    mean: np.ndarray = np.where(known, areas, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), mean, 0.5)


def _top_tokens(names: list[str], weights: np.ndarray, words: Any, sides: np.ndarray) -> list[Any]:
    """Return the words of largest weight, with the share of each side's texts that have them."""
    std = np.sqrt(np.asarray(words.multiply(words).mean(axis=0)).ravel())
    weighted = weights * std
    occurs = words > 0
    shares = [
        np.asarray(occurs[sides == side].sum(axis=0)).ravel() / (sides == side).sum()
        for side in (0, 1)
    ]
    best = np.argsort(-np.abs(weighted), kind="stable")[:MAX_TOKENS]
    return [
        {"token": names[index], "side": int(weighted[index] > 0),
         "shares": [float(shares[0][index]), float(shares[1][index])]}
        for index in best
    ]  # fmt: skip
