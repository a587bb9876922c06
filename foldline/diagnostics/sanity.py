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
    found = load_inputs()
    findings = run_checks(found)
    return write_report(
        "sanity", findings, {"model": found.recipe.model}, draw_scores(found, findings)
    )


def draw_scores(found: DiagnosticInputs, findings: Sequence[Finding]) -> str:
    """Draw each fitted model's score with its chance interval."""
    values = [
        ChanceInterval(one.check, one.numbers["score"], one.numbers["low"], one.numbers["high"])
        for one in findings
        if "score" in one.numbers
    ]
    return draw_chance_intervals(
        f"{MAIN[found.labels.task]} of held-out rows; bars: by chance", values
    )


def run_checks(found: DiagnosticInputs) -> list[Finding]:
    """Return the findings of all checks, ordered so that earlier ones explain later ones."""
    findings = [null_checks.check_labels_in_texts(found)]
    if found.is_transformer:
        findings += _check_transformer(found.sample(TOKENISED, TOKENISED))
    few = found.sample(TRAINED, HELD_OUT)
    checks: list[Check] = []
    for model in dict.fromkeys(("tfidf", few.recipe.model)):
        checks.append(partial(null_checks.check_shuffled_labels, few, model))
    checks.append(partial(null_checks.check_constant_texts, few))
    checks.append(partial(null_checks.check_text_helps, few))
    # A model with unknown tokens or ids beyond its embeddings is not trained.
    if any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
        checks = checks[:1]
    return findings + [c() for c in tqdm(checks, desc="sanity", unit="check", file=sys.stderr)]


def _check_transformer(found: DiagnosticInputs) -> list[Finding]:
    with found.temporary_job() as job, device.deterministic(job.recipe.train):
        start = build_initial_model(job)
        held = token_checks.encode_valid(found, start)
        findings = [
            token_checks.check_unknown(start, held),
            token_checks.check_range(start, held),
            token_checks.check_cut(start, job.recipe),
            token_checks.check_padding(start, job.recipe),
        ]
        if not any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
            findings.append(init_checks.check_first_loss(start, job))
            findings.append(init_checks.check_gradients(start, job))
    return findings
