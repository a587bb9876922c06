"""The sets of `benchmarks.kinds`: their files, their params, and what others reached on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

Changes = dict[str, Any]
DROP: Changes = {"split.drop_from_train": True}
LEARNERS = ("LR", "LR balanced", "SVC", "SVC balanced")
ENCODER = "models/pretrained/minilm"

# Params of each kind, beside those of the file.
SCRATCH: Changes = {"train.precision": "auto", "train.predict_precision": "auto"}
KINDS: Mapping[str, Changes] = {
    "tfidf": {"model": "tfidf"},
    "tfidf-nbsvm": {"model": "tfidf", "tfidf.head": "nbsvm"},
    "gbdt": {"model": "gbdt"},
    "static": {"model": "static"},
    "embed": {"model": "embed", "embed.encoder": ENCODER},
    "scratch": SCRATCH | {"model": "scratch", "lr": 1e-3},
    "fine-tuned": SCRATCH | {"model": ENCODER, "lr": 1e-4, "epochs": 4},
}
# Heads of TF-IDF that stand beside the references', which are of these two learners.
HEADS: Mapping[str, Changes] = {
    "LR": {"tfidf.head": "logistic", "tfidf.class_weights": "none"},
    "LR balanced": {"tfidf.head": "logistic"},
    "SVC": {"tfidf.head": "svm", "tfidf.class_weights": "none"},
    "SVC balanced": {"tfidf.head": "svm"},
}


@dataclass(frozen=True)
class DataSet:
    """A set: files by part (csv, also gz), columns, and where its rows are judged.

    `safe` are params of its split without leaks, `loose` those of the references' own split.
    `references` are macro-F1 (korsts: Pearson) of simple models, `published` is the best seen.
    `heads` are those of TF-IDF that are tried beside the references; `of_kind` what a kind needs.
    """

    files: Mapping[str, str]
    references: Mapping[str, float]
    published: str = ""
    task: str = "classification"
    columns: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()  # labels that are no class
    max_length: int = 64
    safe: Mapping[str, Any] = field(default_factory=dict)
    loose: Mapping[str, Any] = field(default_factory=dict)
    heads: tuple[str, ...] = ("LR", "LR balanced")
    of_kind: Mapping[str, Changes] = field(default_factory=dict)
    # Kinds that are left out, and why.
    without: Mapping[str, str] = field(default_factory=dict)
    # Kinds that learn from and are judged on a draw alone: (training rows, test rows).
    drawn: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def table(self, text: pd.DataFrame) -> pd.DataFrame:
        """Leave out rows whose label is no class."""
        label = self.columns.get("label", "label")
        return text[~text[label].isin(self.left_out)] if self.left_out else text


def _of(*values: float) -> Mapping[str, float]:
    return MappingProxyType(dict(zip(LEARNERS, values, strict=True)))


def _official(*parts: str) -> dict[str, str]:
    return {part: f"{part}.csv" for part in parts}


KOREAN = {"fine-tuned": "MiniLM is English: its vocabulary holds hardly any Korean"}
# An epoch over few rows is few steps.
FEW: Mapping[str, Changes] = {"scratch": {"epochs": 20}}
NO_VALID: Changes = {"split.ratios": [0.9, 0.1, 0.0]}
ALL: Changes = {"split.max_leak_share": 1.0}

# References by scikit-learn, of one seed and fixed C: words 1-2 and char_wb 2-5, liblinear LR of
# C=4 and LinearSVC of C=.5, on the official test; sms_spam 80/20, korean_hate_speech on valid rows.
SETS: Mapping[str, DataSet] = {
    "hausa_news": DataSet(
        _official("train", "valid", "test"),
        _of(0.812, 0.826, 0.819, 0.833),
        published="macro-F1 .863 XLM-R",
        loose=ALL,
        heads=LEARNERS,
        of_kind=FEW,
    ),
    "convabuse": DataSet(
        _official("train", "valid", "test"),
        _of(0.851, 0.880, 0.863, 0.882),
        left_out=("tie",),
        safe=DROP,
        loose=ALL,
        heads=LEARNERS,
        of_kind=FEW,
    ),
    "sms_spam": DataSet(
        {"train": "data.csv"},
        _of(0.980, 0.986, 0.984, 0.986),
        max_length=96,
        safe={"split.ratios": [0.7, 0.1, 0.2]},
        loose={"split.ratios": [0.8, 0.0, 0.2], "prepare.duplicates.min_chars": 100_000},
        heads=LEARNERS,
        of_kind=FEW,
    ),
    "korean_hate_speech": DataSet(
        {"train": "train.csv", "test": "valid.csv"},
        _of(0.551, 0.574, 0.560, 0.562),
        published="macro-F1 .745 KcELECTRA",
        safe=NO_VALID,
        loose=ALL | {"split.ratios": [1.0, 0.0, 0.0]},
        without=KOREAN,
    ),
    "tweeteval_hate": DataSet(
        _official("train", "valid", "test"),
        _of(0.430, 0.407, 0.434, 0.417),
        published="macro-F1 .564 BERTweet",
        max_length=96,
        safe=DROP,
        loose=ALL,
        heads=LEARNERS,
    ),
    "korsts": DataSet(
        _official("train", "valid", "test"),
        {"Ridge of cosines and overlaps": 0.628},
        published="Spearman .861 KoSimCSE",
        task="regression",
        columns={"text": "sentence1", "text_pair": "sentence2", "label": "score"},
        max_length=96,
        safe=DROP,
        loose=ALL,
        heads=(),
        without=KOREAN,
    ),
    "banking77": DataSet(
        _official("train", "test"),
        _of(0.916, 0.917, 0.914, 0.916),
        published="accuracy .931 bge-small under LinearSVC",
        safe=NO_VALID,
        loose=ALL | {"split.ratios": [1.0, 0.0, 0.0]},
        # 77 trees an iteration.
        of_kind={"gbdt": {"gbdt.iterations": 60, "gbdt.leaves": 15}},
    ),
    "nsmc": DataSet(
        {"train": "train.csv.gz", "test": "test.csv.gz"},
        _of(0.872, 0.872, 0.872, 0.872),
        published="accuracy .917 KcELECTRA",
        safe=DROP | {"split.ratios": [0.95, 0.05, 0.0]},
        loose=ALL | {"split.ratios": [1.0, 0.0, 0.0]},
        heads=("LR balanced",),
        of_kind={"scratch": {"epochs": 2}},
        without=KOREAN,
        # All of it takes hours of one core.
        drawn={"embed": (20_000, 10_000), "scratch": (40_000, 10_000)},
    ),
}
