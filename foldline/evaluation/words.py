"""The words that drive confusions: more frequent in wrong rows of a label than in right ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from foldline.data.label_artifacts import adjust_p_values, find_ngrams
from foldline.evaluation.confusions import Confusion

MIN_GROUPS = 10  # of wrong rows; also of all rows with a word
MAX_WORDS = 10
PRIOR_WORDS = 500.0  # that all rows together count for


def find_words(
    confusions: Sequence[Confusion], texts: Sequence[str], groups: np.ndarray, level: float
) -> list[dict[str, Any]]:
    """Return the words that confusions have more often than by chance, the surest first.

    A group of duplicates counts once. `score` is the z-score of the log odds with an informative
    Dirichlet prior of all rows (Monroe, Colaresi and Quinn, 2008). A word is claimed where Fisher's
    exact test, corrected over the words of all confusions (Benjamini and Hochberg, 1995), finds it
    more frequent at `level`: with few rows the z-score alone would claim too much.
    """
    from scipy.stats import hypergeom

    codes = np.unique(groups, return_inverse=True)[1]
    large = [own for own in confusions if len(np.unique(codes[own.wrong])) >= MIN_GROUPS]
    if not large:
        return []
    used = np.flatnonzero(np.any([own.wrong | own.right for own in large], axis=0))
    ngrams = find_ngrams([texts[row] for row in used.tolist()], MIN_GROUPS, longest=1)
    codes, present = codes[used], ngrams.present
    background = _count_groups(present, codes, np.ones(len(used), dtype=bool))[0]
    tests = []
    for own in large:
        wrong, n_wrong = _count_groups(present, codes, own.wrong[used])
        right, n_right = _count_groups(present, codes, own.right[used])
        tested = np.flatnonzero(wrong + right >= MIN_GROUPS)
        wrong, right = wrong[tested], right[tested]
        p = hypergeom.sf(wrong - 1, n_wrong + n_right, wrong + right, n_wrong)
        scores = score_words(wrong, right, background[tested])
        tests.append((own, ngrams.names[tested], wrong, scores, p))
    p = np.concatenate([test[-1] for test in tests])
    sure = adjust_p_values(p, len(p)) <= 1 - level
    claimed = np.split(sure, np.cumsum([len(test[-1]) for test in tests])[:-1])
    found = []
    for (own, names, wrong, scores, _), is_sure in zip(tests, claimed, strict=True):
        order = [k for k in np.lexsort((names, -scores)) if is_sure[k] and scores[k] > 0]
        words = [
            {"word": str(names[k]), "rows": int(wrong[k]), "score": float(scores[k])}
            for k in order[:MAX_WORDS]
        ]
        if words:
            found.append({"label": own.label, "predicted": own.predicted, "words": words})
    return found


def score_words(wrong: np.ndarray, right: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return the z-scores (v,) of words, from the groups with each word in both and in all rows."""
    prior = PRIOR_WORDS * background / max(background.sum(), 1)
    log_odds, variance = [], np.zeros(len(prior))
    for counts in (wrong, right):
        own = counts + prior
        log_odds.append(np.log(own) - np.log(counts.sum() + prior.sum() - own))
        variance += 1 / own
    return np.asarray((log_odds[0] - log_odds[1]) / np.sqrt(variance))


def _count_groups(present: Any, codes: np.ndarray, selected: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of groups with each word (v,) among the selected rows, and of all."""
    from scipy.sparse import csr_array

    numbers, own = np.unique(codes[selected], return_inverse=True)
    ones = np.ones(len(own), dtype=np.int64)
    members = csr_array((ones, (own, np.flatnonzero(selected))), (len(numbers), len(codes)))
    return np.asarray(((members @ present) > 0).sum(axis=0)).ravel(), len(numbers)
