"""The predictions of the parent, the commit that a run starts from, for the same rows."""

from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.recorded_hashes import cache_folder, hash_file, object_path
from foldline.ensembling.revisions import SHORT, find_commit, read_recorded_md5


class NoParentError(FoldlineError):
    """Why there is no parent to compare with; usually no mistake."""


def find_parent() -> str:
    """Return the commit that the working folder was checked out from.

    Raises:
        NoParentError: if there is none yet.
    """
    commit = find_commit("HEAD", Path())
    if not commit:
        raise NoParentError("there is no commit yet")
    return commit


def read_parent(
    commit: str, table: schemas.Table, labels: Labels, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return the predictions of rows in a table of a commit, from DVC's cache.

    Raises:
        NoParentError: if they are missing, are those of the working folder, or are of other rows.
    """
    short, path = commit[:SHORT], table.path.as_posix()
    md5 = read_recorded_md5(commit, table.path)
    if md5 is None:
        raise NoParentError(f"commit {short} has no record of {path}")
    if md5 == hash_file(table.path):
        raise NoParentError(f"commit {short} has the same predictions")
    file = object_path(cache_folder(), md5)
    if not file.exists():
        raise NoParentError(f"{path} of commit {short} is not in DVC's cache")
    with file.open(encoding="utf-8", newline="") as stream:
        found = table.parse(stream)
    try:
        return align_predictions(found, labels, rows)
    except FoldlineError as error:
        raise NoParentError(f"{path} of commit {short} {error}") from None


def align_predictions(table: pd.DataFrame, labels: Labels, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions in a table in the order of rows.

    Raises:
        FoldlineError: if it has other rows or classes; the message begins with a verb.
    """
    ids, wanted = set(table["id"]), set(rows["id"])
    if ids != wanted:
        examples = listing(sorted(ids ^ wanted), 3)
        raise FoldlineError(
            f"has other rows: {len(ids - wanted)} only there, {len(wanted - ids)} only here "
            f"({examples})"
        )
    classes = [column for column in table.columns if column.startswith("p_")]
    if sorted(classes) != sorted(labels.columns):
        strange = sorted(set(classes) ^ set(labels.columns))
        raise FoldlineError(f"has other classes ({listing(strange)} is in one of both alone)")
    return table.set_index("id").loc[rows["id"].tolist()].reset_index()
