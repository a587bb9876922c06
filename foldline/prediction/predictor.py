"""Labels and probabilities of new texts, by the models of a project."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.components import hash_components, is_component
from foldline.core.io.files import read_json
from foldline.core.io.labels import Labels, split_label_names
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.data.text_cleaner import restore_cleaner
from foldline.ensembling import ensemble as ensembles
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import (
    BASELINES,
    FOLDS,
    MODEL,
    predict_in_batches,
)
from foldline.models import registry
from foldline.prediction.staleness import list_stale_notes

ENSEMBLE = "ensemble"


class Predictor:
    """The trained models of a project, which predict new texts.

    Texts are normalized as those of the training were. `project` is the project's folder; `model`
    is `ensemble` (the final predictions), or the name of a member in `ensemble.members`.

        predictor = Predictor("path/to/project")
        predictor.predict(["a text", "another one"])

    Warns:
        UserWarning: if the models are not those of the project as it stands; also in `notes`.

    Raises:
        FoldlineError: if there are no trained models, or they do not belong together.
    """

    def __init__(self, project: str | Path = ".", model: str = ENSEMBLE) -> None:
        self.project = Path(project).resolve()
        if not (self.project / MODEL).is_dir() and not (self.project / BASELINES).is_dir():
            raise FoldlineError(
                f"{self.project} holds no trained models ({MODEL.as_posix()}): run `dvc repro` "
                "there first, or `dvc pull` to fetch those of a remote"
            )
        with self._in_project():
            self._ensemble = _load_ensemble(model)
            self.folders = [f for own in self._ensemble.list_models().values() for f in own]
            folders = self.folders
            self.labels = self._ensemble.set_thresholds(_read_labels(folders))
            self.preprocessing = _read_preprocessing(folders)
            self.notes = _list_component_notes(self.preprocessing, folders)
            self.notes += list_stale_notes()
            self._clean = restore_cleaner(self.preprocessing)
            self._models = {folder: registry.load(folder) for folder in folders}
        for note in self.notes:
            warnings.warn(note, stacklevel=2)

    @property
    def classes_(self) -> list[str]:
        """Return the classes in the order of the probabilities; none for regression."""
        return list(self.labels.classes)

    def predict(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> list[str] | list[list[str]] | list[float]:
        """Return the label of each text; several for multilabel, a number for regression.

        `pairs` are the second texts, for a model of text pairs.
        """
        decoded: Any = self.labels.decode(self._predict_texts(texts, pairs))
        if self.labels.task == "multilabel":
            return [split_label_names(label) for label in decoded]
        return list(decoded)

    def predict_proba(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the probabilities (n, c), with a column for each class.

        Raises:
            FoldlineError: for regression, which has none.
        """
        if self.labels.task == "regression":
            raise FoldlineError("task=regression predicts numbers without probabilities: predict()")
        return pd.DataFrame(self._predict_texts(texts, pairs), columns=self.classes_)

    def make_rows(
        self, ids: Sequence[str], texts: Sequence[str], pairs: Sequence[str]
    ) -> pd.DataFrame:
        """Return raw texts as the rows that models read."""
        clean = self._clean
        columns = {"id": ids, "text": list(map(clean, texts)), "text_pair": list(map(clean, pairs))}
        return pd.DataFrame(columns, dtype="str")

    def predict_rows(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers of rows from `make_rows`."""
        with self._in_project():
            return self._ensemble.predict(
                rows,
                self.labels.task,
                lambda folder, rows: predict_in_batches(self._models[folder], rows),
            )

    def _predict_texts(self, texts: Sequence[str], pairs: Sequence[str] | None) -> np.ndarray:
        first = _check_texts("texts", texts)
        if pairs is None and self.preprocessing.text_pair is not None:
            raise FoldlineError("the models read text pairs: predict(texts, pairs)")
        if pairs is not None and self.preprocessing.text_pair is None:
            raise FoldlineError("the models read single texts, not pairs: predict(texts)")
        second = [""] * len(first) if pairs is None else _check_texts("pairs", pairs)
        if len(first) != len(second):
            raise FoldlineError(f"there are {len(first)} texts, but {len(second)} pairs")
        ids = [str(number) for number in range(1, len(first) + 1)]
        return self.predict_rows(self.make_rows(ids, first, second))

    @contextlib.contextmanager
    def _in_project(self) -> Iterator[None]:
        """Work in the project's folder, from which its models and components are named."""
        if Path.cwd() == self.project:
            yield
        else:
            with contextlib.chdir(self.project):
                yield


def _load_ensemble(model: str) -> Ensemble:
    if model != ENSEMBLE:
        return Ensemble.from_member(model)
    if not ensembles.FILE.exists():
        raise FoldlineError(
            f"{ensembles.FILE.as_posix()} is missing: run `dvc repro` first, or predict with a "
            "member of it, as model"
        )
    return Ensemble.load()


def _read_labels(folders: list[Path]) -> Labels:
    """Return the labels of all models, which must be the same."""
    found: dict[Labels, Path] = {}
    for folder in folders:
        card = _read_card(folder)
        if "external" in registry.list_kinds(card):
            raise FoldlineError(
                f"{folder.as_posix()} holds predictions that were made elsewhere "
                "(external.file), and no model for new rows: predict with tfidf, or train "
                "another model"
            )
        found.setdefault(Labels(card["task"], tuple(card["classes"])), folder)
    if len(found) > 1:
        raise _mismatch(list(found.values()), "classes")
    return next(iter(found))


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / registry.CARD
    card = read_json(path)
    if not isinstance(card, dict) or not {"kind", "task", "classes"} <= set(card):
        raise FoldlineError(
            f"{path.as_posix()} is damaged (found {card!r:.60}): restore it with "
            "`dvc checkout --force`, or run `dvc repro`"
        )
    return card


def _read_preprocessing(models: list[Path]) -> Preprocessing:
    """Return how models read texts, which must be the same."""
    folders = {FOLDS if FOLDS in model.parents else MODEL for model in models}
    found = {folder: Preprocessing.load(folder / NAME) for folder in sorted(folders)}
    first, *others = found.values()
    if any(other != first for other in others):
        raise _mismatch(list(found), "columns or normalization of texts")
    return first


def _mismatch(folders: list[Path], what: str) -> FoldlineError:
    first, second = (folder.as_posix() for folder in folders[:2])
    return FoldlineError(
        f"{first} and {second} were trained with different {what}: run `dvc repro`, which trains "
        "those that are out of date"
    )


def _list_component_notes(preprocessing: Preprocessing, folders: list[Path]) -> list[str]:
    """Return a note if a component that predicts has changed since the training."""
    recorded: dict[str | None, Any] = {preprocessing.clean: preprocessing.components}
    for folder in folders:
        card = _read_card(folder)
        used = filter(is_component, registry.list_kinds(card))
        recorded |= dict.fromkeys(used, card.get("components"))
    changed = [name for name, found in recorded.items() if hash_components(name) != found]
    if not changed:
        return []
    return [
        f"components/ has changed since the models were trained, and they use {listing(changed)}: "
        "run `dvc repro`, or restore the folder with `git restore components`"
    ]


def _check_texts(name: str, texts: Sequence[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        FoldlineError: for a single string, or for a value that is no string.
    """
    if isinstance(texts, str):
        raise FoldlineError(f'{name} must be a list of strings, as ["a text"], not one string')
    values = list(texts)
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise FoldlineError(
                f"{name}[{number}] is {value!r:.40}, not a string; an empty text is ''"
            )
    return values
