"""Checks before a training: tokens, initial loss, gradients, chance-level scores."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from tqdm import tqdm

from foldline.core.io.labels import MAIN
from foldline.diagnostics import init_checks, null_checks, token_checks
from foldline.diagnostics.initial_model import build_initial_model
from foldline.diagnostics.inputs import DiagnosticInputs, load_inputs
from foldline.diagnostics.plots import ChanceInterval, draw_chance_intervals
from foldline.diagnostics.verdicts import WRONG, Finding, write_report
from foldline.models import device

# Rows: enough to show a fault, few enough for a minute.
TOKENISED, TRAINED, HELD_OUT = 5_000, 200, 200

Check = Callable[[], Finding]


def run(options: argparse.Namespace) -> int:
    """Run all checks that apply to the configured model, and report them."""
    inputs = load_inputs()
    findings = run_checks(inputs)
    return write_report(
        "sanity", findings, {"model": inputs.recipe.model}, draw_scores(inputs, findings)
    )


def draw_scores(inputs: DiagnosticInputs, findings: Sequence[Finding]) -> str:
    """Draw each fitted model's score with its chance interval."""
    values = [
        ChanceInterval(
            finding.check, finding.numbers["score"], finding.numbers["low"], finding.numbers["high"]
        )
        for finding in findings
        if "score" in finding.numbers
    ]
    return draw_chance_intervals(
        f"{MAIN[inputs.labels.task]} of held-out rows; bars: by chance", values
    )


def run_checks(inputs: DiagnosticInputs) -> list[Finding]:
    """Return the findings of all checks, ordered so that earlier ones explain later ones."""
    findings = [null_checks.check_labels_in_texts(inputs)]
    if inputs.is_transformer:
        findings += _check_transformer(inputs.sample(TOKENISED, TOKENISED))
    sample = inputs.sample(TRAINED, HELD_OUT)
    checks: list[Check] = []
    for model in dict.fromkeys(("tfidf", sample.recipe.model)):
        checks.append(partial(null_checks.check_shuffled_labels, sample, model))
    checks.append(partial(null_checks.check_constant_texts, sample))
    checks.append(partial(null_checks.check_text_helps, sample))
    # A model with unknown tokens or ids beyond its embeddings is not trained.
    if any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
        checks = checks[:1]
    return findings + [c() for c in tqdm(checks, desc="sanity", unit="check", file=sys.stderr)]


def _check_transformer(inputs: DiagnosticInputs) -> list[Finding]:
    with inputs.temporary_job() as job, device.deterministic(job.recipe.train):
        initial = build_initial_model(job)
        valid = token_checks.encode_valid(inputs, initial)
        findings = [
            token_checks.check_unknown(initial, valid),
            token_checks.check_range(initial, valid),
            token_checks.check_cut(initial, job.recipe),
            token_checks.check_padding(initial, job.recipe),
        ]
        if not any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
            findings.append(init_checks.check_first_loss(initial, job))
            findings.append(init_checks.check_gradients(initial, job))
    return findings
