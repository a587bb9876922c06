"""The distribution of the numbers to predict, as a file that DVC plots."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.frame.files import replacing
from foldline.frame.labels import Labels
from foldline.modeling import targets
from foldline.modeling.fitted import Model

FILE = Path("metrics/plots/target.csv")


def write_target(model: Model, rows: pd.DataFrame, labels: Labels, path: Path = FILE) -> list[str]:
    """Write histograms before and after the transform, and give lines that tell of them."""
    numbers = labels.encode(rows["label"]) if labels.task == "regression" else np.empty(0)
    with replacing(path) as temporary:
        table = targets.histograms(model, numbers)
        table.to_csv(temporary, index=False, lineterminator="\n")
    line = targets.told(model, numbers)
    return [line] if line else []
