"""Tiny tables, texts and predictions on which parts are checked; no file, no network."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foldline.core.io.labels import Labels

CLASSES = ("food 음식", "sport 운동", "weather 날씨")
_WORDS = (
    "김치 찌개 soup 라면 맛있는 bread 식당 점심 kimchi 밥상",
    "축구 경기 goal 선수 우승 match 야구 감독 team 승부",
    "비가 흐린 rain 기온 태풍 cloud 맑은 바람 storm 눈이",
)
WORDS = {name: words.split() for name, words in zip(CLASSES, _WORDS, strict=True)}
COMMON = ("오늘", "the", "정말", "very", "우리", "and", "어제", "today")
# Texts of kinds that have broken augmenters and cleaners before.
TEXTS = (
    "one two three four five six seven eight nine ten",
    "오늘은 비가 오고 바람이 많이 불어서 집에 있었다",
    "mixed 섞인 text 문장 http://a.b/c :) 3,000원",
    "word",
    "낱말",
    "두 낱말",
    "a",
    "?!",
    "   ",
    "",
    "🙂🙂 👩‍👩‍👧",
    "ㅋㅋㅋㅠㅠ",
    "{text} {label} \\ % \t",
    "https://example.org/?q=1 me@example.org #tag @you",
    "á é 中文 🙂 " * 1100,
    "가" * 10_000,
)
# The same for models: an empty text, unseen words and characters, a text that is far too long.
HARD_TEXTS = ("", "가", "!?!", "새로운 낱말들 unseen words", "é中🙂\x00", "축구 경기 " * 3_000)
HARD_PAIRS = ("", "", "나", "", "?", "경기")


def sample_labels(task: str) -> Labels:
    """Return the labels of `sample_rows`."""
    return Labels(task, () if task == "regression" else CLASSES)


def sample_rows(
    task: str = "classification", pairs: bool = False, n: int = 40, seed: int = 0
) -> pd.DataFrame:
    """Return a table of `n` rows as stages exchange it, whose labels follow from the words."""
    rng = np.random.default_rng([seed, len(task), pairs])
    records = [_record(task, pairs, number, rng) for number in range(n)]
    columns = ["id", "text", "text_pair", "label", "group"]
    return pd.DataFrame(records, columns=columns, dtype="str")


def _record(task: str, pairs: bool, number: int, rng: np.random.Generator) -> tuple[str, ...]:
    name = CLASSES[number % len(CLASSES)]
    own = [str(w) for w in rng.choice(WORDS[name], size=5, replace=False)]
    common = [str(w) for w in rng.choice(COMMON, size=2, replace=False)]
    kept = number % 6 if task == "regression" else 5
    other = [*own[:kept], *WORDS[CLASSES[(number + 1) % 3]][: 5 - kept]]
    label = f"{kept + rng.normal() / 10:.3f}" if task == "regression" else name
    if task == "regression" and not pairs:  # the number is how many words speak of food
        own = [*WORDS[CLASSES[0]][:kept], *own[kept:]]
    if task == "multilabel":  # every class whose words stand in the text; there may be none
        present = [c for place, c in enumerate(CLASSES) if number >> place & 1]
        own = [str(w) for c in present for w in rng.choice(WORDS[c], size=3, replace=False)]
        label = "|".join(present)
    text = " ".join([*own, *common])
    pair = " ".join(reversed(other)) if pairs else ""
    return f"r{number:03d}", text, pair, label, f"r{number:03d}"


def sample_predictions(
    task: str, seed: int, n: int = 200, c: int = 3
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return targets and predictions of a task, rounded so that ties are common."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = rng.normal(size=n).round(1)
        truth[truth == 0] = 0.1  # A percentage of 0 is undefined.
        return truth, (truth + rng.normal(size=n)).round(1)
    if task == "multilabel":
        labels = rng.integers(2, size=(n, c))
        return labels, (1 / (1 + np.exp(rng.normal(size=(n, c)) + 1.5 * (1 - 2 * labels)))).round(2)
    target = rng.integers(c, size=n)
    scores = (1.5 * np.eye(c)[target] + rng.normal(size=(n, c))).round(1)
    return target, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
