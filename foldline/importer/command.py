"""`foldline import`: copy files or a dataset into data/raw/ and describe them in params.yaml."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldline.core.console import say
from foldline.core.errors import FoldlineError, listing
from foldline.core.params import Data, Settings, loading
from foldline.data.cell_values import clean_value
from foldline.data.look_alikes import is_placeholder
from foldline.data.multilabel import read_labels, split_labels
from foldline.data.number_notation import explain_problem, is_quantity
from foldline.data.raw_table import RawTable, is_number
from foldline.data.rows import Part
from foldline.importer import import_summary, multilabel_columns, params_editing
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.column_guessing import Guess, find_missing_header, guess_columns, guess_task
from foldline.importer.column_names import split_words
from foldline.importer.held_out_rows import choose_ratios
from foldline.importer.hub_datasets import PREFIX, download_dataset
from foldline.importer.imported_rows import ImportedRows, read_rows
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
NO = ("n", "no", "아니오", "아니요")
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
FROM_OPTION, FROM_PARAMS = "from the command line", "from params.yaml"


@dataclass(frozen=True)
class ImportPlan:
    """What an import would do: files to place, and values for params.yaml."""

    sources: list[Source]
    guesses: dict[str, Guess]
    task: tuple[str, str]
    placements: list[Placement]
    values: dict[str, Any]
    data: Data
    rows: ImportedRows


def run(options: argparse.Namespace) -> None:
    """Guess the roles of files and columns, show them, and import after a confirmation.

    Raises:
        FoldlineError: where a file cannot be used, or there is no terminal to confirm.
    """
    current = loading.load_params(Settings, PARAMS)
    with tempfile.TemporaryDirectory(prefix="foldline-") as folder:
        plan = plan_import(options, current, Path(folder))
        say(
            import_summary.format_summary(
                plan.sources, plan.guesses, plan.task, plan.placements, plan.data, plan.rows
            )
        )
        ratios, lines = choose_ratios(
            plan.sources, plan.values, current, options.no_test, _find_asker(options.yes)
        )
        edit = params_editing.prepare_edit(PARAMS, current.model_dump(), plan.values | ratios)
        say("\n".join([*lines, import_summary.format_changes(edit.changes)]))
        if not _confirm(options.yes):
            say("\nNothing was written.")
            return
        place_files(plan.placements)
    if edit.changes:
        edit.write()
    say(import_summary.format_next_steps(plan.placements))


def plan_import(options: argparse.Namespace, current: Settings, folder: Path) -> ImportPlan:
    """Read the sources and guess their parts, columns and task; only `folder` is written to."""
    data = current.data
    files = _open_sources(options, data, folder)
    sources = assign_parts(files.sources)
    train = next(source for source in sources if source.part == "train")
    _check_header(train)
    kept = _current_columns(data, train)
    label_columns = multilabel_columns.parse_label_columns(train.raw, options.label)
    labels_named = label_columns or (data.label_columns[1:] if kept else [])
    guesses = guess_columns(
        train.raw,
        _other_tables(sources),
        kept | _named_columns(train.raw, options, labels_named),
        skip=[*data.known_after, *labels_named],
    )
    columns = {role: guess.column for role, guess in guesses.items()}
    label = columns["label"] or ""
    sources = resolve_parts(sources, columns["text"] or "", label, columns["id"])
    multilabel = _guess_multilabel(
        train.raw, guesses, options, current if kept else None, label_columns
    )
    named = (options.task, FROM_OPTION) if options.task else None
    if kept and not label_columns and not named:
        named = (current.task, FROM_PARAMS)
    labels = [value or "" for value in train.raw.columns[label]]
    if not multilabel:  # one label a row, also in lists of one
        single = data.model_copy(update={"label": label})
        labels = read_labels(train.raw, labels, single, named[0] if named else "classification")
    labels = list(map(clean_value, labels))
    task = named or (("multilabel", multilabel.why) if multilabel else guess_task(label, labels))
    settings: dict[str, Any] = dict(columns)
    if data.auxiliary_label and not kept:
        settings["auxiliary_label"] = None  # a column of other data
    if multilabel and task[0] == "multilabel":
        settings["label"] = multilabel.label
        settings["separator"] = multilabel.separator or data.separator
    new_data = data.model_copy(update=settings)
    import_summary.check_columns(sources, new_data)
    values = {"task": task[0]} | {f"data.{key}": value for key, value in settings.items()}
    values |= _file_settings(sources, data, is_update=bool(kept))
    rows = read_rows(sources, task[0], new_data, current.prepare)
    _check_regression_labels(rows.parts[0], label, task[0])
    if files.classes or not kept:
        labels = rows.parts[0].table["label"].tolist()
        values["data.classes"] = _class_order(files.classes.get(label), labels, new_data, task[0])
    placements = _plan_placements(sources, files.extras, options)
    return ImportPlan(sources, guesses, task, placements, values, new_data, rows)


def _plan_placements(
    sources: list[Source], extras: list[Path], options: argparse.Namespace
) -> list[Placement]:
    keeper = "dvc" if options.dvc else "git" if options.git else None
    paths = [(source.path, Path(source.target)) for source in sources]
    paths += [(path, Path("data/raw", path.name)) for path in extras]
    return [plan_placement(path, target, keeper) for path, target in paths]


def _guess_multilabel(
    raw: RawTable,
    guesses: dict[str, Guess],
    options: argparse.Namespace,
    current: Settings | None,
    label_columns: list[str] | None,
) -> multilabel_columns.MultilabelGuess | None:
    """Return how rows have several labels: by the option, params.yaml, or the cells; or None."""
    if label_columns:
        return multilabel_columns.MultilabelGuess(label_columns, None, FROM_OPTION)
    if current and "multilabel" not in (current.task, options.task):
        return None
    if current and current.task == "multilabel":
        return multilabel_columns.MultilabelGuess(current.data.label, None, FROM_PARAMS)
    if options.task not in (None, "multilabel"):
        return None
    label, why = guesses["label"].column or "", guesses["label"].why
    # The name `label` is certain; `target_group` may be one of several flags.
    by_name = why == FROM_OPTION or (why.startswith("its name") and len(split_words(label)) == 1)
    taken = [g.column for role, g in guesses.items() if g.column and role != "label"]
    is_given = options.task == "multilabel"
    return multilabel_columns.guess_multilabel(raw, label, by_name, taken, is_given)


def _open_sources(options: argparse.Namespace, data: Data, folder: Path) -> ImportSources:
    given = [parse_source(source) for source in options.sources]
    if not (given or options.annotations or options.predict):
        raise FoldlineError("name a file, or hf:ID; `foldline import --help` shows how")
    given += [("annotations", options.annotations)] if options.annotations else []
    given += [("predict", options.predict)] if options.predict else []
    hubs = [name for _, name in given if name.startswith(PREFIX)]
    if len(hubs) > 1 or (hubs and given[0][1] != hubs[0]):
        raise FoldlineError(f"name one dataset, before any file (found {listing(hubs)})")
    if not hubs and (options.revision or options.config):
        raise FoldlineError("--revision and --config need a dataset of Hugging Face: hf:ID")
    files = ImportSources([])
    if hubs:
        name = hubs[0].removeprefix(PREFIX)
        files = download_dataset(name, options.revision, options.config, folder)
    paths = [(part, Path(name).expanduser()) for part, name in given[len(hubs) :]]
    if not hubs and all(part not in (None, "train") for part, _ in paths):
        paths.insert(0, ("train", Path(data.train)))  # the current training rows
    for part, path in paths:
        files.sources.append(open_source(path, part, data.encoding, data.quoting))
    return files


def _check_header(train: Source) -> None:
    column = find_missing_header(train.raw)
    if column:
        raise FoldlineError(
            f"{train.path}: its first line seems to be a row, as '{column}' is also a value below "
            "it. Add a line with the column names above it"
        )


def _check_regression_labels(train: Part, label: str, task: str) -> None:
    """Raise for targets that are no numbers, as `prepare` will."""
    values = [value for value in train.table["label"].tolist() if value]
    if task != "regression" or all(map(is_number, values)):
        return
    value, why = explain_problem(values) or (values[0], "")
    words = [word for word in sorted(set(values)) if not is_quantity(word)]
    found = f"{value!r} {why}" if why else f"found {listing(words)}"
    advice = "Empty these cells" if words and all(map(is_placeholder, words)) else ""
    advice = advice or ("" if why else "Name another column with --label")
    raise FoldlineError(
        f"{train.column('label', label).locate(value)}, column '{label}': regression needs "
        f"numbers, {found}{'.' * (not found.endswith('.'))} "
        f"{f'{advice}, or use' if advice else 'Or use'} --task classification"
    )


def _current_columns(data: Data, train: Source) -> dict[str, Guess]:
    """Return the columns of params.yaml, if the file is a new version of the current one."""
    named = {role: getattr(data, role) for role in OPTION_ROLES.values()}
    named["label"] = data.label_columns[0]
    required = [*named.values(), *data.label_columns]
    has_all = all(name is None or name in train.raw.columns for name in required)
    if train.target != data.train or not has_all:
        return {}
    return {role: Guess(name, FROM_PARAMS) for role, name in named.items()}


def _named_columns(
    raw: RawTable, options: argparse.Namespace, labels: list[str]
) -> dict[str, Guess]:
    """Return the columns that options name; --label must be one of several `labels`."""
    given = {role: getattr(options, name) for name, role in OPTION_ROLES.items()}
    given = {role: name and (raw.find_column(name) or name) for role, name in given.items()}
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
    """Return the files of texts other than train; those of unknown part are to be predicted."""
    return {
        source.part or "predict": source.raw
        for source in sources
        if source.part in ("valid", "test", "predict")
        or (source.part is None and len(source.raw.columns) > 2)
    }


def _class_order(
    classes: list[str] | None, labels: list[str], data: Data, task: str
) -> list[str] | None:
    """Return the classes of the dataset in its own order, if they cover its labels."""
    if classes is None or task == "regression" or not isinstance(data.label, str):
        return None
    names = {name for own in split_labels(labels, task) for name in own} - {""}
    return classes if names <= set(classes) else None


def _file_settings(sources: list[Source], current: Data, is_update: bool) -> dict[str, str | None]:
    """Return the values of params.yaml for files; an update leaves those of other files.

    A file that gets another part leaves its former one.
    """
    keys = {part: f"data.{part}" for part in ("train", "valid", "test", "predict")}
    keys |= {"sample": "predict.sample_submission"}
    files = {source.part: source.target for source in sources}
    values = {key: files.get(part) for part, key in keys.items() if part in files or not is_update}
    for part in ("valid", "test", "predict"):
        if part not in files and getattr(current, part) in files.values():
            values[keys[part]] = None
    table = next((source for source in sources if source.part == "annotations"), None)
    if table is None:
        none = {"data.annotations.file": None, "data.annotations.aggregate": "none"}
        return values if is_update else values | none
    columns = guess_annotation_columns(table.raw)
    if columns is None:
        raise FoldlineError(
            f"{table.path}: no columns like item, annotator and label in which several people "
            f"label one item; it has {listing(table.raw.columns, 20)}. Agreement needs items that "
            "several people labelled; if there are some, name the columns item_id, annotator_id "
            "and label"
        )
    return values | columns.settings(table.target)


def _find_asker(yes: bool) -> Callable[[str], bool] | None:
    """Return a function that asks a question, where there is a terminal; yes is the default."""
    if yes or not sys.stdin.isatty():
        return None
    return lambda question: input(question).strip().casefold() not in NO


def _confirm(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise FoldlineError(
            "nothing was written: there is no terminal to confirm in. If the above is right, "
            "repeat the command with --yes; otherwise name columns with --text, --label and so on"
        )
    return input("\nIs this right? Write it? [y/N] ").strip().casefold() in ("y", "yes", "네", "예")
