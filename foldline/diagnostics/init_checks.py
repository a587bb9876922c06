"""Checks of a model before its first step: the initial loss and the gradients."""

import math
from typing import Any

import numpy as np
import torch

from foldline.core.errors import listing
from foldline.core.io.components import is_component
from foldline.core.params import Train
from foldline.diagnostics.initial_model import InitialModel, first_epoch_batches, make_batch
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, grade
from foldline.models.interface import Job
from foldline.models.neural.losses import balanced_weights, make_loss, positive_weights
from foldline.models.neural.objective import Objective

BATCHES = 16
DEVIATION = (0.1, 0.5)  # from the expected loss: random weights never match it exactly
SMALL_SHARE = 0.01  # of the weights without gradient: a part that the architecture does not use


def check_first_loss(initial: InitialModel, job: Job) -> Finding:
    """Compare the loss of the first rows, without dropout, with that of uninformed predictions."""
    loss = make_loss(job.labels, initial.rows.target, job.recipe.train, job.recipe.components)
    batches = first_epoch_batches(initial.rows, job.recipe.batch_size, job.recipe.seed)[:BATCHES]
    indices, total = [index for batch in batches for index in batch], 0.0
    initial.model.eval()
    with torch.no_grad():
        for batch in batches:
            tokens, labels = make_batch(initial, batch)
            total += float(loss(initial.model(**tokens), labels)) * len(batch)
    observed = total / len(indices)
    if is_component(job.recipe.train.loss):
        summary = f"{observed:.4f}; what to expect of a loss from components/ is unknown"
        verdict = OK if math.isfinite(observed) else WRONG
        return Finding("first loss", verdict, summary, "", {"found": observed})
    expected, formula = expected_loss(job, initial.rows.target, initial.rows.target[indices])
    deviation = abs(observed - expected) / expected if expected else math.inf
    advice = (
        "the loss is not that of uninformed predictions: check labels, train.loss, class weights "
        "and the head's weights"
    )
    summary = f"{observed:.4f}, expected {expected:.4f} ({formula})"
    numbers = {"found": observed, "expected": expected}
    return Finding("first loss", grade(deviation, *DEVIATION), summary, advice, numbers)


def expected_loss(job: Job, train: np.ndarray, target: np.ndarray) -> tuple[float, str]:
    """Return the loss of uniform probabilities (or of 0 in standard units), and its formula.

    The mean is over `target`; `train` are all training targets, which class weights depend on.
    """
    options = job.recipe.train
    if job.labels.task == "regression":
        return _expected_regression_loss(options, target)
    classes = len(job.labels.classes)
    if job.labels.task == "multilabel":
        weights = positive_weights(train, options)
        weighed = 1.0
        if weights is not None:
            weighed = float((target * weights + 1 - target).mean())
        easy = 0.5**options.focal_gamma if options.loss == "focal" else 1.0
        return weighed * easy * math.log(2), "log 2" + _describe_weighting(
            weights is not None, options
        )
    shares = target if target.ndim == 2 else np.eye(classes)[target]
    row_weights = np.ones(len(target))
    balanced = options.class_weights == "balanced"
    if balanced:
        row_weights = shares @ balanced_weights(train, classes)
    if options.loss == "ordinal":
        smooth = shares * (1 - options.label_smoothing) + options.label_smoothing / classes
        steps = ((1 / classes - smooth).cumsum(axis=1) ** 2).sum(axis=1)
        return float((row_weights * steps).mean()), f"ranked probability score of 1/{classes} each"
    easy = (1 - 1 / classes) ** options.focal_gamma if options.loss == "focal" else 1.0
    return float(row_weights.mean()) * easy * math.log(
        classes
    ), f"log {classes}" + _describe_weighting(balanced, options)


def check_gradients(initial: InitialModel, job: Job) -> Finding:
    """Report parameters without gradient, over a few batches without dropout."""
    loss = make_loss(job.labels, initial.rows.target, job.recipe.train, job.recipe.components)
    # Extra loss terms could reach a layer that the loss itself does not.
    plain = {"rdrop": 0.0, "contrastive": 0.0, "dropout_samples": 1}
    options = job.recipe.train.model_copy(update=plain)
    objective = Objective(initial.model, loss, options, job.labels.task)
    initial.model.eval()
    initial.model.zero_grad()
    for batch in first_epoch_batches(initial.rows, job.recipe.batch_size, job.recipe.seed)[:4]:
        tokens, labels = make_batch(initial, batch)
        objective(initial.model, tokens, labels, None)[0].backward()
    finding = assess_gradients(initial.model, job.recipe.train.trainable_layers)
    initial.model.zero_grad()
    return finding


def assess_gradients(model: Any, trainable: str | int) -> Finding:
    """Assess the gradients stored in a model's parameters."""
    name, parameters = "gradient reaches", dict(model.named_parameters())
    frozen = [n for n, p in parameters.items() if not p.requires_grad]
    trainable_parameters = {n: p for n, p in parameters.items() if p.requires_grad}
    not_finite = [
        n
        for n, p in trainable_parameters.items()
        if p.grad is not None and not bool(p.grad.isfinite().all())
    ]
    without = [
        n for n, p in trainable_parameters.items() if p.grad is None or not bool(p.grad.any())
    ]
    summary = f"{len(trainable_parameters) - len(without)} of {len(parameters)} parameters"
    numbers = {"without": without, "frozen": frozen, "not_finite": not_finite}
    if not_finite:
        summary, advice = (
            f"not finite in {listing(not_finite)}",
            "the weights are damaged: load them again",
        )
        return Finding(name, WRONG, summary, advice, numbers)
    if frozen and trainable == "all":
        summary += f"; frozen: {listing(frozen)}"
        advice = "train.trainable_layers is all, but these are frozen and will not be trained"
        return Finding(name, WRONG, summary, advice, numbers)
    if without:
        total = sum(p.numel() for p in parameters.values())
        share = sum(parameters[n].numel() for n in without) / max(1, total)
        summary += f"; none in {listing(without)}"
        advice = "they will not be trained: this part is disconnected from the output"
        return Finding(name, LOOK if share < SMALL_SHARE else WRONG, summary, advice, numbers)
    note = f"; {len(frozen)} frozen by train.trainable_layers={trainable}" if frozen else ""
    return Finding(name, OK, summary + note, "", numbers)


def _expected_regression_loss(options: Train, target: np.ndarray) -> tuple[float, str]:
    size = np.abs(target)
    if options.loss == "mae":
        return float(size.mean()), "mean absolute deviation, in standard units"
    if options.loss == "huber":
        edge = options.huber_delta
        losses = np.where(size <= edge, size**2 / 2, edge * (size - edge / 2))
        return float(losses.mean()), "Huber's loss of the mean, in standard units"
    return float((size**2).mean()), "1 in standard units, over these rows"


def _describe_weighting(weighted: bool, options: Train) -> str:
    weights = ", by class weights" if weighted else ""
    return weights + (f", by {options.loss}" if options.loss == "focal" else "")
