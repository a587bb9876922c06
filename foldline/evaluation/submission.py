"""A submission file, in the form of the sample that the competition gives."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels, split_label_names
from foldline.core.params import Data
from foldline.data.multilabel import split_labels
from foldline.data.sample_submission import SubmissionPlan, classes_to_fill

Columns = Mapping[str, Sequence[object]]


def make_submission(
    ids: list[str],
    predictions: np.ndarray,
    labels: Labels,
    data: Data,
    plan: SubmissionPlan | None,
) -> pd.DataFrame:
    """Return the submission of predictions, as planned for a sample.

    Without a plan it has the user's column names and label format.
    """
    probabilities = _list_probabilities(predictions, labels, data)
    answers: Sequence[object] = []
    if isinstance(data.label, str):
        answers = _list_answers(predictions, labels, data, plan)
    if plan is None:
        columns = {data.label: answers} if isinstance(data.label, str) else probabilities
        return pd.DataFrame({data.id or "id": ids, **columns})
    filled = {
        name: _format_numbers(answers if of is None else probabilities[of], plan.decimal)
        for name, of in plan.columns.items()
    }
    table = pd.DataFrame(filled).iloc[plan.rows].reset_index(drop=True)
    table.insert(0, plan.id_column, plan.ids)
    return table


def _list_answers(
    predictions: np.ndarray, labels: Labels, data: Data, plan: SubmissionPlan | None
) -> Sequence[object]:
    decoded: Sequence[object] = labels.decode(predictions)
    if labels.task == "multilabel":
        return [data.separator.join(split_label_names(str(label))) for label in decoded]
    spelling = plan.spelling if plan else {}
    return [spelling.get(str(label), label) for label in decoded] if spelling else decoded


def _list_probabilities(predictions: np.ndarray, labels: Labels, data: Data) -> Columns:
    """Return the probabilities by class; 0 for a label column without positive training rows."""
    if labels.task == "regression":
        return {}
    zeros = {name: [0.0] * len(predictions) for name in classes_to_fill(labels, data)}
    columns = {name: predictions[:, code].tolist() for code, name in enumerate(labels.classes)}
    return zeros | columns


def _format_numbers(values: Sequence[object], decimal: str) -> Sequence[object]:
    """Return numbers with the decimal mark of the sample."""
    if decimal == ".":
        return values
    return [str(v).replace(".", decimal) if isinstance(v, float) else v for v in values]


def predicted_class_shares(predicted: list[str], labels: Labels) -> dict[str, float]:
    """Return the share of rows by predicted class; empty for regression."""
    if not labels.classes:
        return {}
    counts = Counter(name for row in split_labels(predicted, labels.task) for name in row)
    return {name: counts[name] / len(predicted) for name in labels.classes if predicted}
