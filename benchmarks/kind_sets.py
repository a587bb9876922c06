"""The data sets of `benchmarks.kinds`: files, params, and reference scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

Changes = dict[str, Any]
DROP_LEAKS: Changes = {"split.drop_from_train": True}
LEARNERS = ("LR", "LR balanced", "SVC", "SVC balanced")
ENCODER = "models/pretrained/minilm"

# Params of each kind, on top of those in params.yaml.
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
# TF-IDF heads that correspond to the learners of the references.
REFERENCE_HEADS: Mapping[str, Changes] = {
    "LR": {"tfidf.head": "logistic", "tfidf.class_weights": "none"},
    "LR balanced": {"tfidf.head": "logistic"},
    "SVC": {"tfidf.head": "svm", "tfidf.class_weights": "none"},
    "SVC balanced": {"tfidf.head": "svm"},
}


@dataclass(frozen=True)
class DataSet:
    """A data set: files by part (csv, also gz), columns, split params, and reference scores.

    `safe` are the params of a split without leaks, `loose` those of the references' own split.
    `references` are macro-F1 (korsts: Pearson) of simple models, `published` is the best known
    result. `heads` are the TF-IDF heads to compare with the references.
    """

    files: Mapping[str, str]
    references: Mapping[str, float]
    published: str = ""
    task: str = "classification"
    columns: Mapping[str, str] = field(default_factory=dict)
    excluded_labels: tuple[str, ...] = ()
    max_length: int = 64
    safe: Mapping[str, Any] = field(default_factory=dict)
    loose: Mapping[str, Any] = field(default_factory=dict)
    heads: tuple[str, ...] = ("LR", "LR balanced")
    kind_params: Mapping[str, Changes] = field(default_factory=dict)
    # Kinds that are not run, and why.
    skipped_kinds: Mapping[str, str] = field(default_factory=dict)
    # Kinds that use only a sample: (training rows, test rows).
    subsamples: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def drop_excluded_labels(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table without rows whose label is excluded."""
        label = self.columns.get("label", "label")
        return table[~table[label].isin(self.excluded_labels)] if self.excluded_labels else table


def _reference_scores(*values: float) -> Mapping[str, float]:
    return MappingProxyType(dict(zip(LEARNERS, values, strict=True)))


def _official_files(*parts: str) -> dict[str, str]:
    return {part: f"{part}.csv" for part in parts}


NO_KOREAN_ENCODER = {"fine-tuned": "MiniLM is English: its vocabulary has hardly any Korean"}
# Small sets have few steps per epoch.
MORE_EPOCHS: Mapping[str, Changes] = {"scratch": {"epochs": 20}}
NO_VALID: Changes = {"split.ratios": [0.9, 0.1, 0.0]}
KEEP_LEAKS: Changes = {"split.max_leak_share": 1.0}

# References by scikit-learn, one seed and fixed C: words 1-2 and char_wb 2-5, liblinear LR with
# C=4 and LinearSVC with C=.5, on the official test; sms_spam 80/20, korean_hate_speech on valid.
SETS: Mapping[str, DataSet] = {
    "hausa_news": DataSet(
        _official_files("train", "valid", "test"),
        _reference_scores(0.812, 0.826, 0.819, 0.833),
        published="macro-F1 .863 XLM-R",
        loose=KEEP_LEAKS,
        heads=LEARNERS,
        kind_params=MORE_EPOCHS,
    ),
    "convabuse": DataSet(
        _official_files("train", "valid", "test"),
        _reference_scores(0.851, 0.880, 0.863, 0.882),
        excluded_labels=("tie",),
        safe=DROP_LEAKS,
        loose=KEEP_LEAKS,
        heads=LEARNERS,
        kind_params=MORE_EPOCHS,
    ),
    "sms_spam": DataSet(
        {"train": "data.csv"},
        _reference_scores(0.980, 0.986, 0.984, 0.986),
        max_length=96,
        safe={"split.ratios": [0.7, 0.1, 0.2]},
        loose={"split.ratios": [0.8, 0.0, 0.2], "prepare.duplicates.min_chars": 100_000},
        heads=LEARNERS,
        kind_params=MORE_EPOCHS,
    ),
    "korean_hate_speech": DataSet(
        {"train": "train.csv", "test": "valid.csv"},
        _reference_scores(0.551, 0.574, 0.560, 0.562),
        published="macro-F1 .745 KcELECTRA",
        safe=NO_VALID,
        loose=KEEP_LEAKS | {"split.ratios": [1.0, 0.0, 0.0]},
        skipped_kinds=NO_KOREAN_ENCODER,
    ),
    "tweeteval_hate": DataSet(
        _official_files("train", "valid", "test"),
        _reference_scores(0.430, 0.407, 0.434, 0.417),
        published="macro-F1 .564 BERTweet",
        max_length=96,
        safe=DROP_LEAKS,
        loose=KEEP_LEAKS,
        heads=LEARNERS,
    ),
    "korsts": DataSet(
        _official_files("train", "valid", "test"),
        {"Ridge of cosines and overlaps": 0.628},
        published="Spearman .861 KoSimCSE",
        task="regression",
        columns={"text": "sentence1", "text_pair": "sentence2", "label": "score"},
        max_length=96,
        safe=DROP_LEAKS,
        loose=KEEP_LEAKS,
        heads=(),
        skipped_kinds=NO_KOREAN_ENCODER,
    ),
    "banking77": DataSet(
        _official_files("train", "test"),
        _reference_scores(0.916, 0.917, 0.914, 0.916),
        published="accuracy .931 bge-small under LinearSVC",
        safe=NO_VALID,
        loose=KEEP_LEAKS | {"split.ratios": [1.0, 0.0, 0.0]},
        # 77 trees per iteration.
        kind_params={"gbdt": {"gbdt.iterations": 60, "gbdt.leaves": 15}},
    ),
    "nsmc": DataSet(
        {"train": "train.csv.gz", "test": "test.csv.gz"},
        _reference_scores(0.872, 0.872, 0.872, 0.872),
        published="accuracy .917 KcELECTRA",
        safe=DROP_LEAKS | {"split.ratios": [0.95, 0.05, 0.0]},
        loose=KEEP_LEAKS | {"split.ratios": [1.0, 0.0, 0.0]},
        heads=("LR balanced",),
        kind_params={"scratch": {"epochs": 2}},
        skipped_kinds=NO_KOREAN_ENCODER,
        # All rows would take hours on one core.
        subsamples={"embed": (20_000, 10_000), "scratch": (40_000, 10_000)},
    ),
}
