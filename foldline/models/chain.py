"""Two-stage chains: the predictions of a first model are an input of a second.

The second learns from predictions that the first makes of rows it has not seen, as stacking does
(Wolpert, 1992), so that it meets in training the errors that it will meet in new rows.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.core.params.model_kinds import UNWEIGHTED as UNTRAINED
from foldline.models.chain_input import ChainInput
from foldline.models.interface import FitResult, Job, Kind, Model
from foldline.models.soft_labels import AUXILIARY
from foldline.models.target_transform import TransformedModel
from foldline.models.tracking import SafeTracker

FILE, FIRST = "chain.json", "first"
FitJob = Callable[[Job], FitResult]


@dataclass(frozen=True)
class ChainedModel:
    """The first model, of the kind `kind`, what becomes of its predictions, and the second."""

    kind: str
    first: Model
    input: ChainInput
    second: Model

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) values."""
        return self.predict_second(rows, self.first.predict(rows))

    def predict_second(self, rows: pd.DataFrame, predictions: np.ndarray) -> np.ndarray:
        """Return the same by given predictions of the first model."""
        return self.second.predict(self.input.add(rows, predictions))

    def save(self, folder: Path) -> None:
        """Write the second model, and the first into a folder of its own."""
        self.second.save(folder)
        own = folder / FIRST
        own.mkdir()
        self.first.save(own)
        write_json(folder / FILE, {"first": self.kind, "input": asdict(self.input)})


def is_chained(recipe: Recipe) -> bool:
    """Return whether a recipe asks for a chain."""
    return len(recipe.models) > 1


def is_chained_folder(folder: Path) -> bool:
    """Return whether a folder holds a chain."""
    return (folder / FILE).exists()


def find_chain(model: Model) -> ChainedModel | None:
    """Return the chain that a model is, also one of transformed targets, or None."""
    own = model.model if isinstance(model, TransformedModel) else model
    return own if isinstance(own, ChainedModel) else None


def load_chained(
    folder: Path,
    labels: Labels,
    load_second: Callable[[Path, Labels], Model],
    get_kind: Callable[[str], Kind],
) -> ChainedModel:
    """Read both models: the second by the `load` of its kind."""
    content = read_json(folder / FILE)
    kind, own = content["first"], content["input"]
    own["labels"] = Labels(own["labels"]["task"], tuple(own["labels"]["classes"]))
    first = get_kind(kind).load(folder / FIRST, own["labels"])
    return ChainedModel(kind, first, ChainInput(**own), load_second(folder, labels))


def fit_chained(
    job: Job, recipe: Recipe, kind: str, fit_first: FitJob, fit_second: FitJob
) -> FitResult:
    """Fit the first model by its `recipe`, and the second to rows with predictions of the first.

    Training rows are predicted by `chain.n_splits` fits to the others, all other rows by one fit to
    all. The record is that of the second model.

    Raises:
        FoldlineError: if the rows are too few to be divided, or none has the auxiliary label.
    """
    options, first_job = job.recipe.chain, make_first_job(job, recipe)
    whole = fit_first(_keep_labelled(first_job))
    if recipe.model in UNTRAINED:
        sources = job.train.assign(id=job.train.get("source_id", job.train["id"]))
        predictions = whole.model.predict(sources)
    else:
        n_splits = options.n_splits
        predictions = job.remember(
            first_job,
            f"{n_splits} parts",
            lambda: predict_unseen(first_job, fit_first, n_splits),
        )
    chain_input = ChainInput.fit(options.input, first_job.labels, predictions)
    train = chain_input.add(job.train, predictions)
    valid = chain_input.add(job.valid, whole.model.predict(job.valid))
    fitted = fit_second(replace(job, train=train, valid=valid))
    return replace(
        fitted,
        model=ChainedModel(kind, whole.model, chain_input, fitted.model),
        notes=list(dict.fromkeys([*whole.notes, *fitted.notes])),
    )


def make_first_job(job: Job, recipe: Recipe) -> Job:
    """Return the job of the first model: rows with the label that it learns, empty if unknown."""
    update = {
        "seed": derive_seed(job.recipe.seed, "chain") % 2**31,
        "target": recipe.target.model_copy(update={"transform": "none"}),
    }
    train, valid, labels = job.train, job.valid, job.labels
    if job.recipe.chain.predicts == "auxiliary":
        train, valid = (_relabel(rows, labels) for rows in (train, valid))
        labels = Labels("classification", tuple(sorted(set(train["label"]) - {""})))
        update["task"] = labels.task
    return replace(
        job,
        train=train,
        valid=valid,
        labels=labels,
        recipe=recipe.model_copy(update=update),
        checkpoint_folder=_make_folder(job, "chain"),
        sample_ids=(),
        tracker=SafeTracker(),
    )


def _relabel(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return rows with the auxiliary label as their label, without shares of the other."""
    own = rows[AUXILIARY].tolist() if AUXILIARY in rows else [""] * len(rows)
    return rows.drop(columns=labels.columns, errors="ignore").assign(label=own)


def _keep_labelled(job: Job) -> Job:
    """Return a job without rows that lack the label; multilabel rows may have none."""
    if job.labels.task == "multilabel":
        return job
    train, valid = (rows[rows["label"] != ""] for rows in (job.train, job.valid))
    if train.empty:
        raise FoldlineError(
            "chain.first: no training row has a label that the first model could learn. Check the "
            "column of data.auxiliary_label, or set chain.first to null"
        )
    return replace(job, train=train, valid=valid)


def predict_unseen(job: Job, fit: FitJob, n_splits: int) -> np.ndarray:
    """Return predictions (n, c) or (n,) of all training rows, by fits that have not seen them.

    Groups stay whole, with augmented copies, and no fit learns from a row that equals one that it
    predicts.

    Raises:
        FoldlineError: if the rows are one group.
    """
    rows, seed = job.train, job.recipe.seed
    strata = compute_strata(rows["label"], job.labels.task)
    parts = group_folds(rows["id"].tolist(), rows["group"].tolist(), strata, n_splits, seed)
    predictions: np.ndarray | None = None
    for part in np.unique(parts).tolist():
        held_out = parts == part
        learnt = rows[_select_learnable(rows, held_out)]
        if learnt.empty:
            raise FoldlineError(
                "chain.first: the training rows are one group, so none can be predicted by a "
                "model that has not seen it. Add rows of other groups, or set chain.first to null"
            )
        recipe = job.recipe.model_copy(update={"seed": derive_seed(seed, part) % 2**31})
        own = replace(
            job, train=learnt, recipe=recipe, checkpoint_folder=_make_folder(job, str(part))
        )
        values = fit(_keep_labelled(own)).model.predict(rows[held_out])
        if predictions is None:
            predictions = np.zeros((len(rows), *values.shape[1:]))
        predictions[held_out] = values
    assert predictions is not None  # a job has rows
    return predictions


def _select_learnable(rows: pd.DataFrame, held_out: np.ndarray) -> np.ndarray:
    """Return a mask (n,) of the rows that are not held out, nor equal one that is."""
    texts = rows["text"] + "\x1f" + rows["text_pair"]
    equal = texts.isin(set(texts[held_out]))
    if "duplicate" in rows:
        equal |= rows["duplicate"].isin(set(rows["duplicate"][held_out]) - {""})
    return np.asarray(~held_out & ~equal.to_numpy())


def _make_folder(job: Job, name: str) -> Path:
    folder = job.checkpoint_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
