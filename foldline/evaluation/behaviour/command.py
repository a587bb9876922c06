"""`foldline behaviour`: the behavioural tests of the last evaluation, as a gate for CI."""

import argparse
from collections.abc import Mapping
from typing import Any

from foldline.core.console import say
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.evaluation.behaviour.report import KEY, format_example, format_test, misses_rate

EXAMPLES = 3  # of a test that misses its rate


def run(options: argparse.Namespace) -> int:
    """Print the pass rate of every test, with examples of those that miss what is required.

    Return 1 if one does, or if a test with a rate of its own was skipped.

    Raises:
        FoldlineError: if the last evaluation had no behavioural tests.
    """
    path = schemas.EVALUATE_REPORT
    if not path.exists():
        raise FoldlineError(f"{path} is missing: run `dvc repro evaluate` first")
    report = read_json(path).get(KEY)
    if report is None:
        raise FoldlineError(
            f"{path} has no behavioural tests: set evaluate.behaviour.packs to auto in "
            "params.yaml, and run `dvc repro evaluate`"
        )
    for test in report["tests"]:
        say(f"{'MISSED' if misses_rate(test) else 'ok':<7}{format_test(test)}")
        for example in test["examples"][: EXAMPLES if misses_rate(test) else 0]:
            say(f"         {format_example(example)}")
    skipped = [test for test in report["skipped"] if is_required(test)]
    for test in skipped:
        say(f"{'MISSED':<7}{test['pack']}: {test['name']}: skipped: {test['reason']}")
    others = len(report["skipped"]) - len(skipped)
    missed = sum(map(misses_rate, report["tests"])) + len(skipped)
    say(f"{len(report['tests'])} tests, {missed} missed, {others} skipped ({path})")
    return 1 if missed else 0


def is_required(skipped: Mapping[str, Any]) -> bool:
    """Return whether a skipped test has a pass rate of its own."""
    return skipped["required"] is not None
