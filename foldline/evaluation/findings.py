"""What is found out about judged predictions besides their scores: sections of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.core.io.components import Options
from foldline.core.io.labels import Labels
from foldline.core.params import Evaluate
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.evaluation.behaviour.report import format_behaviour_report
from foldline.evaluation.behaviour.run import make_behaviour_report
from foldline.evaluation.decision_report import format_decision_report, make_decision_report
from foldline.evaluation.errors import format_errors_report, make_errors_report
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.probability_report import (
    format_probability_report,
    make_probability_report,
)
from foldline.evaluation.slice_features import Condition
from foldline.evaluation.slices import format_slices_report, make_slices_report


@dataclass(frozen=True)
class Judged:
    """What is judged: the part `final` of `parts`, whose `rows` have the same names.

    `folds` and `own` are the members' out-of-fold predictions, as a table and as read.
    """

    labels: Labels
    ensemble: Ensemble
    rows: Mapping[str, pd.DataFrame]
    parts: Mapping[str, EvaluationSet]
    final: str
    folds: pd.DataFrame
    own: OutOfFold


def make_findings(
    judged: Judged,
    conditions: Sequence[Condition],
    options: Evaluate,
    components: Options,
    seed: int,
) -> dict[str, Any]:
    """Return the sections on probabilities, decisions, slices, errors and behaviour by their keys.

    `conditions` are those that slices are made of, `seed` that of params.yaml.
    """
    labels, ensemble, own, final = judged.labels, judged.ensemble, judged.own, judged.final
    parts, rows = judged.parts, judged.rows
    test = (rows["test"], parts["test"].members)
    return (
        make_probability_report(ensemble, labels, own, test, options, seed)
        | make_decision_report(ensemble, labels, own, parts, rows, options, seed)
        | make_slices_report(parts[final], rows[final]["id"], conditions, options)
        | make_errors_report(parts[final], rows, final, judged.folds, options.level)
        | make_behaviour_report(ensemble, labels, rows[final], final, options, components, seed)
    )


def format_findings(findings: Mapping[str, Any], final: str) -> list[str]:
    """Return the lines of all sections for the terminal."""
    return [
        *format_probability_report(findings, final),
        *format_decision_report(findings),
        *format_slices_report(findings),
        *format_errors_report(findings),
        *format_behaviour_report(findings),
    ]
