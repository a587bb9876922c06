"""`foldline import`: bring files or a data set into data/raw/ and params.yaml."""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listed
from foldline.core.params import Data, Settings, loading
from foldline.data.raw_table import RawTable, is_number
from foldline.importer import import_summary, multilabel_columns, params_editing
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.column_guessing import Guess, find_missing_header, guess_columns, guess_task
from foldline.importer.column_names import split_words
from foldline.importer.hub_datasets import PREFIX, download_dataset
from foldline.importer.placement import Placement, place_files, plan_placement
from foldline.importer.sources import (
    ImportSources,
    Source,
    assign_parts,
    open_source,
    parse_source,
    resolve_parts,
)

PARAMS = Path("params.yaml")
# The role of a column by the name of its option.
OPTION_ROLES = {
    "id": "id",
    "text": "text",
    "pair": "text_pair",
    "label": "label",
    "group": "group",
    "weight": "weight",
    "time": "time",
}
FROM_OPTION, FROM_PARAMS = "as told", "as params.yaml has it"


@dataclass(frozen=True)
class ImportPlan:
    """All that an import found and would do."""

    sources: list[Source]
    guesses: dict[str, Guess]
    task: tuple[str, str]
    placements: list[Placement]
    values: dict[str, Any]
    data: Data


def run(options: argparse.Namespace) -> None:
    """Guess what files hold, show it, and after a yes bring them in.

    Raises:
        FoldlineError: where a file cannot be used, or nobody can be asked.
    """
    current = loading.load(Settings, PARAMS)
    with tempfile.TemporaryDirectory(prefix="foldline-") as folder:
        plan = plan_import(options, current, Path(folder))
        edit = params_editing.prepare_edit(PARAMS, current.model_dump(), plan.values)
        print(
            import_summary.format_summary(
                plan.sources, plan.guesses, plan.task, plan.placements, plan.data
            )
        )
        print(import_summary.format_changes(edit.changes))
        if not _confirm(options.yes):
            print("\nNothing was written.")
            return
        place_files(plan.placements)
    if edit.changes:
        edit.write()
    print(import_summary.format_next_steps(plan.placements))


def plan_import(options: argparse.Namespace, current: Settings, folder: Path) -> ImportPlan:
    """Read the sources and find what each is and holds; nothing is written but in `folder`."""
    data = current.data
    brought = _open_sources(options, data, folder)
    sources = assign_parts(brought.sources)
    train = next(source for source in sources if source.part == "train")
    _check_header(train)
    kept = _current_columns(data, train)
    asked = multilabel_columns.parse_label_columns(train.raw, options.label)
    named = asked or (data.label_columns[1:] if kept else [])
    skip = [*data.known_after, *named]
    guesses = guess_columns(
        train.raw, _other_tables(sources), kept | _named_columns(options, named), skip
    )
    columns = {role: guess.column for role, guess in guesses.items()}
    text, label = columns["text"] or "", columns["label"] or ""
    sources = resolve_parts(sources, text, label, columns["id"])
    labels = [value or "" for value in train.raw.columns[label]]
    found = _guess_multilabel(
        train.raw, guesses, columns, options, current if kept else None, asked
    )
    task = ("multilabel", found.why) if found else guess_task(label, labels)
    if options.task or (kept and not asked):
        task = (options.task, FROM_OPTION) if options.task else (current.task, FROM_PARAMS)
    read: dict[str, Any] = dict(columns)
    if found and task[0] == "multilabel":
        read |= {"label": found.label, "separator": found.separator or data.separator}
    import_summary.check_columns(sources, data.model_copy(update=read))
    _check_regression_labels(train, label, labels, task[0])
    values: dict[str, Any] = {"task": task[0]} | {
        f"data.{key}": value for key, value in read.items()
    }
    values |= _file_settings(sources, again=bool(kept))
    if brought.classes or not kept:
        values["data.classes"] = _class_order(brought.classes, labels, task[0])
    keeper = "dvc" if options.dvc else "git" if options.git else None
    files = [(source.path, Path(source.target)) for source in sources]
    files += [(path, Path("data/raw", path.name)) for path in brought.extras]
    placements = [plan_placement(path, target, keeper) for path, target in files]
    return ImportPlan(sources, guesses, task, placements, values, data.model_copy(update=read))


def _guess_multilabel(
    raw: RawTable,
    guesses: dict[str, Guess],
    columns: dict[str, str | None],
    options: argparse.Namespace,
    current: Settings | None,
    asked: list[str] | None,
) -> multilabel_columns.MultilabelGuess | None:
    """Tell whether rows have several labels: as told, as params.yaml has it, or by the cells."""
    if asked:
        return multilabel_columns.MultilabelGuess(asked, None, FROM_OPTION)
    if current:
        data = current.data
        return (
            multilabel_columns.MultilabelGuess(data.label, None, FROM_PARAMS)
            if current.task == "multilabel"
            else None
        )
    if options.task not in (None, "multilabel"):
        return None
    label, why = columns["label"] or "", guesses["label"].why
    # `label` says it; `target_group` may be one of several flags.
    by_name = why == FROM_OPTION or (why.startswith("its name") and len(split_words(label)) == 1)
    taken = [name for role, name in columns.items() if name and role != "label"]
    return multilabel_columns.guess_multilabel(raw, label, by_name, taken)


def _open_sources(options: argparse.Namespace, data: Data, folder: Path) -> ImportSources:
    given = [parse_source(source) for source in options.sources]
    if not (given or options.annotations or options.predict):
        raise FoldlineError("name a file, or hf:ID; `python -m foldline import --help` shows how")
    given += [("annotations", options.annotations)] if options.annotations else []
    given += [("predict", options.predict)] if options.predict else []
    hubs = [name for _, name in given if name.startswith(PREFIX)]
    if len(hubs) > 1 or (hubs and given[0][1] != hubs[0]):
        raise FoldlineError(f"one data set at a time, before any file (found {listed(hubs)})")
    if not hubs and (options.revision or options.config):
        raise FoldlineError("--revision and --config are of a data set of Hugging Face: hf:ID")
    brought = ImportSources([])
    if hubs:
        name = hubs[0].removeprefix(PREFIX)
        brought = download_dataset(name, options.revision, options.config, folder)
    files = [(part, Path(name).expanduser()) for part, name in given[len(hubs) :]]
    if not hubs and all(part not in (None, "train") for part, _ in files):
        files.insert(0, ("train", Path(data.train)))  # beside the training rows that are here
    for part, path in files:
        brought.sources.append(open_source(path, part, data.encoding, data.quoting))
    return brought


def _check_header(train: Source) -> None:
    doubtful = find_missing_header(train.raw)
    if doubtful:
        raise FoldlineError(
            f"{train.path}: its first line seems to be a row, as '{doubtful}' stands below it, "
            "too. Put a line with the columns' names above it"
        )


def _check_regression_labels(train: Source, label: str, labels: list[str], task: str) -> None:
    words = sorted({value for value in labels if value and not is_number(value)})
    if words and task == "regression":
        raise FoldlineError(
            f"{train.path}, column '{label}': regression needs numbers, found {listed(words)}. "
            "Name another column with --label, or say --task classification"
        )


def _current_columns(data: Data, train: Source) -> dict[str, Guess]:
    """Give the columns that params.yaml names, where it is a new version of the same file."""
    named = {role: getattr(data, role) for role in OPTION_ROLES.values()}
    named["label"] = data.label_columns[0]
    wanted = [*named.values(), *data.label_columns]
    there = all(name is None or name in train.raw.columns for name in wanted)
    if train.target != data.train or not there:
        return {}
    return {role: Guess(name, FROM_PARAMS) for role, name in named.items()}


def _named_columns(options: argparse.Namespace, labels: list[str]) -> dict[str, Guess]:
    given = {role: getattr(options, name) for name, role in OPTION_ROLES.items()}
    if given["label"] and labels and given["label"] not in labels:
        given["label"] = labels[0]
    for role in ("text", "label"):
        if given[role] == "none":
            raise FoldlineError(f"--{role} none: every file needs this column; name it")
    return {
        role: Guess(None if name == "none" else name, FROM_OPTION)
        for role, name in given.items()
        if name is not None
    }


def _other_tables(sources: list[Source]) -> dict[str, RawTable]:
    """Give the files beside train that hold texts; one of unknown part is to be predicted."""
    return {
        source.part or "predict": source.raw
        for source in sources
        if source.part in ("valid", "test", "predict")
        or (source.part is None and len(source.raw.columns) > 2)
    }


def _class_order(classes: list[str] | None, labels: list[str], task: str) -> list[str] | None:
    """Give the data set's own order of classes, where its labels are these."""
    known = classes is not None and set(labels) - {""} <= set(classes)
    return classes if known and task == "classification" else None


def _file_settings(sources: list[Source], again: bool) -> dict[str, str | None]:
    """Give what params.yaml is to say of files; of new versions (`again`) others stay."""
    keys = {part: f"data.{part}" for part in ("train", "valid", "test", "predict")}
    keys |= {"sample": "predict.sample_submission"}
    files = {source.part: source.target for source in sources}
    values = {key: files.get(part) for part, key in keys.items() if part in files or not again}
    table = next((source for source in sources if source.part == "annotations"), None)
    if table is None:
        none = {"data.annotations.file": None, "data.annotations.aggregate": "none"}
        return values if again else values | none
    found = guess_annotation_columns(table.raw)
    if found is None:
        raise FoldlineError(
            f"{table.path}: no columns like item, annotator and label, with several people's rows "
            f"for one item; it has {listed(table.raw.columns, 20)}. Where nobody judges what "
            "another has judged, there is no agreement to tell of; else name the columns item_id, "
            "annotator_id and label"
        )
    return values | found.settings(table.target)


def _confirm(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise FoldlineError(
            "nothing was written: there is no terminal to ask at. If the above is right, run the "
            "same command with --yes; else name columns with --text, --label and so on"
        )
    return input("\nIs this right? Write it? [y/N] ").strip().casefold() in ("y", "yes", "네", "예")
