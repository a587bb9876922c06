"""A submission file, checked against the sample that the competition gives."""

from collections.abc import Mapping, Sequence

import pandas as pd

from foldline.core.errors import FoldlineError, listed

Columns = Mapping[str, Sequence[object]]


def submission(
    ids: list[str],
    answers: Columns,
    probabilities: Columns,
    sample: Columns | None,
    name: str,
) -> pd.DataFrame:
    """Give an id column and the answers, in the sample's order and under its names.

    `answers` is what is handed in without a sample, under the name of the label's column (or of
    several); `name` is the id's. A sample of two columns gets one answer, one with a column for
    each class its `probabilities`.

    Raises:
        FoldlineError: where the sample has other ids or columns.
    """
    if sample is None:
        return pd.DataFrame({name: ids, **answers})
    first, *rest = sample
    columns = dict(zip(rest, _chosen(rest, answers, probabilities), strict=True))
    theirs = [str(value) for value in sample[first]]
    missing, extra = sorted(set(theirs) - set(ids)), sorted(set(ids) - set(theirs))
    if missing or extra or len(theirs) != len(ids):
        raise FoldlineError(
            f"predict.sample_submission has {len(theirs)} ids, data.predict has {len(ids)}; only "
            f"in the sample: {listed(missing) or 'none'}; only in data.predict: "
            f"{listed(extra) or 'none'}. They must be of one competition"
        )
    # A scorer that compares line by line wants the sample's order.
    return pd.DataFrame({first: ids, **columns}).set_index(first).loc[theirs].reset_index()


def _chosen(wanted: list[str], answers: Columns, probabilities: Columns) -> list[Sequence[object]]:
    """Give the columns that a sample asks for, in its order."""
    if len(wanted) == 1 and len(answers) == 1:
        return list(answers.values())
    if wanted and set(wanted) == set(probabilities):
        return [probabilities[name] for name in wanted]
    allowed = "two, id and label"
    if probabilities:
        allowed += f", or id and one for each class ({listed(probabilities)})"
    raise FoldlineError(
        f"predict.sample_submission has {len(wanted) + 1} columns (id and {listed(wanted)}); a "
        f"sample submission has {allowed}"
    )
