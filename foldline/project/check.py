"""`foldline check`: everything that a run reads is there and fits, checked within a second.

It is also the first stage of dvc.yaml: DVC removes the outputs of a stage before the stage runs, so
a mistake must be found before any other stage begins.
"""

import argparse
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foldline.core.console import say
from foldline.core.errors import FoldlineError
from foldline.core.experiment_copies import in_copy, original_root
from foldline.core.io.components import check_component, is_component
from foldline.core.io.files import write_text
from foldline.core.io.prediction_files import find_column_problem
from foldline.core.params import KINDS, Data, Slices
from foldline.core.params.loading import FILE, find_problems, params_error, read_params
from foldline.core.params.members import MODEL, resolve_members
from foldline.core.params.undo import renew_times
from foldline.core.pinned_library import check_library
from foldline.core.stage import prepare_process
from foldline.data.columns import find_missing_columns
from foldline.data.partial_reading import read_parts
from foldline.data.raw_table import JSON_FORMATS, file_format
from foldline.data.reading import find_file
from foldline.data.slice_columns import find_slice_problems
from foldline.project.leftovers import report_leftovers
from foldline.project.pipeline import check_pipeline

# Values under these folders are files; DVC watches no others.
FOLDERS = ("data/", "models/")


def run(options: argparse.Namespace) -> None:
    """Check params.yaml, the files and components that it names, and dvc.yaml.

    Raises:
        FoldlineError: naming all problems.
    """
    if options.out:
        prepare_process()
        # First, as DVC has removed it: a check that fails leaves the project as it was.
        write_text(options.out, "passed\n")
        renew_times()
    check_library(Path.cwd())
    content = read_params()
    files = dict(list_files(content))
    if problems := list_problems(content, files):
        raise params_error(FILE, content, problems)
    check_pipeline(content)
    for note in filter(None, [*map(describe_link, files.values()), describe_folder(Path.cwd())]):
        say(f"note: {note}")
    report_leftovers()
    say(f"{FILE}: no problem found ({len(files)} files)")


def list_problems(content: dict[str, Any], files: Mapping[str, Path]) -> dict[str, str]:
    """Return what is wrong with the values, else with what they name, by dotted key."""
    problems = find_problems(content)
    for key, path in files.items():
        if problem := find_problem(path):
            problems.setdefault(key, problem)
    if problems:
        return problems
    if is_component(content["model"]):
        check_component(content["model"], "model")
    data = Data.model_validate(content["data"])
    columns = find_column_problems(data, Slices.model_validate(content["evaluate"]["slices"]))
    return columns or find_prediction_problems(content, data) or find_hub_problems(content)


def find_column_problems(data: Data, slices: Slices) -> dict[str, str]:
    """Return what is wrong with the columns that params.yaml names, by dotted key.

    Only the first rows of a file are read.
    """
    problems: dict[str, str] = {}
    complete, raws = True, []
    for part in ("train", "valid", "test", "predict"):
        path = getattr(data, part)
        if path is None:
            continue
        try:
            first = next(read_parts(Path(path), data.encoding, data.quoting))
        except FoldlineError as error:
            problems[f"data.{part}"] = str(error)
            continue
        has_all_columns = first.end == 1.0 or file_format(Path(path)) not in JSON_FORMATS
        complete &= has_all_columns
        raws += [first.raw] if part != "predict" else []
        if has_all_columns:
            for role, problem in find_missing_columns(first.raw, data, part).items():
                problems.setdefault(f"data.{role}", problem)
    return problems or (find_slice_problems(raws, data, slices) if complete else {})


def find_prediction_problems(content: dict[str, Any], data: Data) -> dict[str, str]:
    """Return which files of others' predictions lack a column, and which, by dotted key."""
    answers = {
        f"evaluate.external.{name}": (file, True)
        for name, file in content["evaluate"]["external"].items()
    }
    models = {
        f"{'' if member == MODEL else f'ensemble.members.{member}.'}external.file": (file, False)
        for member, recipe in resolve_members(content).recipes.items()
        if "external" in recipe.models and (file := recipe.external.file)
    }
    classes = data.classes or ([] if isinstance(data.label, str) else data.label)
    found = {
        key: find_column_problem(Path(file), content["task"], classes, key, labels_suffice)
        for key, (file, labels_suffice) in (answers | models).items()
    }
    return {key: problem for key, problem in found.items() if problem}


def find_hub_problems(content: dict[str, Any]) -> dict[str, str]:
    """Return which models of the Hugging Face hub cannot be loaded, and why, by dotted key."""
    names = list_hub_names(content)
    if not names:
        return {}
    from foldline.encoders.hub_check import find_hub_problem

    found = {key: find_hub_problem(name) for key, name in names.items()}
    return {key: problem for key, problem in found.items() if problem}


def list_hub_names(content: dict[str, Any]) -> dict[str, str]:
    """Return the hub ids that training loads, each by the first dotted key that names it."""
    names = {"zero_shot.model": content["zero_shot"]["model"]}
    for member, recipe in resolve_members(content).recipes.items():
        own = f"ensemble.members.{member}"
        keys = ("model", "chain.first") if member == MODEL else (own, f"{own}.chain.first")
        for key, model in zip(keys, reversed(recipe.models), strict=False):
            if model == "embed":
                names["embed.encoder"] = recipe.embed.encoder
            elif model not in KINDS and not is_component(model):
                names[key] = model
    by_name = {name: key for key, name in reversed(names.items())}
    return {key: name for name, key in by_name.items() if name and not Path(name).is_dir()}


def describe_folder(folder: Path) -> str | None:
    """Return a note where DVC cannot make copies of a project in a folder of this name."""
    if str(folder).isascii() and not set("#?") & set(str(folder)):
        return None
    return (
        f"`dvc exp run --temp` works only in a folder whose path is ASCII, without # and ? "
        f"({folder}); all else works"
    )


def list_files(content: Any, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Yield the dotted keys whose values are files or folders of the project."""
    for name, value in content.items() if isinstance(content, dict) else ():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from list_files(value, f"{key}.")
        elif isinstance(value, list):
            yield from list_files(dict(enumerate(value)), f"{key}.")
        elif isinstance(value, str) and value.startswith(FOLDERS):
            yield key, Path(value)


def find_problem(path: Path) -> str | None:
    """Return why a file or a folder of the project cannot be used, None if it can."""
    if folder := find_linked_folder(path):
        return (
            f"{path} lies behind {folder}, a link to {folder.resolve()}: DVC would not notice "
            f"changes there. Next: rm {quote(folder)} && cp -r {quote(folder.resolve())} "
            f"{quote(folder)}"
        )
    if path.is_dir():
        return None
    try:
        find_file(path)
    except (FoldlineError, OSError) as error:
        return describe_missing(path) or str(error)
    return None


def find_linked_folder(path: Path) -> Path | None:
    """Return the link among a path's folders that leads out of the project, None without one."""
    folders = [folder for folder in path.parents if folder.parts]
    folders += [path] if path.is_dir() else []
    return next((folder for folder in folders if leads_out(folder)), None)


def leads_out(path: Path) -> bool:
    """Return whether the path is a link to something outside the project."""
    return path.is_symlink() and not path.resolve().is_relative_to(original_root())


def describe_missing(path: Path) -> str | None:
    """Return the message for a file that only the original project has, or only DVC's cache."""
    pointer = path.with_name(f"{path.name}.dvc")
    if in_copy(Path.cwd()) and (original_root() / path).exists():
        return (
            f"{path} is in neither git nor DVC: experiments in folders of their own (--temp, "
            f"--queue) see nothing else. Next: git add {quote(path)} (if it is large: dvc add "
            f"{quote(path)} && git add {quote(pointer)} {quote(path.parent)}/.gitignore), then "
            "run the same command again"
        )
    if pointer.is_file():
        return f"{path} does not exist yet: `dvc pull {quote(pointer)}` brings it"
    return None


def describe_link(path: Path) -> str | None:
    """Return a note where a file is a link out of the project, None otherwise."""
    if not leads_out(path):
        return None
    target = path.resolve()
    return (
        f"{path} is a link to {target}, outside the project: git stores the link without the "
        f"content, so a clone or `--temp` may lack it. To store it: rm {quote(path)} && "
        f"cp {quote(target)} {quote(path)}"
    )


def quote(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path.as_posix())
