"""Checks that must find nothing: shuffled labels, constant texts, labels in texts."""

import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import MAIN, split_label_names
from foldline.core.io.seeds import derive_seed, generator
from foldline.diagnostics.inputs import NO_REGULARISATION, DiagnosticInputs
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, grade
from foldline.metrics.registry import prepare_metrics
from foldline.models import registry

EPOCHS, BATCH = 3, 8  # small batches, for enough steps
PERMUTATIONS = 999
LEVELS = (
    0.99,
    0.999,
)  # of the chance interval: outside the first to be looked at, outside both wrong
SPREAD = 1e-4  # rounding differences between predictions for equal texts
GAIN = (0.01, 0.05)  # of the way from the best constant prediction to a perfect one
EXCESS = (0.1, 0.3)  # share of rows with their own label in the text, beyond chance


def check_labels_in_texts(inputs: DiagnosticInputs) -> Finding:
    """Compare how often a row's own label occurs in its text with how often another's does."""
    rows = pd.concat([inputs.train, inputs.valid], ignore_index=True)
    texts = (rows["text"] + "\n" + rows["text_pair"]).str.casefold().tolist()
    labels = [_label_names(label, inputs.labels.task) for label in rows["label"].tolist()]
    order = generator(inputs.recipe.seed, "labels in inputs").permutation(len(rows)).tolist()
    own_share = _share_with_label(texts, labels)
    other_share = _share_with_label(texts, [labels[index] for index in order])
    summary = f"own label in {own_share:.1%} of the texts, another row's in {other_share:.1%}"
    advice = (
        "texts contain their own label: find out how it got there and remove it from the raw file, "
        "or a model will do well only here"
    )
    numbers = {"own": own_share, "other": other_share}
    return Finding(
        "labels not in texts", grade(own_share - other_share, *EXCESS), summary, advice, numbers
    )


def check_shuffled_labels(inputs: DiagnosticInputs, model: str) -> Finding:
    """Fit a model to shuffled labels; its score on other shuffled rows must be at chance level.

    Labels of both parts are shuffled together, so that held-out labels are independent of
    everything and the permutation interval (Ojala and Garriga, 2010) is exact.
    """
    seed = derive_seed(inputs.recipe.seed, "shuffled")
    rows = pd.concat([inputs.train, inputs.valid], ignore_index=True)
    columns = ["label", *(c for c in inputs.labels.columns if c in rows)]
    order = np.random.default_rng(seed).permutation(len(rows))
    rows[columns] = rows[columns].to_numpy()[order]
    parts = rows.iloc[: len(inputs.train)], rows.iloc[len(inputs.train) :].reset_index(drop=True)
    shuffled = replace(inputs, train=parts[0], valid=parts[1])
    predictions = _fit_and_predict(shuffled, model)
    score, null_scores = _permutation_scores(shuffled, predictions, seed)
    (low, high), (lowest, highest) = (
        np.quantile(null_scores, [(1 - q) / 2, (1 + q) / 2]) for q in LEVELS
    )
    verdict = OK if low <= score <= high else LOOK if lowest <= score <= highest else WRONG
    metric = MAIN[inputs.labels.task]
    summary = f"{metric} {score:.3f}, by chance {low:.3f} .. {high:.3f}"
    if null_scores.min() == null_scores.max():
        summary += " (constant predictions)"
    advice = (
        "shuffled labels are predicted too well: the model or the score sees the labels of "
        "held-out rows (a column, an id, a file of predictions)"
    )
    numbers = {"score": score, "low": float(low), "high": float(high)}
    return Finding(f"shuffled labels, {Path(model).name}", verdict, summary, advice, numbers)


def check_constant_texts(inputs: DiagnosticInputs) -> Finding:
    """Replace every text by the same one; no model may then beat a constant prediction."""
    # One of the user's texts, which the tokenizer knows.
    same: dict[str, Any] = {n: inputs.train[n].iloc[0] for n in ("text", "text_pair")}
    blank = replace(inputs, train=inputs.train.assign(**same), valid=inputs.valid.assign(**same))
    predictions = _fit_and_predict(blank, inputs.recipe.model)
    gain = gain_over_constant(inputs, predictions)
    spread = float(np.ptp(predictions, axis=0).max()) if len(predictions) else 0.0
    size = float(np.abs(predictions).max(initial=1.0))
    verdict = grade(gain, *GAIN)
    if spread > SPREAD * size and verdict == OK:
        verdict = LOOK
    summary = (
        f"{max(0.0, gain):.1%} of the way from majority baseline to perfect; rows differ by "
        f"{spread:.1g}"
    )
    advice = (
        "with identical texts something else still distinguishes rows: their order, ids, or a "
        "file; find it before you trust a score"
    )
    numbers = {"gain": gain, "spread": spread}
    return Finding("texts all the same", verdict, summary, advice, numbers)


def check_text_helps(inputs: DiagnosticInputs) -> Finding:
    """Fit TF-IDF to the same few rows with their texts: it should beat chance."""
    score, null_scores = _permutation_scores(
        inputs, _fit_and_predict(inputs, "tfidf"), derive_seed(inputs.recipe.seed, "helps")
    )
    low, high = (float(np.quantile(null_scores, end)) for end in (1 - LEVELS[0], LEVELS[0]))
    verdict = OK if score > high else LOOK
    summary = f"{MAIN[inputs.labels.task]} {score:.3f} of tfidf, by chance up to {high:.3f}"
    advice = "a few rows of text do not predict the label: read rows in `foldline view`"
    numbers = {"score": score, "low": low, "high": high}
    return Finding("texts tell", verdict, summary, advice, numbers)


def gain_over_constant(inputs: DiagnosticInputs, predictions: np.ndarray) -> float:
    """Return the share of the way from the best constant prediction to no error, on held-out rows.

    Errors are wrong classes, wrong labels, or squared distances.
    """
    target = inputs.labels.encode(inputs.valid["label"])
    if inputs.labels.task == "classification":
        error = float((predictions.argmax(axis=1) != target).mean())
        constant_error = 1 - float(np.bincount(target).max()) / len(target)
    elif inputs.labels.task == "multilabel":
        error = float(((predictions >= 0.5) != target).mean())
        share = target.mean(axis=0)
        constant_error = float(np.minimum(share, 1 - share).mean())
    else:
        error, constant_error = float(((predictions - target) ** 2).mean()), float(target.var())
    return (constant_error - error) / constant_error if constant_error else 0.0


def _fit_and_predict(inputs: DiagnosticInputs, model: str) -> np.ndarray:
    epochs, size = min(EPOCHS, inputs.recipe.epochs), min(BATCH, inputs.recipe.batch_size)
    short = inputs.with_options(NO_REGULARISATION, model=model, epochs=epochs, batch_size=size)
    # Notes about so few rows (how many are truncated) would be misleading.
    with short.temporary_job() as job, redirect_stdout(StringIO()):
        return registry.fit(job).model.predict(inputs.valid)


def _permutation_scores(
    inputs: DiagnosticInputs, predictions: np.ndarray, seed: int
) -> tuple[float, np.ndarray]:
    """Return the main metric, and its values under permuted labels; no correlation is 0."""
    task = inputs.labels.task
    target, rng = inputs.labels.encode(inputs.valid["label"]), np.random.default_rng(seed + 1)
    orders = [rng.permutation(len(target)) for _ in range(PERMUTATIONS)]
    scores = [
        prepare_metrics(task, permuted, predictions, [MAIN[task]])(None)[MAIN[task]]
        for permuted in (target, *(target[order] for order in orders))
    ]
    values = np.nan_to_num(np.array(scores, dtype=np.float64))
    return float(values[0]), values[1:]


def _label_names(label: str, task: str) -> list[str]:
    names = split_label_names(label) if task == "multilabel" else [label]
    return [name.casefold() for name in names]


def _share_with_label(texts: Sequence[str], labels: Sequence[Sequence[str]]) -> float:
    """Return the share of texts in which one of the labels occurs as a word."""
    patterns = {
        name: re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)")
        for names in labels
        for name in names
        if name.strip()
    }
    rows = zip(texts, labels, strict=True)
    contains = [
        any(n in text and patterns[n].search(text) for n in names if n.strip())
        for text, names in rows
    ]
    return sum(contains) / max(1, len(contains))
