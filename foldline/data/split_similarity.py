"""Similarity of train, valid and test: labels, lengths, words, and a classifier two-sample test."""

import re
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listing
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.data.multilabel import explode_labels
from foldline.data.splits import PARTS
from foldline.data.two_sample_test import TextFeatures, extract_features, run_two_sample_test

PAIRS = (("train", "valid"), ("train", "test"), ("valid", "test"))
MAX_ROWS = 3_000  # of a part whose texts are compared, sampled by id
MAX_TOKENS = 5  # in a note
MIN_GROUPS = 30  # of the smallest part, for the two-sample test
MIN_AUC_GAP, MAX_P = 0.1, 0.01  # of a difference worth a note
_TOKEN = re.compile(r"\w+")


def compare_parts(
    table: pd.DataFrame, task: str, test_texts: bool, seed: int
) -> dict[str, dict[str, Any]]:
    """Compare the parts of a table with `part` and `group`, two by two.

    Returns, by a name such as `train_test`: `labels` (see `label_distance`), `length_ks`
    (Kolmogorov-Smirnov distance of the numbers of characters, 0 to 1), `unseen_tokens` (the share
    of the second part's tokens that the first part's sample lacks), and with `test_texts` the
    `auc`, `p`, `z` and `tokens` of a two-sample test. No choice depends on them.
    """
    sampled = pd.concat([_sample_rows(table[table["part"] == part], seed) for part in PARTS])
    sampled = sampled.reset_index(drop=True)
    samples = {part: sampled[sampled["part"] == part] for part in PARTS}
    groups = min(rows["group"].nunique() for rows in samples.values() if len(rows))
    test_texts = test_texts and groups >= MIN_GROUPS
    features = extract_features(_joined_texts(sampled), seed) if test_texts else None
    comparisons: dict[str, dict[str, Any]] = {}
    for first, second in PAIRS:
        rows = [samples[first], samples[second]]
        if any(part.empty for part in rows):
            continue
        labels = [table["label"][table["part"] == part] for part in (first, second)]
        comparison = {
            "rows": list(map(len, rows)),
            "labels": label_distance(labels[0], labels[1], task),
            "length_ks": ks_distance(*map(_text_lengths, rows)),
            "unseen_tokens": unseen_token_share(*map(_joined_texts, rows)),
        }
        if features:
            comparison |= _test_texts(features, rows[0], rows[1], seed)
        comparisons[f"{first}_{second}"] = comparison
    return comparisons


def similarity_notes(comparisons: dict[str, dict[str, Any]]) -> list[str]:
    """Return notes where train or valid differs from test clearly and significantly."""
    notes = []
    for first in ("train", "valid"):
        pair = comparisons.get(f"{first}_test", {})
        if "auc" in pair and abs(pair["auc"] - 0.5) > MIN_AUC_GAP and pair["p"] <= MAX_P:
            tokens = [f"'{token['token']}'" for token in pair["tokens"][:MAX_TOKENS]]
            learnt = "models learn" if first == "train" else "is chosen"
            notes.append(
                f"{first} is not representative of test: a classifier separates their texts (AUC "
                f"{pair['auc']:.2f}, by chance 0.50; p {pair['p']:.3f}) by "
                f"{listing(tokens) or 'their form'}. What {learnt} on {first} may not hold on "
                "test; see reports/split.json"
            )
    return notes


def label_distance(first: "pd.Series[Any]", second: "pd.Series[Any]", task: str) -> dict[str, Any]:
    """Return the distance between the labels of two parts.

    Classes: `total_variation` (half the sum of the shares' differences, 0 to 1), and `largest`,
    the class that differs most, with its shares (of all labels, if rows have several).
    Numbers: `ks` (0 to 1) and `wasserstein`, in standard deviations of the first part.
    """
    if task == "regression":
        from scipy.stats import wasserstein_distance

        numbers = [part.to_numpy(dtype=np.float64) for part in (first, second)]
        distance = float(wasserstein_distance(*numbers))
        return {
            "ks": ks_distance(*numbers),
            "wasserstein": distance / (float(numbers[0].std()) or 1.0),
        }
    labels = [explode_labels(part.to_frame("label"), task)["label"] for part in (first, second)]
    counts = [part.value_counts(normalize=True) for part in labels]
    names = sorted(set(counts[0].index) | set(counts[1].index))
    shares = [part.reindex(names, fill_value=0.0).to_numpy() for part in counts]
    difference = np.abs(shares[0] - shares[1])
    largest = int(difference.argmax())
    return {
        "total_variation": float(difference.sum() / 2),
        "largest": {
            "class": names[largest],
            "shares": [float(part[largest]) for part in shares],
        },
    }


def ks_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest difference of two empirical distribution functions, 0 to 1."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(first, second, method="asymp").statistic)  # the p-value is not used


def unseen_token_share(first: list[str], second: list[str]) -> float:
    """Return the share of the second texts' tokens, ignoring case, that no first text has."""
    known = {token for text in first for token in _TOKEN.findall(text.casefold())}
    tokens = [token for text in second for token in _TOKEN.findall(text.casefold())]
    return sum(token not in known for token in tokens) / max(len(tokens), 1)


def _sample_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    keys = rank_keys(derive_seed(seed, "compare"), rows["id"].tolist())
    return rows.iloc[np.argsort(keys, kind="stable")[:MAX_ROWS]]


def _joined_texts(rows: pd.DataFrame) -> list[str]:
    return (rows["text"] + " " + rows["text_pair"]).tolist()


def _text_lengths(rows: pd.DataFrame) -> np.ndarray:
    return np.array([len(text) for text in _joined_texts(rows)], dtype=np.float64)


def _test_texts(
    features: TextFeatures, first: pd.DataFrame, second: pd.DataFrame, seed: int
) -> dict[str, Any]:
    both = pd.concat([first, second])
    rows = both.index.to_numpy()
    selected = TextFeatures(features.features[rows], features.words, features.topics[rows])
    sides = np.repeat([0, 1], [len(first), len(second)])
    result = run_two_sample_test(selected, both["id"].tolist(), both["group"].tolist(), sides, seed)
    parts = [first["part"].iloc[0], second["part"].iloc[0]]
    tokens = [
        {"token": token["token"], "more_in": parts[token["side"]], "shares": token["shares"]}
        for token in result.tokens
    ]
    return {"auc": result.auc, "p": result.p, "z": result.z, "tokens": tokens}
