"""Can two sets of texts be told apart: a classifier tries, and chance shows what that is worth.

Groups are never torn between learning and scoring, so a duplicate gives nothing away.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.io.group_split import group_folds
from foldline.core.io.seeds import derive, generator

FOLDS = 5
PERMUTATIONS = 199  # the smallest p-value is 1/200
TOPICS = 64
RIDGE = 10.0
WEIGHT_OF_LENGTH = 0.2  # of a standard deviation, beside rows of TF-IDF, whose length is 1
CHARACTERS = 1_000  # of a text's beginning
SHOWN = 10


@dataclass(frozen=True)
class Described:
    """Texts as numbers: `features` (n, d) sparse, the first of them `words`; `topics` (n, k)."""

    features: Any
    words: list[str]
    topics: np.ndarray


@dataclass(frozen=True)
class Telling:
    """How well two sides are told apart.

    `auc` is the mean over folds of the area under the ROC curve: .5 is not at all, 1 always;
    far below .5 counts as well. `p` (two-sided) and `z` place a plainer scorer's area in what
    it reaches where sides are dealt out to groups by chance. `tokens` give the sides away.
    """

    auc: float
    p: float
    z: float
    tokens: list[dict[str, Any]]


def describe(texts: list[str], seed: int) -> Described:
    """Give texts as TF-IDF of words and of characters, and lengths; topics are their main axes."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
    from sklearn.utils.extmath import randomized_svd

    texts = [text[:CHARACTERS] for text in texts]
    seen = TfidfVectorizer(
        token_pattern=r"\w+|[^\w\s]+", ngram_range=(1, 2), min_df=2, sublinear_tf=True,
        lowercase=False, dtype=np.float32,
    )  # fmt: skip
    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 3), n_features=2**16, alternate_sign=False,
        lowercase=False, norm=None, dtype=np.float32,
    )  # fmt: skip
    try:
        words = seen.fit_transform(texts)
        names = seen.get_feature_names_out().tolist()
    except ValueError:  # no word comes twice
        words, names = csr_matrix((len(texts), 0), dtype=np.float32), []
    grams = hashed.transform(texts)
    grams = grams[:, np.flatnonzero(grams.getnnz(axis=0) > 1)]
    if grams.shape[1]:
        grams = TfidfTransformer(sublinear_tf=True).fit_transform(grams)
    lengths = np.log1p([[len(text), len(text.split())] for text in texts])
    lengths = (lengths - lengths.mean(axis=0)) / (lengths.std(axis=0) + 1e-9) * WEIGHT_OF_LENGTH
    features = hstack([words, grams, csr_matrix(lengths)]).tocsr()
    axes, sizes, _ = randomized_svd(
        features, min(TOPICS, features.shape[1]), n_iter=2,
        random_state=derive(seed, "topics") % 2**32,
    )  # fmt: skip
    main = axes * sizes
    return Described(features, names, (main - main.mean(axis=0)) / (main.std(axis=0) + 1e-9))


def tell_apart(
    texts: Described, ids: list[str], groups: list[str], sides: np.ndarray, seed: int
) -> Telling:
    """Tell `sides` (n,), 0 or 1, apart by words, characters and length, cross-validated.

    Both sides need rows of at least as many groups as there are folds. The classifier is a
    logistic regression (Lopez-Paz and Oquab, 2017); its null is too dear to draw, so a ridge
    regression on the topics is held against its own.
    """
    from sklearn.linear_model import LogisticRegression

    folds = group_folds(ids, groups, sides, FOLDS, derive(seed, "telling"))
    model = LogisticRegression(solver="liblinear", class_weight="balanced")
    scores = np.zeros(len(sides))
    for fold in range(FOLDS):
        learn = folds != fold
        model.fit(texts.features[learn], sides[learn])
        scores[~learn] = model.decision_function(texts.features[~learn])
    auc = _areas(scores[:, None], sides[:, None], folds)[0]
    dealt = np.column_stack([sides, _deal(sides, groups, generator(seed, "permutations"))])
    reached = _ridge_areas(texts.topics, dealt, folds)
    centre, spread = reached[1:].mean(), reached[1:].std() or 1.0
    away = np.abs(reached - centre)
    weights = model.fit(texts.features, sides).coef_[0][: len(texts.words)]
    return Telling(
        auc=float(auc),
        p=(1 + int((away[1:] >= away[0]).sum())) / len(reached),
        z=float((reached[0] - centre) / spread),
        tokens=_tokens(texts.words, weights, texts.features[:, : len(texts.words)], sides),
    )


def _deal(sides: np.ndarray, groups: list[str], chance: np.random.Generator) -> np.ndarray:
    """Deal the sides out to whole groups anew, (n, PERMUTATIONS).

    A group that has both sides swaps them, or not.
    """
    places = np.unique(groups, return_inverse=True)[1]
    share = np.bincount(places, weights=sides) / np.bincount(places)
    pure = (share == 0) | (share == 1)
    dealt = np.zeros((len(share), PERMUTATIONS), dtype=np.int64)
    own = np.tile(share[pure].astype(np.int64)[:, None], PERMUTATIONS)
    dealt[pure] = chance.permuted(own, axis=0)
    dealt[~pure] = chance.integers(2, size=(int((~pure).sum()), PERMUTATIONS))
    return np.where(pure[places][:, None], dealt[places], sides[:, None] ^ dealt[places])


def _ridge_areas(topics: np.ndarray, dealt: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Give the area that ridge regression reaches for each dealing (n, k): (k,)."""
    scores = np.zeros(dealt.shape)
    for fold in range(FOLDS):
        learn = folds != fold
        own, target = topics[learn], dealt[learn] - dealt[learn].mean(axis=0)
        inner = own.T @ own + RIDGE * np.eye(own.shape[1])
        scores[~learn] = topics[~learn] @ np.linalg.solve(inner, own.T @ target)
    return _areas(scores, dealt, folds)


def _areas(scores: np.ndarray, sides: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Give the mean over folds of the area under the ROC curve, by ranks: (n, k), (n, k) to (k,).

    A fold that has one side only is left out.
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


def _tokens(names: list[str], weights: np.ndarray, words: Any, sides: np.ndarray) -> list[Any]:
    """Give the words that weigh most, with the share of each side's texts that have them."""
    spread = np.sqrt(np.asarray(words.multiply(words).mean(axis=0)).ravel())
    weighed = weights * spread
    there = words > 0
    shares = [
        np.asarray(there[sides == side].sum(axis=0)).ravel() / (sides == side).sum()
        for side in (0, 1)
    ]
    best = np.argsort(-np.abs(weighed), kind="stable")[:SHOWN]
    return [
        {"token": names[place], "side": int(weighed[place] > 0),
         "shares": [float(shares[0][place]), float(shares[1][place])]}
        for place in best
    ]  # fmt: skip
