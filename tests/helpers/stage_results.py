"""What the stages of a project left."""

import json
from pathlib import Path
from typing import Any

BASELINES = ["majority", "random", "uniform", "length", "decision-list", "tfidf"]
UNSTABLE = {"reports/environment.json", "reports/training_speed.csv"}


def metrics(stage: str) -> dict[str, Any]:
    """Return the numbers that DVC shows of a stage."""
    found: dict[str, Any] = json.loads(Path(f"metrics/{stage}.json").read_text(encoding="utf-8"))
    return found


def report(stage: str) -> dict[str, Any]:
    """Return the report of a stage."""
    found: dict[str, Any] = json.loads(Path(f"reports/{stage}.json").read_text(encoding="utf-8"))
    return found


def fingerprints(folder: Path) -> dict[str, str]:
    """Hash what stages made."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith((".foldline", "data/raw")) or name in UNSTABLE:
            continue
        found[name] = str(hash(path.read_bytes()))
    return found
