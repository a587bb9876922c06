"""Check what a training rests on before it starts: tokens, first loss, gradients, chance."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from tqdm import tqdm

from foldline.core.io.labels import MAIN
from foldline.diagnostics import init_checks, null_checks, token_checks
from foldline.diagnostics.initial_model import begin
from foldline.diagnostics.inputs import Given, given
from foldline.diagnostics.plots import Beside, chances
from foldline.diagnostics.verdicts import WRONG, Finding, report
from foldline.models import device

# So many rows: enough to see a fault, few enough for a minute.
TOKENISED, LEARNT, HELD = 5_000, 200, 200

Check = Callable[[], Finding]


def run(options: argparse.Namespace) -> int:
    """Run all checks that the configured model allows, and say which are ok."""
    found = given()
    findings = checked(found)
    return report("sanity", findings, {"model": found.recipe.model}, drawn(found, findings))


def drawn(found: Given, findings: Sequence[Finding]) -> str:
    """Draw each score of a model that was fitted, beside what chance would give it."""
    values = [
        Beside(one.check, one.numbers["score"], one.numbers["low"], one.numbers["high"])
        for one in findings
        if "score" in one.numbers
    ]
    return chances(f"{MAIN[found.labels.task]} of held-out rows; bars: by chance", values)


def checked(found: Given) -> list[Finding]:
    """Give what each check finds; the order is that in which faults explain one another."""
    findings = [null_checks.labels_in_inputs(found)]
    if found.transformer:
        findings += _of_transformer(found.few(TOKENISED, TOKENISED))
    few = found.few(LEARNT, HELD)
    checks: list[Check] = []
    for model in dict.fromkeys(("tfidf", few.recipe.model)):
        checks.append(partial(null_checks.shuffled, few, model))
    checks.append(partial(null_checks.constant, few))
    checks.append(partial(null_checks.text_helps, few))
    # A model whose tokens are unknown or beyond its embeddings is not trained at all.
    if any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
        checks = checks[:1]
    return findings + [c() for c in tqdm(checks, desc="sanity", unit="check", file=sys.stderr)]


def _of_transformer(found: Given) -> list[Finding]:
    with found.job() as job, device.sums(job.recipe.train):
        start = begin(job)
        held = token_checks.held_out(found, start)
        findings = [
            token_checks.unknown(start, held),
            token_checks.in_range(start, held),
            token_checks.cut(start, job.recipe),
            token_checks.padded(start, job.recipe),
        ]
        if not any(f.verdict == WRONG and f.check in token_checks.FATAL for f in findings):
            findings.append(init_checks.first_loss(start, job))
            findings.append(init_checks.gradients(start, job))
    return findings
