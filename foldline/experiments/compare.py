"""The command `foldline compare`: what changed between the predictions of two versions."""

import argparse
from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.core.params.value_types import REVISION
from foldline.core.stage import say
from foldline.ensembling.revisions import SHORT, find_commit, read_table, resolve_revision
from foldline.evaluation.comparison import compare_change, format_change
from foldline.evaluation.ledger import OPEN, hash_ids, read_openings
from foldline.evaluation.parent import align_predictions

FILE = Path("reports/compare.json")
WORKSPACE = "workspace"
WHERE = "foldline compare"
CHOOSING = (
    "note: who chooses by the test rows makes their score too good ({} versions were scored on "
    "them so far); without --test the out-of-fold predictions are compared"
)


def run(options: argparse.Namespace) -> None:
    """Compare the predictions of two versions, print the verdict, and write all that changed."""
    revisions: list[str] = options.revisions
    if len(revisions) > 2:
        raise FoldlineError(
            f"{WHERE} takes at most two versions (found {len(revisions)}): the one before, and the "
            "one after"
        )
    before, after = (revisions + ["HEAD", WORKSPACE][len(revisions) :])[:2]
    params, labels = load_params(Settings), Labels.load()
    table = schemas.TEST_PREDICTIONS if options.test else schemas.ENSEMBLE_OUT_OF_FOLD
    rows = read_rows(options.test)
    old, new = (read_version(name, table, labels, rows) for name in (before, after))
    if options.test:
        openings = read_openings(hash_ids(rows["id"]))
        say(CHOOSING.format("unknown how many" if openings is None else len(openings)))
    seed = derive_seed(params.seed, "compare")
    change = compare_change(labels, rows, old, new, params.evaluate, seed)
    metric, part = MAIN[labels.task], "test" if options.test else "out-of-fold"
    report = {"rows": part, "metric": metric, "level": params.evaluate.level}
    report |= {"before": describe(before), "after": describe(after)}
    write_json(FILE, report | change)
    for line in format_change(before, after, f"{part} {metric}", change, FILE):
        say(line)


def read_rows(test: bool) -> pd.DataFrame:
    """Return the rows of the working folder that the predictions are of."""
    if test:
        return schemas.TEST.read()
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    # `split` leaves some of them out of the folds.
    in_folds = set(schemas.FOLDS.read()["id"])
    return rows[rows["id"].isin(in_folds)].reset_index(drop=True)


def read_version(
    name: str, table: schemas.Table, labels: Labels, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return the predictions of rows of the working folder or of a commit.

    Raises:
        FoldlineError: if they cannot be read, or are of other rows or classes.
    """
    found = table.read() if name == WORKSPACE else read_table(name, resolve(name), table, WHERE)
    if found.empty and len(rows):
        raise FoldlineError(
            f"{WHERE} --test: {name} has no predictions of the {len(rows)} test rows, as its test "
            f"set was closed (evaluate.test: on_request). {OPEN} opens it; without --test the "
            "out-of-fold predictions are compared"
        )
    try:
        return align_predictions(found, labels, rows)
    except FoldlineError as error:
        raise FoldlineError(
            f"{WHERE}: {table.path.as_posix()} of {name} {error}. Both versions must have the rows "
            "and classes of the working folder: check out the data of one of them, or run the "
            "other on this data"
        ) from None


def resolve(name: str) -> str:
    """Return the commit of a name that git knows, of an experiment, or as in ensemble.members.

    Raises:
        FoldlineError: if there is none.
    """
    if REVISION.fullmatch(name):
        return resolve_revision(name, WHERE)
    return find_commit(name) or resolve_revision(f"exp:{name}", WHERE)


def describe(name: str) -> str:
    """Return a name with its commit."""
    return name if name == WORKSPACE else f"{name} ({resolve(name)[:SHORT]})"
