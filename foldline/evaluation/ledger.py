"""How often the test set was opened: a ledger in git's refs, and the optimism of so many looks.

Each opening is a blob under `refs/foldline/test-openings/ROWS/PREDICTIONS`, two hashes, so that
the same predictions of the same rows count once. Experiments in copies of the project write to
the repository that they were copied from; a ref of its own lets them do so at once.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from math import isfinite
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.ensembling.revisions import find_commit, run_git

REFS = "refs/foldline/test-openings"
ON_REQUEST = "on_request"
DIGITS = 6  # of predictions: another machine may differ in the last ones
NO_LEDGER = "there is no git repository that could be written, so openings are not counted"
OPEN = "`dvc exp run -S evaluate.test=always`"


def report_test_use(
    labels: Labels,
    final: pd.DataFrame,
    score: Mapping[str, float],
    parent: Mapping[str, Any],
    level: float,
) -> dict[str, Any]:
    """Count this opening of the test set, and return how much the best of all is too good.

    `final` are the predictions of the test rows; `score` has `value`, `low` and `high` of the main
    metric, `parent` those of the difference to the parent, if there is one. `optimism` assumes that
    all versions are equally good, and differ from each other as this one from its parent; `bound`
    that their errors are independent, which is the most.
    """
    rows = hash_ids(final["id"])
    content = {
        "experiment": os.environ.get("DVC_EXP_NAME", ""),
        "commit": find_commit("HEAD") or "",
        "metric": MAIN[labels.task],
        "score": score["value"],
    }
    openings = None
    if write_opening(rows, hash_predictions(labels, final), content):
        openings = read_openings(rows)
    if openings is None:
        return {"openings": None, "this": True, "optimism": None, "reason": NO_LEDGER}
    most = estimate_maximum(len(openings))
    error, paired = _read_error(score, level), _read_error(parent, level)
    optimism = error if paired is None else paired / 2**0.5
    return {
        "openings": len(openings),
        "this": True,
        "optimism": None if optimism is None else most * optimism,
        "bound": None if error is None else most * error,
        "paired": paired is not None,
        "level": level,
        "versions": openings,
    }


def report_closed_test() -> dict[str, Any]:
    """Return the openings of the closed test set, of which only the ids are read."""
    ids = pd.read_csv(schemas.TEST.path, usecols=["id"], dtype="str", keep_default_na=False)["id"]
    openings = read_openings(hash_ids(ids))
    if openings is None:
        return {"openings": None, "this": False, "optimism": None, "reason": NO_LEDGER}
    return {"openings": len(openings), "this": False, "optimism": None, "versions": openings}


def format_test_use(report: Mapping[str, Any], metric: str) -> list[str]:
    """Return a line on how often the test set was opened, and what that does to the best score."""
    if not report:
        return []
    if report["openings"] is None:
        return [f"note: test set: {report['reason']}"]
    times = "once" if report["openings"] == 1 else f"{report['openings']} times"
    if not report["this"]:
        return [f"test set: closed, opened {times if report['openings'] else 'never'} so far"]
    if report["openings"] < 2 or None in (report["optimism"], report["bound"]):
        return [f"test set: opened {times}"]
    return [
        f"test set: opened {times}; who takes the best of so many equal versions has {metric} "
        f"{report['optimism']:.4f} too high (at most {report['bound']:.4f})"
    ]


def estimate_maximum(n: int) -> float:
    """Return the expected maximum of n independent standard normal numbers."""
    from scipy.integrate import quad
    from scipy.stats import norm

    if n < 2:
        return 0.0

    def weight(x: float) -> float:
        return float(n * x * norm.pdf(x) * norm.cdf(x) ** (n - 1))

    return float(quad(weight, -10, 10, limit=200)[0])


def hash_ids(ids: Iterable[str]) -> str:
    """Return a hash of rows, whatever their order: 16 hex digits."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def hash_predictions(labels: Labels, final: pd.DataFrame) -> str:
    """Return a hash of what is predicted, rounded, whatever the order of rows: 16 hex digits."""
    table = final.sort_values("id")[["id", "predicted", *labels.columns]].copy()
    numbers = [*labels.columns, *([] if labels.classes else ["predicted"])]
    table[numbers] = table[numbers].astype("float64").round(DIGITS) + 0.0  # no negative zero
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()[:16]


def write_opening(rows: str, predictions: str, content: Mapping[str, Any]) -> bool:
    """Add an opening to the ledger; one that is there stays. Return whether it is there."""
    ref = f"{REFS}/{rows}/{predictions}"
    if run_git("rev-parse", "--verify", "--quiet", ref):
        return True
    blob = run_git("hash-object", "-w", "--stdin", text=json.dumps(content, sort_keys=True) + "\n")
    return bool(blob) and run_git("update-ref", ref, str(blob)) is not None


def read_openings(rows: str) -> list[dict[str, Any]] | None:
    """Return what the ledger has on test rows; None without a repository."""
    listed = run_git("for-each-ref", "--format=%(refname)", f"{REFS}/{rows}/")
    if listed is None:
        return None
    return [json.loads(run_git("cat-file", "blob", ref) or "{}") for ref in listed.splitlines()]


def _read_error(interval: Mapping[str, Any], level: float) -> float | None:
    """Return the standard error of a normal distribution as wide as an interval.

    None without an interval, or one without width, as of predictions that decide alike.
    """
    width = float(interval.get("high", np.nan) - interval.get("low", np.nan))
    z = NormalDist().inv_cdf((1 + level) / 2)
    return width / 2 / z if isfinite(width) and width > 0 else None
