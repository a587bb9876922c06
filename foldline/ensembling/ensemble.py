"""The ensemble: its members, the method by which they vote, and the fitted weights."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from foldline.core.io.files import read_json, write_json
from foldline.ensembling.members import out_of_fold_name
from foldline.ensembling.voting import combine

FILE = Path("models/ensemble.json")


@dataclass(frozen=True)
class Ensemble:
    """The voting method, the number of models of each member, and the weights of the votes.

    The trained model and the fold models are one recipe with one vote: the mean of all its
    models. They share their out-of-fold predictions, to which the weights are fitted.
    """

    method: str
    models: dict[str, int]
    weights: dict[str, float]

    def combine(self, members: dict[str, np.ndarray], task: str) -> np.ndarray:
        """Return the combined prediction of all members: (n, c) or (n,)."""
        votes = {}
        for voter in self.weights:
            counts = {m: n for m, n in self.models.items() if out_of_fold_name(m) == voter}
            predictions = [members[name] for name in counts]
            votes[voter] = np.average(predictions, axis=0, weights=list(counts.values()))
        return combine(self.method, votes, self.weights, task)

    def save(self, path: Path = FILE) -> None:
        """Write all fields as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = FILE) -> "Ensemble":
        """Read what `save` wrote."""
        return cls(**read_json(path))
