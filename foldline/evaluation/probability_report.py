"""What `evaluate` reports on probabilities: calibration, confidence, conformal sets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Evaluate
from foldline.ensembling.calibrators import NONE
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.evaluation.coverage import report_intervals, report_sets
from foldline.evaluation.probabilities import (
    OUT_OF_FOLD,
    Part,
    calibrate_parts,
    report_calibration,
    report_confidence,
)


def make_probability_report(
    ensemble: Ensemble,
    labels: Labels,
    own: OutOfFold,
    test: tuple[pd.DataFrame, Mapping[str, np.ndarray]],
    options: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """Return `calibration`, `confidence` and `conformal` of the final predictions.

    `own` are the members' out-of-fold predictions, `test` the test rows and the members'
    predictions of them; `seed` is that of params.yaml.
    Regression has intervals alone.
    """
    parts = calibrate_parts(own, ensemble.method, _make_test_part(ensemble, labels, *test))
    known, final, level = parts[OUT_OF_FOLD], ensemble.calibration_method, options.level
    task = labels.task
    if task == "regression":
        return {"conformal": report_intervals(known, parts, level)}
    own_seed = derive_seed(seed, "calibration")
    calibration = {
        name: report_calibration(task, part, final, options, own_seed)
        for name, part in parts.items()
    }
    confidence = {
        name: report_confidence(task, known, part, final, level) for name, part in parts.items()
    }
    return {
        "calibration": {"method": final} | calibration,
        "confidence": confidence,
        "conformal": report_sets(labels, known, parts, final, level),
    }


def _make_test_part(
    ensemble: Ensemble, labels: Labels, rows: pd.DataFrame, members: Mapping[str, np.ndarray]
) -> Part | None:
    if rows.empty:
        return None
    combined = ensemble.combine_uncalibrated(members, rows, labels.task)
    groups = rows["group"].to_numpy(dtype=str)
    return Part(labels.encode(rows["label"]), groups, {NONE: combined})


def format_probability_report(report: Mapping[str, Any], part: str) -> list[str]:
    """Return a table of the calibrators for the terminal; the chosen one has a star.

    Regression: a line on the conformal interval.
    """
    if "calibration" not in report:
        own = report["conformal"]
        width = f"{own['half_width']:.4g}" if np.isfinite(own["half_width"]) else "infinite"
        return [
            f"conformal {own['level']:.0%} interval: prediction +- {width}; "
            f"{own[part]['coverage']:.1%} of {part} rows are inside"
        ]
    calibration = report["calibration"]
    lines = [f"  {'calibration':<11}  {'log_loss':>8}  {'smooth_ece':>10}"]
    for name, values in calibration[part]["methods"].items():
        star = "*" if name == calibration["method"] else " "
        lines.append(f"{star} {name:<11}  {values['log_loss']:8.4f}  {values['smooth_ece']:10.4f}")
    return lines
