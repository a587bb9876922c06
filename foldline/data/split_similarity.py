"""How alike train, valid and test are: labels, lengths, words, and whether they are told apart."""

import re
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listed
from foldline.core.io.seeds import derive, rank_keys
from foldline.data.multilabel import explode_labels
from foldline.data.splits import PARTS
from foldline.data.two_sample_test import TextFeatures, extract_features, run_two_sample_test

PAIRS = (("train", "valid"), ("train", "test"), ("valid", "test"))
MAX_ROWS = 3_000  # rows of a part that texts are compared on, drawn by id
MAX_TOKENS = 5  # tokens in a note
MIN_GROUPS = 30  # groups of the smallest part, below which no classifier tries
MIN_AUC_GAP, MAX_P = 0.1, 0.01  # a difference matters from .6 (or .4), if chance seldom gives it
_TOKEN = re.compile(r"\w+")


def compare_parts(table: pd.DataFrame, task: str, tell: bool, seed: int) -> dict[str, Any]:
    """Compare the parts of a table with `part` and `group`, two by two.

    Gives, by a name such as `train_test`: `labels` (distance, see `label_distance`), `length_ks`
    (Kolmogorov and Smirnov's distance of the numbers of characters, 0 to 1), `unseen_tokens` (the
    share of the second part's tokens that the first one's sample has not), and with `tell` what
    `tell_apart` found: `auc`, `p`, `z`, `tokens`. Nothing is chosen by it.
    """
    drawn = pd.concat([_sample_rows(table[table["part"] == part], seed) for part in PARTS])
    drawn = drawn.reset_index(drop=True)
    samples = {part: drawn[drawn["part"] == part] for part in PARTS}
    fewest = min(rows["group"].nunique() for rows in samples.values() if len(rows))
    texts = extract_features(_joined_texts(drawn), seed) if tell and fewest >= MIN_GROUPS else None
    found: dict[str, Any] = {}
    for first, second in PAIRS:
        if samples[first].empty or samples[second].empty:
            continue
        one, other = samples[first], samples[second]
        both = [table["label"][table["part"] == part] for part in (first, second)]
        pair = {
            "rows": [len(one), len(other)],
            "labels": label_distance(both[0], both[1], task),
            "length_ks": ks_distance(_text_lengths(one), _text_lengths(other)),
            "unseen_tokens": unseen_token_share(_joined_texts(one), _joined_texts(other)),
        }
        if texts:
            pair |= _classify_parts(texts, one, other, seed)
        found[f"{first}_{second}"] = pair
    return found


def similarity_notes(found: dict[str, Any]) -> list[str]:
    """Warn where valid or train does not stand for test: told apart clearly, and not by chance."""
    notes = []
    for first in ("train", "valid"):
        pair = found.get(f"{first}_test", {})
        if "auc" in pair and abs(pair["auc"] - 0.5) > MIN_AUC_GAP and pair["p"] <= MAX_P:
            words = (
                listed([f"'{one['token']}'" for one in pair["tokens"][:MAX_TOKENS]]) or "their form"
            )
            trust = "is learnt" if first == "train" else "is chosen"
            notes.append(
                f"{first} does not stand for test: a classifier tells their texts apart (AUC "
                f"{pair['auc']:.2f}, where chance gives 0.50; p {pair['p']:.3f}), by {words}. What "
                f"{trust} on {first} may not hold on test; reports/split.json has more"
            )
    return notes


def label_distance(first: "pd.Series[Any]", second: "pd.Series[Any]", task: str) -> dict[str, Any]:
    """Give how far two parts' labels are apart.

    Classes: `total_variation` (half the sum of the shares' differences, 0 to 1), and `largest`,
    the class that differs most, with its shares (of all labels, where rows have several).
    Numbers: `ks` (0 to 1) and `wasserstein_distance`, in standard deviations of the first.
    """
    if task == "regression":
        one, other = first.to_numpy(dtype=np.float64), second.to_numpy(dtype=np.float64)
        return {
            "ks": ks_distance(one, other),
            "wasserstein": wasserstein_distance(one, other) / (float(one.std()) or 1.0),
        }
    each = [explode_labels(part.to_frame("label"), task)["label"] for part in (first, second)]
    shares = [part.value_counts(normalize=True) for part in each]
    names = sorted(set(shares[0].index) | set(shares[1].index))
    one, other = (part.reindex(names, fill_value=0.0).to_numpy() for part in shares)
    worst = int(np.abs(one - other).argmax())
    return {
        "total_variation": float(np.abs(one - other).sum() / 2),
        "largest": {"class": names[worst], "shares": [float(one[worst]), float(other[worst])]},
    }


def ks_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Give the largest difference of two empirical distribution functions, 0 to 1."""
    both = np.concatenate([first, second])
    below = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def wasserstein_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Give the earth mover's distance of two samples, in their unit."""
    both = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(np.sort(x), both[:-1], side="right") / len(x) for x in (first, second)]
    return float((np.abs(below[0] - below[1]) * np.diff(both)).sum())


def unseen_token_share(first: list[str], second: list[str]) -> float:
    """Give the share of the second texts' tokens (case aside) that no first text has."""
    known = {token for text in first for token in _TOKEN.findall(text.casefold())}
    tokens = [token for text in second for token in _TOKEN.findall(text.casefold())]
    return sum(token not in known for token in tokens) / max(len(tokens), 1)


def _sample_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    keys = rank_keys(derive(seed, "compare"), rows["id"].tolist())
    return rows.iloc[np.argsort(keys, kind="stable")[:MAX_ROWS]]


def _joined_texts(rows: pd.DataFrame) -> list[str]:
    return (rows["text"] + " " + rows["text_pair"]).tolist()


def _text_lengths(rows: pd.DataFrame) -> np.ndarray:
    return np.array([len(text) for text in _joined_texts(rows)], dtype=np.float64)


def _classify_parts(
    texts: TextFeatures, one: pd.DataFrame, other: pd.DataFrame, seed: int
) -> dict[str, Any]:
    both = pd.concat([one, other])
    rows = both.index.to_numpy()
    own = TextFeatures(texts.features[rows], texts.words, texts.topics[rows])
    sides = np.repeat([0, 1], [len(one), len(other)])
    found = run_two_sample_test(own, both["id"].tolist(), both["group"].tolist(), sides, seed)
    names = [one["part"].iloc[0], other["part"].iloc[0]]
    tokens = [
        {"token": token["token"], "more_in": names[token["side"]], "shares": token["shares"]}
        for token in found.tokens
    ]
    return {"auc": found.auc, "p": found.p, "z": found.z, "tokens": tokens}
