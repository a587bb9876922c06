"""A submission file, checked against the sample that the competition gives."""

from collections.abc import Mapping, Sequence

import pandas as pd

from foldline.frame.errors import FoldlineError, listed


def submission(
    ids: list[str],
    labels: list[str] | list[float],
    sample: Mapping[str, Sequence[str | None]] | None,
    names: tuple[str, str],
) -> pd.DataFrame:
    """Give two columns, id and label, in the sample's order and under its names.

    Without a sample they stand in the input's order under the given names.

    Raises:
        FoldlineError: where the sample has other ids, or not two columns.
    """
    if sample is None:
        return pd.DataFrame({names[0]: ids, names[1]: labels})
    if len(sample) != 2:
        raise FoldlineError(
            f"predict.sample_submission has {len(sample)} columns ({listed(sample)}); a sample "
            "submission has two, id and label"
        )
    name, label = sample
    theirs = [str(value) for value in sample[name]]
    missing, extra = sorted(set(theirs) - set(ids)), sorted(set(ids) - set(theirs))
    if missing or extra or len(theirs) != len(ids):
        raise FoldlineError(
            f"predict.sample_submission has {len(theirs)} ids, data.predict has {len(ids)}; only "
            f"in the sample: {listed(missing) or 'none'}; only in data.predict: "
            f"{listed(extra) or 'none'}. They must be of one competition"
        )
    # A scorer that compares line by line wants the sample's order.
    return pd.DataFrame({name: ids, label: labels}).set_index(name).loc[theirs].reset_index()
