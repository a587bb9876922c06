"""Fit, save and load a model of any kind."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError, listed
from foldline.core.io.components import hash_components, is_component
from foldline.core.io.files import digest, read_json, replacing, write_json
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.encoders import hub
from foldline.models import (
    baselines,
    embed,
    external,
    gbdt,
    keywords,
    length,
    static,
    target_transform,
    tfidf,
    zero_shot,
)
from foldline.models.component_model import load_kind
from foldline.models.interface import Fitted, Job, Kind, Model
from foldline.models.neural import transformer

# Anything that is not named here is a local folder or a hub id of a pretrained transformer.
PRETRAINED = "pretrained"
CARD = "foldline.json"
# They say what is known without a model, so nothing is transformed for them.
PLAIN = ("majority", "random", "external")


def kind_of(model: str) -> str:
    """Give the name of the kind that `model:` in params.yaml means."""
    return model if model in KINDS or is_component(model) else PRETRAINED


def get_kind(name: str) -> Kind:
    """Return a kind by the name that `kind_of` returns: one of KINDS, or a component.

    Raises:
        FoldlineError: where a component cannot be used.
    """
    return load_kind(name) if is_component(name) else KINDS[name]


def hash_model_component(folder: Path) -> str | None:
    """Return a hash of components/ if the model in this folder is a component's, else None."""
    return hash_components(read_json(folder / CARD)["kind"])


def identity(recipe: Recipe, labels: Labels) -> list[object]:
    """Give what a fit depends on beside rows and params: labels, components, files it reads."""
    named = {
        "keywords": recipe.keywords.file,
        "static": recipe.static.vectors,
        "embed": recipe.embed.encoder,
        "zero-shot": recipe.zero_shot.model,
        "external": recipe.external.file,
    }
    beside = Path(named.get(recipe.model, recipe.model) or "")
    there = beside != Path() and beside.exists()
    own = hash_components(recipe.model, recipe.train.loss)
    return [labels.task, *labels.classes, own, digest(beside) if there else None]


def fit(job: Job) -> Fitted:
    """Fit a model of the kind that the recipe names; the order of the rows changes nothing.

    Raises:
        FoldlineError: where there is nothing to learn from, or a class that is not known.
    """
    if job.train.empty:
        raise FoldlineError("there is no row to train on: give more rows, or larger split.ratios")
    for rows in (job.train, job.valid):
        strange = job.labels.unknown(rows["label"])
        if strange:
            raise FoldlineError(
                f"label '{strange[0]}' is not one of the classes "
                f"{listed(job.labels.classes)}: run `dvc repro -f prepare`"
            )
    return fit_kind(get_kind(kind_of(job.recipe.model)), job)


def fit_kind(kind: Kind, job: Job) -> Fitted:
    """Fit a model of a kind; the order of the rows changes nothing."""
    job = replace(job, train=_by_id(job.train), valid=_by_id(job.valid))
    if job.recipe.target.transform != "none" and job.recipe.model not in PLAIN:
        return target_transform.with_transform(job, kind.fit)
    return kind.fit(job)


def _by_id(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows: sums, batches and vocabularies follow their order."""
    return rows.sort_values("id", kind="stable", ignore_index=True)


def save(model: Model, name: str, labels: Labels, folder: Path) -> None:
    """Write a model and the card by which `load` knows it again."""
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        model.save(temporary)
        card = {
            "kind": kind_of(name),
            "task": labels.task,
            "classes": list(labels.classes),
            "target": target_transform.card(model),
        }
        write_json(temporary / CARD, card)


def load(folder: Path) -> Model:
    """Read a model that `save` wrote.

    Raises:
        FoldlineError: where the folder holds none, or a damaged one.
    """
    card = read_json(folder / CARD)
    try:
        model = get_kind(card["kind"]).load(folder, Labels(card["task"], tuple(card["classes"])))
        return target_transform.wrapped(model, card["target"])
    except (FoldlineError, ImportError, MemoryError):
        raise
    except Exception as error:  # each library beneath has errors of its own
        raise FoldlineError(
            f"{folder} holds no whole model: {hub.brief(error)}. Its files were cut or changed "
            "after they were written: bring them back with `dvc checkout --force`, or make them "
            "again with `dvc repro`"
        ) from error


KINDS: dict[str, Kind] = {
    "majority": Kind(baselines.fit_majority, baselines.load),
    "random": Kind(baselines.fit_random, baselines.load),
    "length": Kind(length.fit, length.load),
    "keywords": Kind(keywords.fit, keywords.load),
    "tfidf": Kind(tfidf.fit, tfidf.load),
    "gbdt": Kind(gbdt.fit, gbdt.load, stops_early=True),
    "static": Kind(static.fit, static.load),
    "embed": Kind(embed.fit, embed.load),
    "scratch": Kind(transformer.fit_scratch, transformer.load, stops_early=True),
    "zero-shot": Kind(zero_shot.fit, zero_shot.load),
    "external": Kind(external.fit, external.load),
    PRETRAINED: Kind(transformer.fit_pretrained, transformer.load, stops_early=True),
}
