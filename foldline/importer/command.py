"""`foldline import`: bring files or a data set into data/raw/ and params.yaml."""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listed
from foldline.core.params import Data, Settings, loading
from foldline.data.cell_parsing import is_number
from foldline.data.raw import Raw
from foldline.importer import import_summary, multilabel_columns, params_editing
from foldline.importer.annotation_tables import guess_judgements
from foldline.importer.column_guessing import Guess, guess_columns, guess_task, no_header
from foldline.importer.column_names import words
from foldline.importer.hub_datasets import PREFIX, fetch
from foldline.importer.placement import Placement, placement, store
from foldline.importer.sources import Brought, Source, assigned, open_source, parse, settled

PARAMS = Path("params.yaml")
# The role of a column by the name of its option.
ROLES_OF = {
    "id": "id",
    "text": "text",
    "pair": "text_pair",
    "label": "label",
    "group": "group",
    "weight": "weight",
    "time": "time",
}
TOLD, KEPT = "as told", "as params.yaml has it"


@dataclass(frozen=True)
class Import:
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
        plan = planned(options, current, Path(folder))
        edit = params_editing.prepared(PARAMS, current.model_dump(), plan.values)
        print(
            import_summary.told(plan.sources, plan.guesses, plan.task, plan.placements, plan.data)
        )
        print(import_summary.changes_told(edit.changes))
        if not _agreed(options.yes):
            print("\nNothing was written.")
            return
        store(plan.placements)
    if edit.changes:
        edit.write()
    print(import_summary.next_steps(plan.placements))


def planned(options: argparse.Namespace, current: Settings, folder: Path) -> Import:
    """Read the sources and find what each is and holds; nothing is written but in `folder`."""
    data = current.data
    brought = _brought(options, data, folder)
    sources = assigned(brought.sources)
    train = next(source for source in sources if source.part == "train")
    _check_header(train)
    kept = _kept(data, train)
    asked = multilabel_columns.told(train.raw, options.label)
    named = asked or (data.label_columns[1:] if kept else [])
    skip = [*data.known_after, *named]
    guesses = guess_columns(train.raw, _others(sources), kept | _told(options, named), skip)
    columns = {role: guess.column for role, guess in guesses.items()}
    text, label = columns["text"] or "", columns["label"] or ""
    sources = settled(sources, text, label, columns["id"])
    labels = [value or "" for value in train.raw.columns[label]]
    found = _several(train.raw, guesses, columns, options, current if kept else None, asked)
    task = ("multilabel", found.why) if found else guess_task(label, labels)
    if options.task or (kept and not asked):
        task = (options.task, TOLD) if options.task else (current.task, KEPT)
    read: dict[str, Any] = dict(columns)
    if found and task[0] == "multilabel":
        read |= {"label": found.label, "separator": found.separator or data.separator}
    import_summary.check_columns(sources, data.model_copy(update=read))
    _check_numbers(train, label, labels, task[0])
    values: dict[str, Any] = {"task": task[0]} | {
        f"data.{key}": value for key, value in read.items()
    }
    values |= _files(sources, again=bool(kept))
    if brought.classes or not kept:
        values["data.classes"] = _ordered(brought.classes, labels, task[0])
    keeper = "dvc" if options.dvc else "git" if options.git else None
    files = [(source.path, Path(source.target)) for source in sources]
    files += [(path, Path("data/raw", path.name)) for path in brought.extras]
    placements = [placement(path, target, keeper) for path, target in files]
    return Import(sources, guesses, task, placements, values, data.model_copy(update=read))


def _several(
    raw: Raw,
    guesses: dict[str, Guess],
    columns: dict[str, str | None],
    options: argparse.Namespace,
    current: Settings | None,
    asked: list[str] | None,
) -> multilabel_columns.Several | None:
    """Tell whether rows have several labels: as told, as params.yaml has it, or by the cells."""
    if asked:
        return multilabel_columns.Several(asked, None, TOLD)
    if current:
        data = current.data
        return (
            multilabel_columns.Several(data.label, None, KEPT)
            if current.task == "multilabel"
            else None
        )
    if options.task not in (None, "multilabel"):
        return None
    label, why = columns["label"] or "", guesses["label"].why
    # `label` says it; `target_group` may be one of several flags.
    by_name = why == TOLD or (why.startswith("its name") and len(words(label)) == 1)
    taken = [name for role, name in columns.items() if name and role != "label"]
    return multilabel_columns.guess(raw, label, by_name, taken)


def _brought(options: argparse.Namespace, data: Data, folder: Path) -> Brought:
    given = [parse(source) for source in options.sources]
    if not (given or options.annotations or options.predict):
        raise FoldlineError("name a file, or hf:ID; `python -m foldline import --help` shows how")
    given += [("annotations", options.annotations)] if options.annotations else []
    given += [("predict", options.predict)] if options.predict else []
    hubs = [name for _, name in given if name.startswith(PREFIX)]
    if len(hubs) > 1 or (hubs and given[0][1] != hubs[0]):
        raise FoldlineError(f"one data set at a time, before any file (found {listed(hubs)})")
    if not hubs and (options.revision or options.config):
        raise FoldlineError("--revision and --config are of a data set of Hugging Face: hf:ID")
    brought = Brought([])
    if hubs:
        name = hubs[0].removeprefix(PREFIX)
        brought = fetch(name, options.revision, options.config, folder)
    files = [(part, Path(name).expanduser()) for part, name in given[len(hubs) :]]
    if not hubs and all(part not in (None, "train") for part, _ in files):
        files.insert(0, ("train", Path(data.train)))  # beside the training rows that are here
    for part, path in files:
        brought.sources.append(open_source(path, part, data.encoding, data.quoting))
    return brought


def _check_header(train: Source) -> None:
    doubtful = no_header(train.raw)
    if doubtful:
        raise FoldlineError(
            f"{train.path}: its first line seems to be a row, as '{doubtful}' stands below it, "
            "too. Put a line with the columns' names above it"
        )


def _check_numbers(train: Source, label: str, labels: list[str], task: str) -> None:
    words = sorted({value for value in labels if value and not is_number(value)})
    if words and task == "regression":
        raise FoldlineError(
            f"{train.path}, column '{label}': regression needs numbers, found {listed(words)}. "
            "Name another column with --label, or say --task classification"
        )


def _kept(data: Data, train: Source) -> dict[str, Guess]:
    """Give the columns that params.yaml names, where it is a new version of the same file."""
    named = {role: getattr(data, role) for role in ROLES_OF.values()}
    named["label"] = data.label_columns[0]
    wanted = [*named.values(), *data.label_columns]
    there = all(name is None or name in train.raw.columns for name in wanted)
    if train.target != data.train or not there:
        return {}
    return {role: Guess(name, KEPT) for role, name in named.items()}


def _told(options: argparse.Namespace, labels: list[str]) -> dict[str, Guess]:
    given = {role: getattr(options, name) for name, role in ROLES_OF.items()}
    if given["label"] and labels and given["label"] not in labels:
        given["label"] = labels[0]
    for role in ("text", "label"):
        if given[role] == "none":
            raise FoldlineError(f"--{role} none: every file needs this column; name it")
    return {
        role: Guess(None if name == "none" else name, TOLD)
        for role, name in given.items()
        if name is not None
    }


def _others(sources: list[Source]) -> dict[str, Raw]:
    """Give the files beside train that hold texts; one of unknown part is to be predicted."""
    return {
        source.part or "predict": source.raw
        for source in sources
        if source.part in ("valid", "test", "predict")
        or (source.part is None and len(source.raw.columns) > 2)
    }


def _ordered(classes: list[str] | None, labels: list[str], task: str) -> list[str] | None:
    """Give the data set's own order of classes, where its labels are these."""
    known = classes is not None and set(labels) - {""} <= set(classes)
    return classes if known and task == "classification" else None


def _files(sources: list[Source], again: bool) -> dict[str, str | None]:
    """Give what params.yaml is to say of files; of new versions (`again`) others stay."""
    keys = {part: f"data.{part}" for part in ("train", "valid", "test", "predict")}
    keys |= {"sample": "predict.sample_submission"}
    files = {source.part: source.target for source in sources}
    values = {key: files.get(part) for part, key in keys.items() if part in files or not again}
    table = next((source for source in sources if source.part == "annotations"), None)
    if table is None:
        none = {"data.annotations.file": None, "data.annotations.aggregate": "none"}
        return values if again else values | none
    found = guess_judgements(table.raw)
    if found is None:
        raise FoldlineError(
            f"{table.path}: no columns like item, annotator and label, with several people's rows "
            f"for one item; it has {listed(table.raw.columns, 20)}. Where nobody judges what "
            "another has judged, there is no agreement to tell of; else name the columns item_id, "
            "annotator_id and label"
        )
    return values | found.settings(table.target)


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise FoldlineError(
            "nothing was written: there is no terminal to ask at. If the above is right, run the "
            "same command with --yes; else name columns with --text, --label and so on"
        )
    return input("\nIs this right? Write it? [y/N] ").strip().casefold() in ("y", "yes", "네", "예")
