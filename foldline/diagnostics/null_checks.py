"""Checks by what must fail: shuffled labels, texts without content, labels looked up in texts."""

import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import MAIN, names_of
from foldline.core.io.seeds import derive, generator
from foldline.diagnostics.inputs import PLAIN, Given
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, graded
from foldline.metrics.registry import prepare_metrics
from foldline.models import registry

EPOCHS, BATCH = 3, 8  # of a fit that must learn nothing: small batches, for enough steps
PERMUTATIONS = 999
LEVELS = (0.99, 0.999)  # of chance's interval: outside the first to be looked at, of both wrong
SPREAD = 1e-4  # predictions for equal texts differ by rounding alone
GAIN = (0.01, 0.05)  # of the way from the best constant prediction to a perfect one
EXCESS = (0.1, 0.3)  # share of rows whose own label stands in the text, beyond chance


def labels_in_inputs(found: Given) -> Finding:
    """Compare how often a row's own label stands in its text with how often another row's does."""
    rows = pd.concat([found.train, found.valid], ignore_index=True)
    texts = (rows["text"] + "\n" + rows["text_pair"]).str.casefold().tolist()
    labels = [_names(label, found.labels.task) for label in rows["label"].tolist()]
    order = generator(found.recipe.seed, "labels in inputs").permutation(len(rows)).tolist()
    own = _share(texts, labels)
    other = _share(texts, [labels[place] for place in order])
    shown = f"own label in {own:.1%} of the texts, another row's in {other:.1%}"
    advice = (
        "the text tells its label by name: see whether it was written in there, and take it out "
        "of the raw file, or a model will do well here and nowhere else"
    )
    numbers = {"own": own, "other": other}
    return Finding("labels not in texts", graded(own - other, *EXCESS), shown, advice, numbers)


def shuffled(found: Given, model: str) -> Finding:
    """Fit a model to shuffled labels; its score of other shuffled rows must be one of chance.

    Labels of both parts are shuffled together, so that those held out are independent of
    everything and the interval, from permutations of them (Ojala and Garriga, 2010), is exact.
    """
    seed = derive(found.recipe.seed, "shuffled")
    rows = pd.concat([found.train, found.valid], ignore_index=True)
    told = ["label", *(c for c in found.labels.columns if c in rows)]
    order = np.random.default_rng(seed).permutation(len(rows))
    rows[told] = rows[told].to_numpy()[order]
    parts = rows.iloc[: len(found.train)], rows.iloc[len(found.train) :].reset_index(drop=True)
    mixed = replace(found, train=parts[0], valid=parts[1])
    predictions = _predicted(mixed, model)
    score, draws = _by_chance(mixed, predictions, seed)
    (low, high), (least, most) = (np.quantile(draws, [(1 - q) / 2, (1 + q) / 2]) for q in LEVELS)
    verdict = OK if low <= score <= high else LOOK if least <= score <= most else WRONG
    metric = MAIN[found.labels.task]
    shown = f"{metric} {score:.3f}, by chance {low:.3f} .. {high:.3f}"
    if draws.min() == draws.max():
        shown += " (it tells the same of every row)"
    advice = (
        "labels without any meaning are told too well: the model or the score sees the labels of "
        "held-out rows (a column, an id, a file of predictions), or the numbers are no chance"
    )
    numbers = {"score": score, "low": float(low), "high": float(high)}
    return Finding(f"shuffled labels, {Path(model).name}", verdict, shown, advice, numbers)


def constant(found: Given) -> Finding:
    """Replace every text by the same; no model may then beat the best constant prediction."""
    # A text of the user's own, which the tokenizer knows.
    same: dict[str, Any] = {n: found.train[n].iloc[0] for n in ("text", "text_pair")}
    blank = replace(found, train=found.train.assign(**same), valid=found.valid.assign(**same))
    predictions = _predicted(blank, found.recipe.model)
    gain = beyond_constant(found, predictions)
    spread = float(np.ptp(predictions, axis=0).max()) if len(predictions) else 0.0
    size = float(np.abs(predictions).max(initial=1.0))
    verdict = graded(gain, *GAIN)
    if spread > SPREAD * size and verdict == OK:
        verdict = LOOK
    shown = (
        f"{max(0.0, gain):.1%} of the way from zero-rule to perfect; rows differ by {spread:.1g}"
    )
    advice = (
        "with all texts the same there is still something that tells rows apart: their order, "
        "ids, or a file; find it before you believe a score"
    )
    numbers = {"gain": gain, "spread": spread}
    return Finding("texts all the same", verdict, shown, advice, numbers)


def text_helps(found: Given) -> Finding:
    """Fit TF-IDF to the same few rows with their texts: it should beat chance."""
    score, draws = _by_chance(found, _predicted(found, "tfidf"), derive(found.recipe.seed, "helps"))
    low, high = (float(np.quantile(draws, end)) for end in (1 - LEVELS[0], LEVELS[0]))
    verdict = OK if score > high else LOOK
    shown = f"{MAIN[found.labels.task]} {score:.3f} of tfidf, by chance up to {high:.3f}"
    advice = "a few rows of text tell nothing of the label yet: read rows in `foldline view`"
    numbers = {"score": score, "low": low, "high": high}
    return Finding("texts tell", verdict, shown, advice, numbers)


def beyond_constant(found: Given, predictions: np.ndarray) -> float:
    """Give the share of the way from the best constant prediction of held-out rows to no error.

    Errors are wrong classes, wrong labels, or squared distances.
    """
    target = found.labels.encode(found.valid["label"])
    if found.labels.task == "classification":
        errors = float((predictions.argmax(axis=1) != target).mean())
        least = 1 - float(np.bincount(target).max()) / len(target)
    elif found.labels.task == "multilabel":
        errors = float(((predictions >= 0.5) != target).mean())
        share = target.mean(axis=0)
        least = float(np.minimum(share, 1 - share).mean())
    else:
        errors, least = float(((predictions - target) ** 2).mean()), float(target.var())
    return (least - errors) / least if least else 0.0


def _predicted(found: Given, model: str) -> np.ndarray:
    epochs, size = min(EPOCHS, found.recipe.epochs), min(BATCH, found.recipe.batch_size)
    short = found.changed(PLAIN, model=model, epochs=epochs, batch_size=size)
    # What a stage would say of so few rows (how many are cut) would only mislead.
    with short.job() as job, redirect_stdout(StringIO()):
        return registry.fit(job).model.predict(found.valid)


def _by_chance(found: Given, predictions: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """Give the main metric, and those against permuted labels; no correlation counts as 0."""
    task = found.labels.task
    target, rng = found.labels.encode(found.valid["label"]), np.random.default_rng(seed + 1)
    orders = [rng.permutation(len(target)) for _ in range(PERMUTATIONS)]
    scores = [
        prepare_metrics(task, own, predictions, [MAIN[task]])(None)[MAIN[task]]
        for own in (target, *(target[order] for order in orders))
    ]
    values = np.nan_to_num(np.array(scores, dtype=np.float64))
    return float(values[0]), values[1:]


def _names(label: str, task: str) -> list[str]:
    names = names_of(label) if task == "multilabel" else [label]
    return [name.casefold() for name in names]


def _share(texts: Sequence[str], labels: Sequence[Sequence[str]]) -> float:
    """Give the share of texts in which one of the labels stands as words of its own."""
    patterns = {
        name: re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)")
        for own in labels
        for name in own
        if name.strip()
    }
    rows = zip(texts, labels, strict=True)
    held = [
        any(n in text and patterns[n].search(text) for n in own if n.strip()) for text, own in rows
    ]
    return sum(held) / max(1, len(held))
