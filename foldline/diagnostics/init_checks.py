"""Checks of a model before its first step: the loss of knowing nothing, and its gradients."""

import math
from typing import Any

import numpy as np
import torch

from foldline.core.errors import listed
from foldline.core.io.components import is_component
from foldline.core.params import Train
from foldline.diagnostics.initial_model import Begun, batch_of, first_batches
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, graded
from foldline.models.interface import Job
from foldline.models.neural.losses import balanced_weights, loss_for, positive_weights
from foldline.models.neural.objective import Objective

BATCHES = 16
APART = (0.1, 0.5)  # of the theoretical loss: weights are drawn at random, so it is never exact
SMALL = 0.01  # share of the weights without a gradient: a part that the family does not use


def first_loss(start: Begun, job: Job) -> Finding:
    """Compare the loss of the first rows, without dropout, with that of knowing nothing."""
    loss = loss_for(job.labels, start.rows.target, job.recipe.train, job.recipe.components)
    batches = first_batches(start.rows, job.recipe.batch_size, job.recipe.seed)[:BATCHES]
    places, total = [place for batch in batches for place in batch], 0.0
    start.model.eval()
    with torch.no_grad():
        for batch in batches:
            tokens, labels = batch_of(start, batch)
            total += float(loss(start.model(**tokens), labels)) * len(batch)
    found = total / len(places)
    if is_component(job.recipe.train.loss):
        shown = f"{found:.4f}; of an own loss it is not known what to expect"
        return Finding(
            "first loss", OK if math.isfinite(found) else WRONG, shown, "", {"found": found}
        )
    expected, formula = theory(job, start.rows.target, start.rows.target[places])
    apart = abs(found - expected) / expected if expected else math.inf
    advice = (
        "the loss is not that of knowing nothing: labels, train.loss, class weights or the head's "
        "weights are not what they should be"
    )
    shown = f"{found:.4f}, expected {expected:.4f} ({formula})"
    numbers = {"found": found, "expected": expected}
    return Finding("first loss", graded(apart, *APART), shown, advice, numbers)


def theory(job: Job, train: np.ndarray, target: np.ndarray) -> tuple[float, str]:
    """Give the loss of equal probabilities, or of 0 in standard units, over `target`; and its name.

    `train` are all training targets, from which class weights come.
    """
    options = job.recipe.train
    if job.labels.task == "regression":
        return _of_numbers(options, target)
    classes = len(job.labels.classes)
    if job.labels.task == "multilabel":
        weights = positive_weights(train, options)
        weighed = 1.0
        if weights is not None:
            weighed = float((target * weights + 1 - target).mean())
        easy = 0.5**options.focal_gamma if options.loss == "focal" else 1.0
        return weighed * easy * math.log(2), "log 2" + _names(weights is not None, options)
    shares = target if target.ndim == 2 else np.eye(classes)[target]
    each = np.ones(len(target))
    balanced = options.class_weights == "balanced"
    if balanced:
        each = shares @ balanced_weights(train, classes)
    if options.loss == "ordinal":
        smooth = shares * (1 - options.label_smoothing) + options.label_smoothing / classes
        steps = ((1 / classes - smooth).cumsum(axis=1) ** 2).sum(axis=1)
        return float((each * steps).mean()), f"ranked probability score of 1/{classes} each"
    easy = (1 - 1 / classes) ** options.focal_gamma if options.loss == "focal" else 1.0
    return float(each.mean()) * easy * math.log(classes), f"log {classes}" + _names(
        balanced, options
    )


def gradients(start: Begun, job: Job) -> Finding:
    """Name the parameters that no gradient reaches, over a few batches without dropout."""
    loss = loss_for(job.labels, start.rows.target, job.recipe.train, job.recipe.components)
    # Options that add to the loss would hide that the loss itself does not reach a layer.
    plain = {"rdrop": 0.0, "contrastive": 0.0, "dropout_samples": 1}
    options = job.recipe.train.model_copy(update=plain)
    objective = Objective(start.model, loss, options, job.labels.task)
    start.model.eval()
    start.model.zero_grad()
    for batch in first_batches(start.rows, job.recipe.batch_size, job.recipe.seed)[:4]:
        tokens, labels = batch_of(start, batch)
        objective(start.model, tokens, labels, None)[0].backward()
    found = judged(start.model, job.recipe.train.trainable_layers)
    start.model.zero_grad()
    return found


def judged(model: Any, trainable: str | int) -> Finding:
    """Judge the gradients that a model's parameters hold."""
    name, named = "gradient reaches", dict(model.named_parameters())
    frozen = [n for n, p in named.items() if not p.requires_grad]
    learnt = {n: p for n, p in named.items() if p.requires_grad}
    odd = [n for n, p in learnt.items() if p.grad is not None and not bool(p.grad.isfinite().all())]
    without = [n for n, p in learnt.items() if p.grad is None or not bool(p.grad.any())]
    shown = f"{len(learnt) - len(without)} of {len(named)} parameters"
    numbers = {"without": without, "frozen": frozen, "not_finite": odd}
    if odd:
        shown, advice = f"not finite in {listed(odd)}", "the weights are broken: load them anew"
        return Finding(name, WRONG, shown, advice, numbers)
    if frozen and trainable == "all":
        shown += f"; frozen: {listed(frozen)}"
        advice = "train.trainable_layers is all, but these are frozen: they will not be trained"
        return Finding(name, WRONG, shown, advice, numbers)
    if without:
        total = sum(p.numel() for p in named.values())
        share = sum(named[n].numel() for n in without) / max(1, total)
        shown += f"; none in {listed(without)}"
        advice = "they stay as they are: a part that is cut off from the output, or not used by it"
        return Finding(name, LOOK if share < SMALL else WRONG, shown, advice, numbers)
    told = f"; {len(frozen)} frozen by train.trainable_layers={trainable}" if frozen else ""
    return Finding(name, OK, shown + told, "", numbers)


def _of_numbers(options: Train, target: np.ndarray) -> tuple[float, str]:
    size = np.abs(target)
    if options.loss == "mae":
        return float(size.mean()), "mean distance from the mean, in standard units"
    if options.loss == "huber":
        edge = options.huber_delta
        each = np.where(size <= edge, size**2 / 2, edge * (size - edge / 2))
        return float(each.mean()), "Huber's loss of the mean, in standard units"
    return float((size**2).mean()), "1 in standard units, over these rows"


def _names(weighted: bool, options: Train) -> str:
    weights = ", by class weights" if weighted else ""
    return weights + (f", by {options.loss}" if options.loss == "focal" else "")
