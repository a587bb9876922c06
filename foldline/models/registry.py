"""Fit, save and load a model of any kind."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.components import hash_components, is_component
from foldline.core.io.files import digest, read_json, replace_atomically, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.schemas import MAKE_AGAIN
from foldline.core.params import Recipe
from foldline.core.params.kind_options import OPTIONS, select_options
from foldline.encoders import hub
from foldline.models import (
    baselines,
    boosting,
    chain,
    decision_list,
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
from foldline.models.interface import FitResult, Job, Kind, Model
from foldline.models.neural import transformer

# Any name that is not in KINDS is a local folder or hub id of a pretrained transformer.
PRETRAINED = "pretrained"
CARD = "foldline.json"
# These do not learn from texts, so their targets are not transformed.
UNTRANSFORMED = ("majority", "random", "uniform", "external")


def resolve_kind(model: str) -> str:
    """Return the name of the kind that `model` in params.yaml selects."""
    return model if model in KINDS or is_component(model) else PRETRAINED


def get_kind(name: str) -> Kind:
    """Return a kind by the name that `resolve_kind` returns: one of KINDS, or a component.

    Raises:
        FoldlineError: if a component cannot be used.
    """
    return load_kind(name) if is_component(name) else KINDS[name]


def stops_early(recipe: Recipe) -> bool:
    """Return whether a training reads validation rows."""
    return any(get_kind(resolve_kind(model)).stops_early for model in recipe.models)


def list_kinds(card: Mapping[str, Any]) -> list[str]:
    """Return the kind of the model with this card, after that of the first model of a chain."""
    return ([card["first"]] if "first" in card else []) + [card["kind"]]


def hash_model_component(folder: Path) -> str | None:
    """Return a hash of components/ if the model in this folder is a component's, else None."""
    return hash_components(*list_kinds(read_json(folder / CARD)))


def list_dependencies(recipe: Recipe, labels: Labels) -> list[object]:
    """Return what a fit depends on besides rows and params: labels, components, external files."""
    losses = [recipe.train.loss for model in recipe.models if model not in OPTIONS]
    components = hash_components(*recipe.models, *losses)
    files: list[str | None] = [digest(path) for path in list_files(recipe)]
    return [labels.task, *labels.classes, components, *(files or [None])]


def list_files(recipe: Recipe) -> list[Path]:
    """Return the files or folders outside our tables that a fit reads, one a model at most."""
    external_files = {
        "keywords": lambda: recipe.keywords.file,
        "static": lambda: recipe.static.vectors,
        "embed": lambda: recipe.embed.encoder,
        "zero-shot": lambda: recipe.zero_shot.model,
        "external": lambda: recipe.external.file,
    }
    names = [external_files[own]() if own in external_files else own for own in recipe.models]
    return [path for path in map(Path, filter(None, names)) if path.exists()]


def fit(job: Job) -> FitResult:
    """Fit a model of the kind that the recipe names; the order of the rows does not matter.

    Raises:
        FoldlineError: if there are no training rows, or a label is not among the classes.
    """
    if job.train.empty:
        raise FoldlineError(
            "there is no row to train on: add rows, or raise the train share of split.ratios"
        )
    for rows in (job.train, job.valid):
        unknown = job.labels.unknown(rows["label"])
        if unknown:
            raise FoldlineError(
                f"label '{unknown[0]}' is not one of the classes "
                f"{listing(job.labels.classes)}: {MAKE_AGAIN}"
            )
    return fit_kind(get_kind(resolve_kind(job.recipe.model)), job)


def read_transform(folder: Path) -> target_transform.TargetTransform | None:
    """Return the transform of the targets of a saved model, or None; the model is not loaded."""
    return target_transform.make_transform(read_json(folder / CARD)["target"])


def fit_kind(kind: Kind, job: Job) -> FitResult:
    """Fit a model of a kind; the order of the rows does not matter."""
    job = replace(job, train=_sort_by_id(job.train), valid=_sort_by_id(job.valid))
    fit_own = kind.fit
    if boosting.is_boosted(job.recipe):
        if not kind.uses_weights:
            raise FoldlineError(boosting.describe_unweighted(job.recipe.model))
        fit_own = partial(boosting.fit_boosted, fit=kind.fit)
    if chain.is_chained(job.recipe):
        first = select_options(job.recipe, job.recipe.models[0])
        first_kind = resolve_kind(first.model)
        fit_own = partial(
            chain.fit_chained, recipe=first, kind=first_kind, fit_first=fit, fit_second=fit_own
        )
    if job.recipe.target.transform != "none" and job.recipe.model not in UNTRANSFORMED:
        return target_transform.fit_transformed(job, fit_own)
    return fit_own(job)


def _sort_by_id(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows: sums, batches and vocabularies follow their order."""
    return rows.sort_values("id", kind="stable", ignore_index=True)


def save(model: Model, name: str, labels: Labels, folder: Path) -> None:
    """Write a model and the card that `load` reads."""
    with replace_atomically(folder) as temporary:
        temporary.mkdir(parents=True)
        model.save(temporary)
        chained = chain.find_chain(model)
        kinds = {"kind": resolve_kind(name)} | ({"first": chained.kind} if chained else {})
        card = kinds | {
            "task": labels.task,
            "classes": list(labels.classes),
            "target": target_transform.describe_transform(model),
            "components": hash_components(*kinds.values()),
        }
        write_json(temporary / CARD, card)


def load(folder: Path) -> Model:
    """Read a model that `save` wrote.

    Raises:
        FoldlineError: if the folder holds no model, or a damaged one.
    """
    card = read_json(folder / CARD)
    try:
        labels = Labels(card["task"], tuple(card["classes"]))
        load_model = get_kind(card["kind"]).load
        if boosting.is_boosted_folder(folder):
            load_model = partial(boosting.load_boosted, load=load_model)
        if chain.is_chained_folder(folder):
            load_model = partial(chain.load_chained, load_second=load_model, get_kind=get_kind)
        model = load_model(folder, labels)
        return target_transform.restore_transform(model, card["target"])
    except (FoldlineError, ImportError, MemoryError):
        raise
    except Exception as error:  # each library raises its own errors
        raise FoldlineError(
            f"{folder} is damaged: {hub.format_error(error)}. Its files were changed after they "
            "were written: restore them with `dvc checkout --force`, or run `dvc repro`"
        ) from error


KINDS: dict[str, Kind] = {
    "majority": Kind(baselines.fit_majority, baselines.load, uses_weights=True),
    "random": Kind(baselines.fit_random, baselines.load, uses_weights=True),
    "uniform": Kind(baselines.fit_uniform, baselines.load),
    "length": Kind(length.fit, length.load, uses_weights=True),
    "decision-list": Kind(decision_list.fit, decision_list.load, uses_weights=True),
    "keywords": Kind(keywords.fit, keywords.load, uses_weights=True),
    "tfidf": Kind(tfidf.fit, tfidf.load, uses_weights=True),
    "gbdt": Kind(gbdt.fit, gbdt.load, stops_early=True, uses_weights=True),
    "static": Kind(static.fit, static.load, uses_weights=True),
    "embed": Kind(embed.fit, embed.load, uses_weights=True),
    "scratch": Kind(transformer.fit, transformer.load, stops_early=True, uses_weights=True),
    "zero-shot": Kind(zero_shot.fit, zero_shot.load),
    "external": Kind(external.fit, external.load),
    PRETRAINED: Kind(transformer.fit, transformer.load, stops_early=True, uses_weights=True),
}
