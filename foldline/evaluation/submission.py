"""A submission file, checked against the sample that the competition gives."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.labels import Labels, split_label_names
from foldline.core.params import Data
from foldline.data.multilabel import split_labels
from foldline.data.normalization import normalize_text

Columns = Mapping[str, Sequence[object]]


def make_submission(
    ids: list[str], predictions: np.ndarray, labels: Labels, data: Data, sample: Columns | None
) -> pd.DataFrame:
    """Return the submission of predictions, with the user's column names and label format.

    Raises:
        FoldlineError: if the sample has other ids or columns.
    """
    probabilities = _list_probabilities(predictions, labels, data)
    answers: Columns = probabilities
    if isinstance(data.label, str):
        decoded: Sequence[object] = labels.decode(predictions)
        if labels.task == "multilabel":
            decoded = [data.separator.join(split_label_names(str(label))) for label in decoded]
        answers = {data.label: decoded}
    return fit_sample(ids, answers, probabilities, sample, data.id or "id")


def _list_probabilities(predictions: np.ndarray, labels: Labels, data: Data) -> Columns:
    """Return the probabilities by class; 0 for a label column without positive training rows."""
    names = (
        [] if isinstance(data.label, str) else [normalize_text(name, "NFC") for name in data.label]
    )
    zeros = {name: [0.0] * len(predictions) for name in names}
    columns = {name: predictions[:, code].tolist() for code, name in enumerate(labels.classes)}
    return zeros | columns


def fit_sample(
    ids: list[str], answers: Columns, probabilities: Columns, sample: Columns | None, id_column: str
) -> pd.DataFrame:
    """Return an id column and the answers, in the order and under the names of the sample.

    Without a sample: `id_column` and the `answers`, by label column. A sample with two columns
    gets the one answer, a sample with a column for each class the `probabilities`.

    Raises:
        FoldlineError: if the sample has other ids or columns.
    """
    if sample is None:
        return pd.DataFrame({id_column: ids, **answers})
    first, *rest = sample
    columns = dict(zip(rest, _select_columns(rest, answers, probabilities), strict=True))
    sample_ids = [str(value) for value in sample[first]]
    missing, extra = sorted(set(sample_ids) - set(ids)), sorted(set(ids) - set(sample_ids))
    if missing or extra or len(sample_ids) != len(ids):
        raise FoldlineError(
            f"predict.sample_submission has {len(sample_ids)} ids, data.predict has {len(ids)}; "
            f"only in the sample: {listing(missing) or 'none'}; only in data.predict: "
            f"{listing(extra) or 'none'}. Both must be from the same competition"
        )
    # Some scorers compare line by line, so the order of the sample counts.
    return pd.DataFrame({first: ids, **columns}).set_index(first).loc[sample_ids].reset_index()


def _select_columns(
    names: list[str], answers: Columns, probabilities: Columns
) -> list[Sequence[object]]:
    """Return the values of the sample's columns, in its order."""
    if len(names) == 1 and len(answers) == 1:
        return list(answers.values())
    if names and set(names) == set(probabilities):
        return [probabilities[name] for name in names]
    allowed = "two, id and label"
    if probabilities:
        allowed += f", or id and one for each class ({listing(probabilities)})"
    raise FoldlineError(
        f"predict.sample_submission has {len(names) + 1} columns (id and {listing(names)}); a "
        f"sample submission has {allowed}"
    )


def predicted_class_shares(predicted: list[str], labels: Labels) -> dict[str, float]:
    """Return the share of rows by predicted class; empty for regression."""
    if not labels.classes:
        return {}
    counts = Counter(name for row in split_labels(predicted, labels.task) for name in row)
    return {name: counts[name] / len(predicted) for name in labels.classes if predicted}
