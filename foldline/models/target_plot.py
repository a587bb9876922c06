"""The distribution of the numbers to predict, as a file that DVC plots."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import replacing
from foldline.core.io.labels import Labels
from foldline.models import target_transform
from foldline.models.interface import Model

FILE = Path("reports/plots/target.csv")


def write_histograms(
    model: Model, rows: pd.DataFrame, labels: Labels, path: Path = FILE
) -> list[str]:
    """Write histograms before and after the transform, and give lines that tell of them."""
    numbers = labels.encode(rows["label"]) if labels.task == "regression" else np.empty(0)
    with replacing(path) as temporary:
        table = target_transform.build_histograms(model, numbers)
        table.to_csv(temporary, index=False, lineterminator="\n")
    line = target_transform.format_transform(model, numbers)
    return [line] if line else []
