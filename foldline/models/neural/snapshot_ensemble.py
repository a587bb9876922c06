"""The model that several snapshots of one training make: the mean of their predictions."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from foldline.models.neural.transformer import Transformer

FOLDER = "snapshots"  # of all snapshots but the last


@dataclass(frozen=True)
class SnapshotEnsemble:
    """Snapshots in the order of the training, with one tokenizer.

    The saved folder is that of the last one, which plain transformers opens; the others are in a
    folder inside.
    """

    snapshots: tuple["Transformer", ...]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) mean probabilities or (n,) mean numbers, in the order of the rows."""
        return np.asarray(np.mean([own.predict(rows) for own in self.snapshots], axis=0))

    def save(self, folder: Path) -> None:
        """Write the last snapshot, and the weights of the others."""
        *others, last = self.snapshots
        last.save(folder)
        for number, snapshot in enumerate(others):
            snapshot.save_weights(folder / FOLDER / str(number))


def load_snapshots(folder: Path, last: "Transformer") -> "Transformer | SnapshotEnsemble":
    """Return the snapshots that `save` wrote, or the model itself if it is the only one."""
    from foldline.models.neural.transformer import load_weights

    count = len(list((folder / FOLDER).glob("*")))
    if not count:
        return last
    others = [
        replace(last, model=load_weights(folder / FOLDER / str(number))) for number in range(count)
    ]
    return SnapshotEnsemble((*others, last))
