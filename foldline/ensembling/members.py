"""The members of an ensemble: where their models are, and their predictions of new rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.files import copy_folder, digest, replace_atomically, write_json
from foldline.core.io.labels import Labels
from foldline.core.params.value_types import MemberName
from foldline.ensembling.records import read_record
from foldline.ensembling.tta import AugmentedPrediction
from foldline.execution.store import code_version, fingerprint, library_versions, load_or_compute
from foldline.models import registry
from foldline.models.interface import Model

MODEL = Path("models/model")  # of the recipe in params.yaml, fitted to all training rows
FULL = Path("models/members")  # the same of the other members
FOLDS = Path("models/folds")
BASELINES = Path("models/baselines")
INDEX = "index.json"
BATCH_ROWS = 4096  # predicted at once, so that memory does not grow with the rows

# Predicts rows by the model in a folder: (n, c) or (n,).
PredictModel = Callable[[Path, pd.DataFrame], np.ndarray]
ModelCounts = dict[MemberName, Annotated[int, Field(ge=1, le=10_000)]]


def format_remedy(folder: Path) -> str:
    """Return what to do about a file in a folder of models that was changed."""
    return (
        "It was changed after it was written: restore it with "
        f"`dvc checkout --force {folder.as_posix()}`, or make it again with `dvc repro`"
    )


@dataclass(frozen=True)
class ModelIndex:
    """The number of models of each member in a folder, and how they augment what they predict."""

    models: ModelCounts
    tta: dict[MemberName, AugmentedPrediction] = field(default_factory=dict)


def write_models(
    folder: Path,
    models: Mapping[str, Sequence[Path]],
    augmentations: Mapping[str, AugmentedPrediction] = MappingProxyType({}),
) -> None:
    """Copy each member's models into a folder, with an index of their numbers.

    The model of the recipe in params.yaml that is in MODEL is not copied. `augmentations` are the
    test-time augmentations of members that have one.
    """
    with replace_atomically(folder) as temporary:
        temporary.mkdir(parents=True)
        for name, sources in models.items():
            for number, source in enumerate(sources):
                if source != MODEL:
                    copy_folder(source, temporary / name / str(number))
        counts = {name: len(sources) for name, sources in models.items()}
        tta = {name: asdict(augmentations[name]) for name in models if name in augmentations}
        write_json(temporary / INDEX, {"models": counts} | ({"tta": tta} if tta else {}))


def list_models(folder: Path) -> dict[str, list[Path]]:
    """Return the folders of each member's models that `write_models` wrote.

    They are those of the index: a model of an earlier run that is left there must not vote.

    Raises:
        FoldlineError: if the index was changed.
    """
    return {
        name: [folder / name / str(number) for number in range(count)]
        for name, count in _read_index(folder).models.items()
    }


def _read_index(folder: Path) -> ModelIndex:
    index: ModelIndex = read_record(folder / INDEX, ModelIndex, format_remedy(folder))
    return index


def read_augmentations() -> dict[str, AugmentedPrediction]:
    """Return the test-time augmentation of the members that have one."""
    existing = [folder for folder in (FULL, FOLDS) if folder.exists()]
    return {name: own for folder in existing for name, own in _read_index(folder).tta.items()}


def list_member_models() -> dict[str, list[Path]]:
    """Return the folders of all models of each member that predict new rows.

    After `train` alone, these are the models of all training rows.
    """
    full = list_models(FULL) if FULL.exists() else {MODEL.name: [MODEL]}
    full = {name: [MODEL] if name == MODEL.name else models for name, models in full.items()}
    folds = list_models(FOLDS) if FOLDS.exists() else {}
    return {name: full.get(name, []) + folds.get(name, []) for name in full | folds}


def predict_model(folder: Path, rows: pd.DataFrame) -> np.ndarray:
    """Return one model's prediction of rows; the store keeps it for the same model and rows."""
    texts = rows[["id", "text", "text_pair"]]
    code = code_version("core/io", "encoders", "metrics", "models")
    component = registry.hash_model_component(folder)
    key = fingerprint("predict", digest(folder), texts, code, component, library_versions())
    return load_or_compute(key, lambda: predict_in_batches(registry.load(folder), rows))


def predict_in_batches(model: Model, rows: pd.DataFrame) -> np.ndarray:
    """Return a model's prediction of rows, BATCH_ROWS at a time: (n, c) or (n,)."""
    starts = range(0, max(len(rows), 1), BATCH_ROWS)
    return np.concatenate([model.predict(rows.iloc[s : s + BATCH_ROWS]) for s in starts])


def predict_member(
    folders: Sequence[Path],
    rows: pd.DataFrame,
    predict: PredictModel = predict_model,
    augmentation: AugmentedPrediction | None = None,
) -> np.ndarray:
    """Return a member's prediction of new rows, the mean of its models: (n, c) or (n,)."""

    def predict_mean(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(np.mean([predict(folder, rows) for folder in folders], axis=0))

    return predict_mean(rows) if augmentation is None else augmentation.predict(rows, predict_mean)


def read_validation_predictions(
    ids: list[str],
    members: Sequence[str],
    predictions: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    labels: Labels,
) -> dict[str, np.ndarray]:
    """Return each member's stored predictions of validation rows, the mean of its models'.

    Fold models have trained on validation rows, so theirs are out of fold.
    """
    found = {}
    full, folds = list_models(FULL), list_models(FOLDS)
    for name in members:
        counts = {"full": len(full.get(name, [])), "folds": len(folds.get(name, []))}
        values = {}
        if counts["full"]:
            values["full"] = read_predictions(schemas.VALID_PREDICTIONS, predictions, name, ids)
        if counts["folds"]:
            values["folds"] = read_predictions(schemas.OUT_OF_FOLD, out_of_fold, name, ids)
        found[name] = np.average(
            [labels.predictions(table) for table in values.values()],
            axis=0,
            weights=[counts[part] for part in values],
        )
    return found


def read_predictions(
    table: schemas.Table, predictions: pd.DataFrame, member: str, ids: list[str]
) -> pd.DataFrame:
    """Return a member's rows of a table of predictions, in the order of `ids`.

    Raises:
        FoldlineError: naming rows without a prediction.
    """
    own = predictions[predictions["member"] == member].set_index("id")
    if missing := [name for name in ids if name not in own.index]:
        raise FoldlineError(
            f"{table.path}: member {member} has no prediction of {len(missing)} of {len(ids)} rows "
            f"({listing(missing, 5)}): {schemas.MAKE_AGAIN}"
        )
    return own.loc[ids]
