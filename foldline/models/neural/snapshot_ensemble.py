"""The model that several snapshots of one training make: the mean of their predictions."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json

if TYPE_CHECKING:
    from foldline.models.neural.transformer import Transformer

FOLDER = "snapshots"  # of the weights of all snapshots but the last


@dataclass(frozen=True)
class SnapshotEnsemble:
    """Snapshots in the order of the training, with one tokenizer.

    The saved folder is that of the last one, which plain transformers opens; a folder inside has
    the weights of the others.
    """

    snapshots: tuple["Transformer", ...]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) mean probabilities or (n,) mean numbers, in the order of the rows."""
        return np.asarray(np.mean([own.predict(rows) for own in self.snapshots], axis=0))

    def save(self, folder: Path) -> None:
        """Write the last snapshot, and the weights of the others."""
        from safetensors.torch import save_model

        from foldline.models.neural.checkpoints import name_disk_errors
        from foldline.models.neural.transformer import FILE

        *others, last = self.snapshots
        last.save(folder)
        write_json(folder / FILE, read_json(folder / FILE) | {"snapshots": len(self.snapshots)})
        (folder / FOLDER).mkdir()
        with name_disk_errors():
            for number, snapshot in enumerate(others):
                save_model(snapshot.model, str(_weights_file(folder, number)))


def load_snapshots(folder: Path, last: "Transformer", count: int) -> SnapshotEnsemble:
    """Return the `count` snapshots that `save` wrote."""
    from safetensors.torch import load_model

    others = []
    for number in range(count - 1):
        model = copy.deepcopy(last.model)
        load_model(model, _weights_file(folder, number))
        others.append(replace(last, model=model))
    return SnapshotEnsemble((*others, last))


def _weights_file(folder: Path, number: int) -> Path:
    return folder / FOLDER / f"{number}.safetensors"
