"""The final predictions compared: with members, baselines and others, and with the parent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listing
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Evaluate
from foldline.core.recorded_hashes import hash_file
from foldline.ensembling.revisions import SHORT
from foldline.evaluation.flips import list_flips, read_decisions
from foldline.evaluation.ledger import (
    ON_REQUEST,
    format_test_use,
    report_closed_test,
    report_test_use,
)
from foldline.evaluation.parent import (
    NoParentError,
    align_predictions,
    find_parent,
    read_parent,
)
from foldline.evaluation.parts import EvaluationSet
from foldline.metrics.comparison import compare_predictions, mark_correct, mcnemar
from foldline.metrics.registry import score_classes

FILE = Path("reports/comparison.json")


def compare_with_others(part: EvaluationSet, options: Evaluate, seed: int) -> list[dict[str, Any]]:
    """Return the comparison of the final predictions with each of the others, as one family.

    `difference` is the main metric of the final predictions minus that of the other, `verdict` what
    it says about the final predictions.
    """
    task, kinds, final = part.labels.task, list_others(part), get_decisions(part)
    others = {(kind, name): values for kind, own in kinds.items() for name, values in own.items()}
    found = compare_predictions(
        task, part.target, final, others, part.groups, options.resamples, seed, MAIN[task],
        options.level,
    )  # fmt: skip
    return [
        {"name": name, "kind": kind}
        | found[kind, name]._asdict()
        | _test_rows(task, part.target, final, values)
        for (kind, name), values in others.items()
    ]


def get_decisions(part: EvaluationSet) -> np.ndarray:
    """Return the final predictions; as 0 and 1 (n, c) where thresholds decide."""
    if part.decided is None:
        return part.final
    is_multilabel = part.labels.task == "multilabel"
    return part.decided if is_multilabel else np.eye(len(part.labels.classes))[part.decided]


def list_others(part: EvaluationSet) -> dict[str, dict[str, np.ndarray]]:
    """Return the predictions of members, baselines and others by kind and name."""
    return {
        "member": dict(part.members),
        "baseline": dict(part.baselines),
        "external": {name: own.values for name, own in part.external.items()},
    }


def _test_rows(
    task: str, target: np.ndarray, final: np.ndarray, other: np.ndarray
) -> dict[str, Any]:
    """Return McNemar's test of the rows that are right; none for regression."""
    if task == "regression":
        return {}
    return {"mcnemar": mcnemar(*(mark_correct(task, target, v) for v in (final, other)))._asdict()}


def compare_change(
    labels: Labels,
    rows: pd.DataFrame,
    before: pd.DataFrame,
    after: pd.DataFrame,
    options: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """Return what changed from the predictions before to those after, on the same rows.

    Both are tables as `Labels.table` makes them, in the order of rows. `classes_against` are those
    whose F1 moved against the mean, if they are most of the classes that moved: the whole then says
    little about its parts (Simpson, 1951).
    """
    task, target = labels.task, labels.encode(rows["label"])
    new, old = (read_decisions(labels, own) for own in (after, before))
    found = compare_predictions(
        task, target, new, {"before": old}, rows["group"].tolist(), options.resamples, seed,
        MAIN[task], options.level,
    )["before"]  # fmt: skip
    return (
        found._asdict()
        | _test_rows(task, target, new, old)
        | {
            "classes_against": find_classes_against(labels, target, old, new),
            "flips": list_flips(labels, rows, before, after),
        }
    )


def find_classes_against(
    labels: Labels, target: np.ndarray, before: np.ndarray, after: np.ndarray
) -> list[str]:
    """Return the classes whose F1 moved against the mean, if they are most that moved."""
    if not labels.classes:
        return []
    scores = [score_classes(target, values, labels.classes) for values in (before, after)]
    moved = {
        new["class"]: new["f1"] - old["f1"]
        for old, new in zip(*scores, strict=True)
        if new["f1"] != old["f1"]
    }
    overall = sum(moved.values())
    against = [name for name, change in moved.items() if change * overall < 0]
    return against if 2 * len(against) > len(moved) else []


def compare_with_parent(
    labels: Labels,
    rows: pd.DataFrame,
    final: pd.DataFrame,
    table: schemas.Table,
    options: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """Return what changed since the commit that this run starts from, or the reason for nothing.

    `final` are the predictions of rows in `table`, which has been written.
    """
    commit = None
    try:
        commit = find_parent()
        before = read_parent(commit, table, labels, rows)
    except NoParentError as error:
        return {"commit": commit, "reason": str(error)}
    return {"commit": commit} | compare_change(labels, rows, before, final, options, seed)


def write_comparison(
    part: EvaluationSet,
    rows: pd.DataFrame,
    table: schemas.Table,
    scores: Mapping[str, Any],
    options: Evaluate,
    seed: int,
) -> list[str]:
    """Write what changed since the parent, and against the best baseline; return lines about it.

    `scores` are those of the part, with `comparisons`. `test_use` has how often the test set was
    opened.

    The file depends on git's HEAD, so it is no output that DVC knows: it names the commit, and the
    MD5 of the predictions that it is about.
    """
    labels, final = part.labels, align_predictions(table.read(), part.labels, rows)
    metric, comparisons = MAIN[labels.task], scores["comparisons"]
    parent = compare_with_parent(labels, rows, final, table, options, seed)
    best = find_best_baseline(comparisons)
    baseline = {}
    if best:
        others = labels.table(part.baselines[best["name"]])
        baseline = {"name": best["name"], "flips": list_flips(labels, rows, others, final)}
    test_use: dict[str, Any] = {}
    if table == schemas.TEST_PREDICTIONS:
        own = {"value": scores["metrics"][metric]} | scores["interval"][metric]
        test_use = report_test_use(labels, final, own, parent, options.level)
    elif options.test == ON_REQUEST:
        test_use = report_closed_test()
    report = {
        "predictions": {"path": table.path.as_posix(), "md5": hash_file(table.path)},
        "metric": metric,
        "level": options.level,
        "parent": parent,
        "baseline": baseline,
        "test_use": test_use,
    }
    write_json(FILE, report)
    lines = []
    if "reason" not in parent:
        name = f"commit {parent['commit'][:SHORT]}"
        lines = format_change(name, "now", metric, parent, FILE)
    return lines + format_test_use(test_use, metric)


def find_best_baseline(comparisons: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the baseline with the highest score; None if none has one."""
    own = [c for c in comparisons if c["kind"] == "baseline" and not np.isnan(c["difference"])]
    return min(own, key=lambda c: c["difference"], default=None)


def format_change(
    before: str, after: str, metric: str, change: Mapping[str, Any], file: Path
) -> list[str]:
    """Return lines on what changed between two predictions; the file has all of it."""
    if change["verdict"] is None:
        return [f"{before} -> {after}: {metric} is undefined for one of both"]
    lines = [
        f"{before} -> {after}: {change['verdict']}",
        f"  {metric} {change['difference']:+.4f} [{change['low']:+.4f}, {change['high']:+.4f}], "
        f"p {change['p']:.3f}; detectable from {change['detectable']:.4f}",
    ]
    if flips := change["flips"]:
        counts = {name: own["count"] for name, own in flips.items()}
        lines.append(
            f"  {counts['fixed']} rows fixed, {counts['broken']} broken: {file.as_posix()}"
        )
    if change["classes_against"] and change["verdict"] != "not distinguishable":
        direction = "fell" if change["difference"] > 0 else "rose"
        names = listing(change["classes_against"], 5)
        lines.append(f"note: {metric} is {change['verdict']}, but the F1 of {names} {direction}")
    return lines
