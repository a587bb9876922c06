"""Findings of the checks: what was found, whether it is right, and what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from foldline.core.io.files import write_json, write_text

FOLDER = Path("reports/diagnostics")
OK, LOOK, WRONG = "ok", "look at", "wrong"
ORDER = (OK, LOOK, WRONG)


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` says what to do if it is not ok."""

    check: str
    verdict: str
    found: str
    advice: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)


def grade(value: float, look: float, wrong: float) -> str:
    """Grade a value by the limits from which it is to be looked at, or wrong.

    If `look` is above `wrong`, small values are the bad ones. NaN is wrong.
    """
    sign = 1 if look <= wrong else -1
    if not sign * value < sign * wrong:
        return WRONG
    return LOOK if sign * value >= sign * look else OK


def worst_verdict(findings: Sequence[Finding]) -> str:
    """Return the worst verdict."""
    return max((f.verdict for f in findings), key=ORDER.index, default=OK)


def format_table(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each check, with a line of advice below each that is not ok."""
    width = max(len(f.check) for f in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:<8} {finding.check:<{width}}  {finding.found}")
        if finding.verdict != OK:
            lines.append(f"{'':<8} {'':<{width}}  -> {finding.advice}")
    return lines


def write_report(
    verb: str, findings: Sequence[Finding], details: dict[str, Any], picture: str | None = None
) -> int:
    """Print and write the findings and the picture; return the exit code."""
    verdict = worst_verdict(findings)
    path = FOLDER / f"{verb}.json"
    checks = [asdict(finding) for finding in findings]
    write_json(path, {"verdict": verdict, "checks": checks} | details)
    written = [path]
    if picture:
        written.append(path.with_suffix(".svg"))
        write_text(written[1], picture)
    print("\n".join(["", *format_table(findings), "", f"{verb}: {verdict}"]))
    print(f"written to {' and '.join(p.as_posix() for p in written)}", flush=True)
    return int(verdict == WRONG)
