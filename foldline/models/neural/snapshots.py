"""Snapshots of a training (Huang et al., 2017): its weights at the ends of cycles."""

import copy
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from foldline.core.io.files import replace_atomically
from foldline.core.params import Train
from foldline.models.interface import Job
from foldline.models.neural.collectives import get_rank, wait_for_all
from foldline.models.neural.schedules import list_cycle_ends


class SnapshotWriter(TrainerCallback):
    """Writes the weights at the end of each cycle but the last, which stay in the model.

    The files lie beside the checkpoints. A resumed training has those of its past, and writes those
    after its checkpoint again, with equal weights.
    """

    def __init__(self, model: Any, options: Train, folder: Path) -> None:
        self.model, self.options, self.folder = model, options, folder
        self.ends: list[int] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Lay out the cycles.

        Raises:
            FoldlineError: if there are fewer steps than cycles.
        """
        self.ends = list_cycle_ends(self.options, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the weights after the last step of a cycle."""
        if state.global_step not in self.ends[:-1]:
            return
        if get_rank() == 0:
            number = self.ends.index(state.global_step)
            with replace_atomically(_snapshot_file(self.folder, number)) as temporary:
                torch.save(self.model.state_dict(), temporary)
        wait_for_all()


def read_snapshots(job: Job, model: Any) -> tuple[Any, ...]:
    """Return copies of a trained model with the weights of all snapshots but the last."""
    return tuple(
        _read_snapshot(_snapshot_file(job.checkpoint_folder, number), model)
        for number in range(job.recipe.train.snapshots - 1)
    )


def _read_snapshot(file: Path, model: Any) -> Any:
    snapshot = copy.deepcopy(model)
    snapshot.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return snapshot


def _snapshot_file(folder: Path, number: int) -> Path:
    return folder / f"snapshot-{number}.pt"
