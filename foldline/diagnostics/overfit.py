"""Overfit 16 rows: a model that cannot will not learn from more rows either.

After Karpathy, "A Recipe for Training Neural Networks" (2019).
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.diagnostics.inputs import (
    NO_REGULARISATION,
    DiagnosticInputs,
    load_inputs,
    sample_rows,
)
from foldline.diagnostics.plots import draw_curve
from foldline.diagnostics.verdicts import OK, Finding, grade, worst_verdict, write_report
from foldline.metrics.registry import measure
from foldline.models import registry

ROWS = 16
# The rows are repeated in an epoch, so that few checkpoints are written; 200 steps are enough for
# most models, and 600 are tried before a model fails.
REPEATS, EPOCHS = 25, (8, 24)
NOT_TRAINED = (
    "majority", "random", "uniform", "length", "decision-list", "keywords", "zero-shot", "external",
)  # fmt: skip
# Training scores: below the first to be looked at, below the second wrong.
SCORE = {"classification": "accuracy", "multilabel": "accuracy", "regression": "pearson"}
EXPECTED = {"classification": (1.0, 0.9), "multilabel": (1.0, 0.9), "regression": (0.98, 0.9)}
REMAINING = (0.05, 0.5)  # share of the initial loss at the end
ADVICE = (
    "run `foldline sanity` first (labels, tokens, gradients); then try the lr of "
    "`foldline lr-find`, train.trainable_layers=all, or a larger model"
)


def run(options: argparse.Namespace) -> int:
    """Fit the configured model to 16 rows without regularisation, and assess how well it fits.

    Raises:
        FoldlineError: if the model does not learn from texts, or tables are missing.
    """
    inputs = load_inputs()
    if inputs.recipe.model in NOT_TRAINED:
        raise FoldlineError(
            f"model={inputs.recipe.model} does not learn from texts: there is nothing to overfit. "
            "Next: set model to one that does, such as tfidf or scratch"
        )
    rows = select_rows(inputs)
    losses, score = overfit_rows(inputs, rows)
    findings = assess_overfit(inputs, losses, score)
    picture = None
    if losses:
        steps = list(range(1, len(losses) + 1))
        title = f"{inputs.recipe.model}: loss over {len(rows)} rows, overfitting"
        picture = draw_curve(title, ("step", steps), ("loss", losses))
    details: dict[str, Any] = {"model": inputs.recipe.model, "ids": rows["id"].tolist()}
    return write_report("overfit", findings, details | {"losses": losses}, picture)


def select_rows(inputs: DiagnosticInputs) -> pd.DataFrame:
    """Return 16 rows of distinct texts, balanced over the labels as far as possible."""
    rows = inputs.train[inputs.train["id"] == inputs.train["source_id"]]
    rows = rows.drop_duplicates(["text", "text_pair"])
    rows = sample_rows(rows[rows["text"].str.strip() != ""], len(rows), inputs.recipe)
    if inputs.labels.task != "regression":
        rank_in_class = rows.groupby("label", sort=False).cumcount().to_numpy()
        rows = rows.iloc[np.argsort(rank_in_class, kind="stable")]
    return rows.iloc[:ROWS].drop(columns=inputs.labels.columns, errors="ignore")


def overfit_rows(inputs: DiagnosticInputs, rows: pd.DataFrame) -> tuple[list[float], float]:
    """Fit the model to the rows; return its losses by step and its score on these rows."""
    losses, score = _fit_repeated(inputs, rows, EPOCHS[0])
    if inputs.is_transformer and worst_verdict(assess_overfit(inputs, losses, score)) != OK:
        losses, score = _fit_repeated(inputs, rows, EPOCHS[1])
    return losses, score


def assess_overfit(inputs: DiagnosticInputs, losses: list[float], score: float) -> list[Finding]:
    """Assess the training score, and for transformers the remaining loss."""
    task, name = inputs.labels.task, SCORE[inputs.labels.task]
    look, wrong = EXPECTED[task]
    verdict = OK if score >= look - 1e-9 else grade(score, look, wrong)
    summary = f"training {name} {score:.3f}, expected {look:g}"
    findings = [Finding("rows overfitted", verdict, summary, ADVICE, {name: score})]
    # Other kinds have their own steps and rates: only their score counts.
    if inputs.is_transformer:
        # A step sees each row about once: average the last ten.
        first, last = losses[0], float(np.mean(losses[-10:]))
        remaining = last / first if first else 0.0
        summary = f"loss {first:.4f} -> {last:.4f} in {len(losses)} steps, {remaining:.1%} left"
        numbers = {"first": first, "last": last}
        findings.append(
            Finding("loss to 0", grade(remaining, *REMAINING), summary, ADVICE, numbers)
        )
    return findings


def _fit_repeated(
    inputs: DiagnosticInputs, rows: pd.DataFrame, epochs: int
) -> tuple[list[float], float]:
    scratch = inputs.recipe.scratch.model_copy(update={"dropout": 0.0})
    plain = replace(inputs, train=pd.concat([rows] * REPEATS, ignore_index=True)).with_options(
        NO_REGULARISATION | {"schedule": "constant", "warmup": 0.0, "accumulation": 1},
        scratch=scratch, batch_size=len(rows), epochs=epochs,
    )  # fmt: skip
    with plain.temporary_job() as job:
        fitted = registry.fit(job)
    target = inputs.labels.encode(rows["label"])
    name = SCORE[inputs.labels.task]
    score = measure(inputs.labels.task, target, fitted.model.predict(rows))[name]
    return [row["loss"] for row in fitted.history if "loss" in row], float(score)
