"""Raw files of a tiny project, what is said of them, and the settings that a message advises."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from foldline.core.errors import FoldlineError
from foldline.core.params import Settings
from foldline.core.params.error_messages import format_problems
from foldline.core.params.loading import find_problems
from foldline.data.annotations import summarize_annotations
from foldline.data.dataset_split import DatasetSplit, SplitSettings, split_dataset
from foldline.data.label_quality import check_label_quality
from foldline.data.preparation import PreparedDataset, prepare_dataset
from tests.helpers.edited_params import COMMITTED

PARTS = ("train", "valid", "test", "predict")
# As in `prepare.missing_label=drop` and `split.ratios=[1,0,0]`; `task=regression` has no section.
SETTING = re.compile(r"\b((?:[a-z_]+\.)+[a-z_]+|task|model)=(\[[^\]]*\]|[\w./]*\w)")

Files = Mapping[str, str | bytes | None]


@dataclass(frozen=True)
class Case:
    """Files and settings, the words of advice that they lead to, and what follows these words.

    Settings written as `key=value` in the advice are followed as they stand there. `values` are
    for keys that the advice names without a value, `edits` are files that it says to change (None:
    to remove).
    """

    files: Files
    advice: str
    settings: Mapping[str, Any]
    values: Mapping[str, Any]
    edits: Files


def case(
    files: Files,
    advice: str,
    settings: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    edits: Files | None = None,
) -> Case:
    """Return a case in which the advice leads to something."""
    values, edits = values or {}, edits or {}
    assert values or edits or advised_settings(advice), f"nothing follows: {advice}"
    names = [*values, *(key.rpartition(".")[0] for key in values if key.count(".") > 1), "column"]
    assert not values or any(name in advice for name in names), (advice, values)
    return Case(files, advice, settings or {}, values, edits)


def advised_settings(advice: str) -> dict[str, Any]:
    """Return the settings that a text holds as `key=value`."""
    return {key: parse_value(text) for key, text in SETTING.findall(advice)}


def parse_value(text: str) -> Any:
    """Return a value as `-S` reads it."""
    return YAML(typ="safe", pure=True).load(text)


@lru_cache
def _content() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(COMMITTED))


def make_settings(dotted: Mapping[str, Any]) -> Settings:
    """Return the parameters of tests with values changed, checked as every stage checks them."""
    content = deepcopy(_content())
    for key, value in dotted.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        assert last in section or key.startswith(("components.", "augment.mix.")), key
        section[last] = value
    if problems := find_problems(content):
        raise FoldlineError(format_problems(Path("params.yaml"), problems))
    return Settings.model_validate(content)


@dataclass(frozen=True)
class Outcome:
    """What `prepare` and `split` make of files."""

    dataset: PreparedDataset
    split: DatasetSplit | None
    notes: list[str]


def run_stages(files: Files, dotted: Mapping[str, Any], stages: str = "prepare") -> Outcome:
    """Write the files into data/raw/ of the working folder, and prepare (and split) them.

    A file's part is the start of its name; `sample` is a sample submission.
    """
    settings = make_settings(_write_files(files) | {"split.compare": False} | dotted)
    data, seed = settings.data, settings.seed
    dataset = prepare_dataset(
        settings.task, data, settings.prepare, {}, settings.predict.sample_submission
    )
    annotators = summarize_annotations(dataset.annotations, dataset.labels, dataset.rows, seed)
    notes, split = list(dataset.notes), None
    if stages == "quality":
        notes += check_label_quality(dataset.rows, dataset.labels, data, seed).notes
    if stages == "split":
        names = SplitSettings.model_fields
        split = split_dataset(
            dataset.rows,
            dataset.unlabelled,
            annotators.label_distributions,
            SplitSettings.model_validate({name: getattr(settings, name) for name in names}),
        )
        notes += split.notes
    return Outcome(dataset, split, notes)


def _write_files(files: Files) -> dict[str, Any]:
    """Write files into data/raw/, and return the settings that name them."""
    folder = Path("data/raw")
    folder.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = dict.fromkeys([f"data.{part}" for part in PARTS])
    named |= {"predict.sample_submission": None}
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        stem = name.partition(".")[0]
        keys = {"sample": "predict.sample_submission", "annotations": "data.annotations.file"}
        key = keys.get(stem) or (f"data.{stem}" if stem in PARTS else None)
        named |= {key: path.as_posix()} if key else {}
    return named


def messages(files: Files, dotted: Mapping[str, Any], stages: str = "prepare") -> str:
    """Return the error, or the notes, about files."""
    try:
        return "\n".join(run_stages(files, dotted, stages).notes)
    except FoldlineError as error:
        return str(error)


def follow(own: Case, stages: str = "prepare") -> Outcome:
    """Check that a case is said to need its advice; follow it, and return what then results."""
    said = messages(own.files, own.settings, stages)
    assert own.advice in said, said
    settings = {**own.settings, **advised_settings(own.advice), **own.values}
    outcome = run_stages({**own.files, **own.edits}, settings, stages)
    assert own.advice not in "\n".join(outcome.notes)
    return outcome
