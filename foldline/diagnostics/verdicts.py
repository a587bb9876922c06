"""Verdicts: what was found, whether it is right, and what to do."""

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
    """What one check found; `advice` says what to do where it is not ok."""

    check: str
    verdict: str
    found: str
    advice: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)


def grade(value: float, look: float, wrong: float) -> str:
    """Judge a number by the values from which on it is to be looked at, or wrong.

    Where `look` is above `wrong`, small numbers are the bad ones. What is no number is wrong.
    """
    sign = 1 if look <= wrong else -1
    if not sign * value < sign * wrong:
        return WRONG
    return LOOK if sign * value >= sign * look else OK


def worst_verdict(findings: Sequence[Finding]) -> str:
    """Give the worst verdict."""
    return max((f.verdict for f in findings), key=ORDER.index, default=OK)


def format_table(findings: Sequence[Finding]) -> list[str]:
    """Give a line for each check, and one with advice below each that is not ok."""
    width = max(len(f.check) for f in findings)
    lines = []
    for found in findings:
        lines.append(f"{found.verdict:<8} {found.check:<{width}}  {found.found}")
        if found.verdict != OK:
            lines.append(f"{'':<8} {'':<{width}}  -> {found.advice}")
    return lines


def write_report(
    verb: str, findings: Sequence[Finding], more: dict[str, Any], picture: str | None = None
) -> int:
    """Print the findings, write them and the picture, and give the exit code."""
    verdict = worst_verdict(findings)
    path = FOLDER / f"{verb}.json"
    checks = [asdict(found) for found in findings]
    write_json(path, {"verdict": verdict, "checks": checks} | more)
    written = [path]
    if picture:
        written.append(path.with_suffix(".svg"))
        write_text(written[1], picture)
    print("\n".join(["", *format_table(findings), "", f"{verb}: {verdict}"]))
    print(f"written to {' and '.join(p.as_posix() for p in written)}", flush=True)
    return int(verdict == WRONG)
