"""A hand-written rule model: keywords and patterns for each class."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.yaml_files import read_yaml
from foldline.models.interface import FitResult, Job
from foldline.models.soft_labels import sample_weights, training_targets

FILE = "keywords.json"
Rules = dict[str, list[str]]


@dataclass(frozen=True)
class KeywordModel:
    """Keywords and /patterns/ of each class, and the class shares (c,) of the training rows.

    A class scores by how many of its rules match; without a match the class shares decide.
    """

    labels: Labels
    rules: Rules
    shares: tuple[float, ...]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) shares of matching rules; multilabel: 1 where any rule matches, else 0."""
        patterns = [_compile_rules(self.rules.get(name, [])) for name in self.labels.classes]
        texts = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
        counts = np.array(
            [[_count_matches(rules, f"{a}\n{b}") for rules in patterns] for a, b in texts],
            dtype=np.float64,
        ).reshape(len(rows), len(patterns))
        if self.labels.task == "multilabel":
            return np.asarray((counts > 0).astype(np.float64))
        # Ties between classes go to the more frequent one.
        prior = np.array(self.shares) / sum(self.shares)
        totals = np.where(counts > 0, counts + 0.5 * prior, 0.0)
        totals = np.where(counts.any(axis=1, keepdims=True), totals, prior)
        return np.asarray(totals / totals.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        """Write rules and shares."""
        write_json(folder / FILE, {"rules": self.rules, "shares": self.shares})


def fit(job: Job) -> FitResult:
    """Read the rules and count the classes of the training rows.

    Raises:
        FoldlineError: if the task has no classes, or the file is missing or malformed.
    """
    labels = job.labels
    if labels.task == "regression":
        raise FoldlineError(
            "model=keywords supports only classification: it cannot predict numbers"
        )
    path = job.recipe.keywords.file
    if path is None:
        raise FoldlineError("keywords.file is null: name a YAML file under data/raw/")
    if not Path(path).is_file():
        raise FoldlineError(
            f"keywords.file={path} does not exist: name a YAML file under data/raw/"
        )
    rules = read_rules(Path(path), labels)
    target = training_targets(job.train, labels)
    target = np.eye(len(labels.classes))[target] if target.ndim == 1 else target
    shares = np.average(target, axis=0, weights=sample_weights(job.train))
    model = KeywordModel(labels, rules, tuple(shares.tolist()))
    all_rules = _compile_rules([word for words in rules.values() for word in words])
    hits = [_count_matches(all_rules, text) > 0 for text in job.train["text"]]
    return FitResult(model, summary={"texts_with_keywords": float(np.mean(hits))})


def load(folder: Path, labels: Labels) -> KeywordModel:
    """Read the model."""
    content = read_json(folder / FILE)
    return KeywordModel(labels, content["rules"], tuple(content["shares"]))


def read_rules(path: Path, labels: Labels) -> Rules:
    """Read words and /patterns/ of classes from YAML: `spam: [winner, "/£ ?[0-9]+/"]`.

    Raises:
        FoldlineError: for an unknown class or a rule that cannot be read.
    """
    content = _read_mapping(path, labels)
    for name, words in content.items():
        if str(name) not in labels.classes:
            nearest_class = closest_name(str(name), labels.classes)
            hint = f"; did you mean '{nearest_class}'?" if nearest_class else "."
            raise FoldlineError(
                f"{path}: '{name}' is not a class{hint} Classes: {listing(labels.classes)}"
            )
        if not isinstance(words, list) or not words or not all(map(_is_word, words)):
            raise FoldlineError(
                f"{path}: {name} must be a list of non-empty words (found {words!r:.60}): write "
                f"`{name}: [word, another]`"
            )
        try:
            _compile_rules([str(word) for word in words])
        except re.error as error:
            raise FoldlineError(
                f"{path}: {name}: {error.pattern!r} is not a regular expression: {error}. Correct "
                "it, or write it without the slashes to find it as it stands"
            ) from error
    return {str(name): [str(word) for word in words] for name, words in content.items()}


def _read_mapping(path: Path, labels: Labels) -> Mapping[Any, Any]:
    content = read_yaml(path)
    if not isinstance(content, Mapping) or not content:
        raise FoldlineError(
            f"{path} must map classes to lists of words, as `{labels.classes[0]}: [word, another]` "
            f"(found {content!r:.60})"
        )
    return content


def _is_word(word: object) -> bool:
    """Return whether a value can be a keyword; an empty one would match every text."""
    return isinstance(word, (str, int, float)) and bool(str(word).strip())


def _compile_rules(words: list[str]) -> list[re.Pattern[str]]:
    """Compile rules that match anywhere in a text, since Korean particles follow words."""
    patterns = []
    for word in words:
        regex = len(word) > 2 and word.startswith("/") and word.endswith("/")
        patterns.append(re.compile(word[1:-1] if regex else re.escape(word), re.IGNORECASE))
    return patterns


def _count_matches(patterns: list[re.Pattern[str]], text: str) -> int:
    return sum(pattern.search(text) is not None for pattern in patterns)
