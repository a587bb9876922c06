"""What each member and the ensemble cost where they predict, beside what they score."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foldline.core.console import say
from foldline.core.environment import environment_record
from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.schemas import EVALUATE_REPORT
from foldline.core.io.threads import count_cores
from foldline.ensembling import ensemble as ensembles
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import FOLDS, MODEL, list_member_models
from foldline.prediction.predictor import ENSEMBLE

FILE = Path("reports/cost.json")
MACHINE = ("processor", "cores", "threads", "system", "python", "accelerator")


def run(options: argparse.Namespace) -> int:
    """Measure the members and the ensemble one after another, each in a process of its own."""
    if options.repeats < 1:
        raise FoldlineError(f"--repeats: must be 1 or more (found {options.repeats})")
    names, scores, members = list_names(), read_scores(), []
    for name in names:
        found = measure_in_process(name, options.repeats)
        members.append({"name": name, "score": scores.get(name)} | found)
    machine = environment_record(count_cores())
    report = {
        "metric": MAIN[Labels.load().task],
        "members": members,
        "machine": {key: machine[key] for key in MACHINE},
    }
    write_json(FILE, report)
    for line in format_cost_report(report):
        say(line)
    say(f"written to {FILE.as_posix()}")
    return 0


def list_names() -> list[str]:
    """Return the members with models, and the ensemble if all of its members have some.

    Raises:
        FoldlineError: if there are no models.
    """
    models = MODEL.is_dir() or FOLDS.is_dir()
    names = list(list_member_models()) if models else []
    if not names:
        raise FoldlineError("there are no trained models: run `dvc repro` first")
    complete = ensembles.FILE.exists() and not Ensemble.load().revisions
    return [*names, ENSEMBLE] if complete else names


def read_scores() -> dict[str, float | None]:
    """Return the main metric by member, and of the ensemble, of the last evaluation; or none."""
    if not EVALUATE_REPORT.exists():
        return {}
    report, metric = read_json(EVALUATE_REPORT), MAIN[Labels.load().task]
    members: Mapping[str, Any] = report.get("members", {})
    final = report.get(report.get("judged"), {})
    return {name: own.get(metric) for name, own in members.items()} | {ENSEMBLE: final.get(metric)}


def measure_in_process(name: str, repeats: int) -> dict[str, Any]:
    """Return what `measure` finds, in a process of its own: its peak memory is the model's.

    Raises:
        FoldlineError: with the message of the process, if it fails.
    """
    command = [sys.executable, "-m", "foldline.prediction.measurement", name, str(repeats)]
    # The library of this process, which is not always an installed one.
    library = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH"))))
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise FoldlineError(f"{name} could not be measured: {reason.removeprefix('error: ')}")
    found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return found


def format_cost_report(report: Mapping[str, Any]) -> list[str]:
    """Return a table of the members, and notes where predictions are not always the same."""
    header = (
        f"{'':<16} {'score':>7} {'p50 of 1':>9} {'p95 of 1':>9} {'p50 of 32':>9} {'p95 of 32':>9} "
        f"{'rows/s':>8} {'parameters':>11} {'disk MB':>8} {'peak MB':>8}"
    )
    notes = [
        f"note: {own['name']} predicts other numbers {what}"
        for own in report["members"]
        for key, what in (("batch", "in batches of another size"), ("reload", "after saving"))
        if not own["equal"][key]
    ]
    return [header, *map(_format_member, report["members"]), *notes]


def _format_member(own: Mapping[str, Any]) -> str:
    """Return a line of the table; latencies are in milliseconds."""
    score = "-" if own["score"] is None else f"{own['score']:.4f}"
    one, many = own["latency_ms"]["1"], own["latency_ms"]["32"]
    return (
        f"{own['name']:<16} {score:>7} {one['p50']:9.2f} {one['p95']:9.2f} {many['p50']:9.2f} "
        f"{many['p95']:9.2f} {own['rows_per_second']:8,.0f} {own['parameters']:11,} "
        f"{own['disk_mb']:8.2f} {own['peak_memory_mb']:8.0f}"
    )
