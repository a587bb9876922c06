"""The members of an ensemble: where their models lie, and what they say of new rows."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import copied, digest, read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.ensembling.voting import vote
from foldline.execution.store import code_version, fingerprint, libraries, remembered
from foldline.models import registry
from foldline.models.interface import Model

MODEL = Path("models/model")
BASELINES = Path("models/baselines")
INDEX = "index.json"
FOLDS = Path("models/folds")
FILE = Path("models/ensemble.json")
# Out of fold, the trained model and the fold models are one recipe.
FAMILY = {"train": "model", "folds": "model", "tfidf": "tfidf"}


def baselines_of(recipe: Recipe) -> list[str]:
    """Name the baselines of a recipe: some always, others where params name what they go by."""
    named = {"keywords": recipe.keywords.file, "zero-shot": recipe.zero_shot.model}
    given = [name for name, file in named.items() if file and recipe.task != "regression"]
    return ["majority", "random", "length", *given, "tfidf"]


def save_baselines(models: dict[str, Model], labels: Labels, trained: Model) -> None:
    """Write models, and which they are; the `trained` one lies in MODEL already."""
    for name, model in models.items():
        if model is trained:
            copied(MODEL, BASELINES / name)
        else:
            registry.save(model, name, labels, BASELINES / name)
    write_json(BASELINES / INDEX, list(models))


def predicted_baselines(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give each baseline's prediction of rows, (n, c) or (n,)."""
    return {name: predicted(BASELINES / name, rows) for name in read_json(BASELINES / INDEX)}


@dataclass(frozen=True)
class Ensemble:
    """Who votes, of how many models each consists, and what each family's vote weighs.

    The members of a family are one recipe and have one vote: its models' mean. Out of fold they
    have one prediction, so what was measured there is what votes here.
    """

    method: str
    models: dict[str, int]
    weights: dict[str, float]

    def combine(self, members: dict[str, np.ndarray], task: str) -> np.ndarray:
        """Give the one prediction of all members: (n, c) or (n,)."""
        families = {}
        for family in self.weights:
            own = {m: n for m, n in self.models.items() if FAMILY[m] == family}
            means = [members[name] for name in own]
            families[family] = np.average(means, axis=0, weights=list(own.values()))
        return vote(self.method, families, self.weights, task)

    def save(self, path: Path = FILE) -> None:
        """Write all three."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = FILE) -> "Ensemble":
        """Read what `save` wrote."""
        return cls(**read_json(path))


def folders(member: str) -> list[Path]:
    """Give the folders of a member's models.

    Raises:
        FoldlineError: where a model that should vote was not kept.
    """
    if member == "train":
        return [MODEL]
    if member == "tfidf":
        return [BASELINES / "tfidf"]
    # The list comes from the stage that wrote the models, not from what lies in the folder:
    # a fold of an earlier run must not vote.
    index = read_json(FOLDS / INDEX)
    if not index["kept"]:
        raise FoldlineError(
            "ensemble.members: the fold models were not kept; set kfold.keep_models=true, or "
            "take 'folds' out of ensemble.members"
        )
    return [FOLDS / str(number) for number in range(index["n_splits"])]


def predict(member: str, rows: pd.DataFrame) -> np.ndarray:
    """Give a member's prediction of new rows: the mean of its models', (n, c) or (n,)."""
    return np.asarray(np.mean([predicted(folder, rows) for folder in folders(member)], axis=0))


def predicted(folder: Path, rows: pd.DataFrame) -> np.ndarray:
    """Give one model's prediction of rows; the same model and rows are predicted once."""
    texts = rows[["id", "text", "text_pair"]]
    code = code_version("core/io", "encoders", "models")
    own = registry.hash_model_component(folder)
    key = fingerprint("predict", digest(folder), texts, code, own, libraries())
    return remembered(key, lambda: registry.load(folder).predict(rows))
