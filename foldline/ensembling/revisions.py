"""Other experiments and commits: their predictions, read through DVC.

They are members of an ensemble, or compared; `where` in a message says which.
"""

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError, listing, unknown_name
from foldline.core.experiment_copies import original_root
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.params.members import is_revision
from foldline.core.params.value_types import REVISION
from foldline.core.recorded_hashes import LOCK, parse_plain_yaml

SHORT = 12  # digits of a commit in messages
MEMBERS = "ensemble.members"
_tables: dict[tuple[str, Path], pd.DataFrame] = {}  # that were read, by commit and path


def resolve_revision(name: str, where: str = MEMBERS) -> str:
    """Return the commit of `exp:NAME` or `rev:SHA`.

    Raises:
        FoldlineError: if there is none, or several experiments have the name.
    """
    found = REVISION.fullmatch(name)
    revision = found["revision"] if found else name
    if name.startswith("exp:"):
        return _find_experiment(revision, where)
    commit = find_commit(revision)
    if not commit:
        raise FoldlineError(
            f"{where}, {name}: git knows no commit {revision}; `git log --oneline` and "
            "`dvc exp show --all-commits` list them"
        )
    return commit


def find_commit(revision: str, folder: Path | None = None) -> str | None:
    """Return the commit that git knows by a name, in the project's folder or another one."""
    return run_git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", folder=folder)


def _find_experiment(name: str, where: str) -> str:
    listed = run_git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps") or ""
    commits: dict[str, set[str]] = {}
    for reference, _, commit in (line.partition(" ") for line in listed.splitlines()):
        parts = reference.split("/")
        if parts[2] not in ("exec", "stash", "celery", "temp", "apply") and len(parts) > 3:
            commits.setdefault(parts[-1], set()).add(commit)
    own = sorted(commits.get(name, set()))
    if not own:
        raise FoldlineError(
            f"{where}, exp:{name}: {unknown_name('experiment', name, sorted(commits))}"
        )
    if len(own) > 1:
        raise FoldlineError(
            f"{where}, exp:{name}: {len(own)} experiments have this name (commits "
            f"{listing([commit[:SHORT] for commit in own])}); name one as rev:{own[0][:SHORT]}"
        )
    return own[0]


def resolve_revisions(
    members: Sequence[str], folds: pd.DataFrame, labels: Labels
) -> dict[str, str]:
    """Return the commits of the members that are other experiments or commits, by name.

    Raises:
        FoldlineError: if there is none, or its predictions are not comparable.
    """
    commits = {name: resolve_revision(name) for name in members if is_revision(name)}
    for name, commit in commits.items():
        check_split(name, commit, folds, labels)
    return commits


def read_revision(name: str, commit: str, table: schemas.Table, ids: list[str]) -> pd.DataFrame:
    """Return the final predictions in a table of a commit, in the order of `ids`.

    Raises:
        FoldlineError: if the table cannot be read, or has not these rows.
    """
    own = read_table(name, commit, table).set_index("id")
    if missing := [value for value in ids if value not in own.index]:
        raise FoldlineError(
            f"ensemble.members, {name}: {table.path} of commit {commit[:SHORT]} has no prediction "
            f"of {len(missing)} of {len(ids)} rows ({listing(missing, 5)}): it was made from other "
            "data; run that experiment again on this data"
        )
    return own.loc[ids]


def check_split(name: str, commit: str, folds: pd.DataFrame, labels: Labels) -> None:
    """Refuse a commit with other classes, rows or folds: its predictions would not be comparable.

    Raises:
        FoldlineError: naming what differs.
    """
    others = read_table(name, commit, schemas.FOLDS)
    first = [table[table["repeat"] == 0].set_index("id")["fold"] for table in (folds, others)]
    shared = first[0].index.intersection(first[1].index)
    moved = int((first[0][shared] != first[1][shared]).sum())
    strangers = len(first[0]) + len(first[1]) - 2 * len(shared)
    if moved or strangers:
        raise FoldlineError(
            f"ensemble.members, {name}: commit {commit[:SHORT]} has other folds: {moved} of "
            f"{len(first[0])} rows are in another fold, and {strangers} rows are in only "
            "one of the two. Members must share data, split, seed and kfold.n_splits"
        )
    columns = read_table(name, commit, schemas.ENSEMBLE_OUT_OF_FOLD).columns
    missing = [column for column in labels.columns if column not in columns]
    if missing:
        raise FoldlineError(
            f"ensemble.members, {name}: the predictions of commit {commit[:SHORT]} have no "
            f"{listing(missing)}: it has other classes"
        )


def read_table(name: str, commit: str, table: schemas.Table, where: str = MEMBERS) -> pd.DataFrame:
    """Return a table of a commit, from DVC's cache or its remote.

    Raises:
        FoldlineError: if it cannot be read.
    """
    import dvc.api
    from dvc.exceptions import DvcException

    if (commit, table.path) in _tables:
        return _tables[commit, table.path]
    try:
        text = dvc.api.read(table.path.as_posix(), repo=str(original_root()), rev=commit)
    except (DvcException, OSError) as error:
        raise FoldlineError(
            f"{where}, {name}: {table.path} of commit {commit[:SHORT]} could not be read "
            f"({error}). If it was run elsewhere, `dvc exp pull` brings its files; if it is older "
            "than the table, run it again"
        ) from error
    _tables[commit, table.path] = table.parse(io.StringIO(text))
    return _tables[commit, table.path]


def read_recorded_md5(commit: str, path: Path) -> str | None:
    """Return the MD5 that the dvc.lock of a commit has for an output of this folder's project."""
    try:
        lock = parse_plain_yaml(run_git("show", f"{commit}:./{LOCK}", folder=Path()) or "")
    except ValueError:
        return None
    outs = [out for stage in lock.get("stages", {}).values() for out in stage.get("outs") or []]
    return next((out.get("md5") for out in outs if out.get("path") == path.as_posix()), None)


def run_git(*arguments: str, folder: Path | None = None, text: str | None = None) -> str | None:
    """Return what git prints, with `text` as its input; None where it fails or is missing.

    It runs in the project's folder, from a copy for an experiment in that which was copied.
    """
    command = ["git", "-C", str(folder or original_root()), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, input=text)
    except OSError:  # git is not installed
        return None
    return result.stdout.strip() if result.returncode == 0 else None
