"""What the report has of each behavioural test, and its lines on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from foldline.augmentation.requests import TextPair
from foldline.evaluation.behaviour.cases import Case
from foldline.evaluation.behaviour.judgement import Judgement
from foldline.evaluation.behaviour.selection import ALL
from foldline.evaluation.behaviour.spec import BehaviourTest
from foldline.metrics.clustered_share import clustered_interval

MAX_EXAMPLES, MAX_CHARACTERS = 10, 300
KEY = "behaviour"


def report_test(
    test: BehaviourTest,
    pack: str,
    cases: Sequence[Case],
    judgement: Judgement,
    level: float,
    required: float | None,
) -> dict[str, Any]:
    """Return the counts, the pass rate with its interval, and failing examples of a test."""
    failed = judgement.failed
    groups = [case.source.group for case in cases]
    low, high = clustered_interval(~failed, groups, level)
    return {
        "name": test.name,
        "pack": pack,
        "kind": test.kind,
        "group": test.group,
        "count": len(cases),
        "failed": int(failed.sum()),
        "pass_rate": float(1 - failed.mean()),
        "low": low,
        "high": high,
        "required": required,
        "examples": list(_list_examples(cases, judgement)),
    }


def _list_examples(cases: Sequence[Case], judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Yield failing cases: the first of each source before further ones, those most off first."""
    failing = np.flatnonzero(judgement.failed)
    order = failing[np.argsort(-judgement.distance[failing], kind="stable")].tolist()
    numbers: dict[object, int] = {}
    ranks = []
    for position in order:
        source = cases[position].source
        key = source.id or source.group
        numbers[key] = numbers.get(key, 0) + 1
        ranks.append(numbers[key])
    for index in np.argsort(ranks, kind="stable")[:MAX_EXAMPLES].tolist():
        position = order[index]
        case = cases[position]
        text, changed = _shorten(case.before, case.after)
        yield {
            "text": text,
            "changed": changed,
            "expected": judgement.expected[position],
            "before": judgement.before[position],
            "after": judgement.after[position],
            "id": case.source.id,
        }


def _shorten(before: TextPair | None, after: TextPair) -> tuple[str, str | None]:
    """Return texts cut to MAX_CHARACTERS, from shortly before their first difference on."""
    texts = [" | ".join(filter(None, own)) for own in (before, after) if own is not None]
    start = 0
    if len(texts) > 1:
        pairs = enumerate(zip(*texts, strict=False))
        shortest = min(map(len, texts))
        difference = next((n for n, (one, other) in pairs if one != other), shortest)
        start = max(0, difference - MAX_CHARACTERS // 3)
        if max(map(len, texts)) <= MAX_CHARACTERS:
            start = 0
    cut = [_cut(text, start) for text in texts]
    return cut[0], cut[1] if len(cut) > 1 else None


def _cut(text: str, start: int) -> str:
    part = text[start : start + MAX_CHARACTERS]
    before, after = "…" * (start > 0), "…" * (start + MAX_CHARACTERS < len(text))
    return f"{before}{part}{after}"


def misses_rate(test: Mapping[str, Any]) -> bool:
    """Return whether the interval of a test's pass rate lies wholly below what is required."""
    return test["required"] is not None and test["high"] < test["required"]


def format_test(test: Mapping[str, Any]) -> str:
    """Return a line with the pass rate of a test."""
    rate = f"{test['pass_rate']:.1%} [{test['low']:.1%}, {test['high']:.1%}]"
    required = "" if test["required"] is None else f", required {test['required']:.1%}"
    return f"{test['pack']}: {test['name']}: {rate} of {test['count']}{required}"


def format_example(example: Mapping[str, Any]) -> str:
    """Return a line with a failing case."""
    if example["changed"] is None:
        return f"{example['text']!r}: {example['after']}, expected {example['expected']}"
    change = f"{example['text']!r} -> {example['changed']!r}"
    line = f"{change}: {example['before']} -> {example['after']}"
    unchanged = example["expected"] == example["before"]
    return line if unchanged else f"{line}, expected {example['expected']}"


def format_behaviour_report(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each kind of test, the worst test, and what was skipped or missed."""
    if KEY not in report:
        return []
    own = report[KEY]
    tests = sorted(own["tests"], key=lambda test: str(test["kind"]))
    lines = []
    for kind, group in groupby(tests, key=lambda test: str(test["kind"])):
        of_kind = list(group)
        count = sum(test["count"] for test in of_kind)
        passed = count - sum(test["failed"] for test in of_kind)
        lines.append(f"behaviour {kind}: {passed} of {count} passed ({len(of_kind)} tests)")
    if any(test["failed"] for test in tests):
        # By the upper bound: a low rate of a few cases says little.
        worst = min(tests, key=lambda test: (test["high"], test["pack"], test["name"]))
        lines.append(f"  worst: {format_test(worst)}")
        lines.append(f"  {format_example(worst['examples'][0])}")
    if count := sum(skipped["name"] != ALL for skipped in own["skipped"]):
        lines.append(
            f"note: {count} behavioural test{'s were' if count > 1 else ' was'} skipped: see "
            "behaviour.skipped in reports/evaluation.json"
        )
    if missed := [test for test in tests if misses_rate(test)]:
        lines.append(
            f"note: {len(missed)} behavioural tests miss their pass rate; `foldline behaviour` "
            "shows them, with exit code 1"
        )
    return lines
