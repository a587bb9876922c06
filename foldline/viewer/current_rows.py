"""The rows to view: those of `prepare`, or of the raw files where these are newer."""

from dataclasses import dataclass, field

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.params import Components, Data, Prepare, Section, Task
from foldline.core.params.loading import FILE, load_params
from foldline.data.preparation import PreparedDataset, prepare_dataset

COMPARED = ["id", "part", "text", "text_pair", "label"]


class Settings(Section):
    """The sections of params.yaml that the rows depend on."""

    task: Task
    data: Data
    prepare: Prepare
    components: Components


@dataclass(frozen=True)
class CurrentRows:
    """Rows in the form of `prepare`, and the raw files' columns without a role, indexed by id.

    `prepared` tells whether they are those that the stages used; `problem` why the raw files cannot
    be read.
    """

    rows: pd.DataFrame
    originals: pd.DataFrame
    judgements: pd.DataFrame
    labels: Labels
    unused: pd.DataFrame = field(default_factory=pd.DataFrame)
    prepared: bool = True
    problem: str | None = None


def read_current_rows() -> CurrentRows:
    """Return the rows as they are now, whether or not `prepare` has run since they changed.

    Raises:
        FoldlineError: where neither the raw files nor the output of `prepare` can be read.
    """
    exists = schemas.PREPARED.path.exists()
    problem = None
    dataset = None
    # Without params.yaml the outputs lie by themselves, copied from a project.
    if FILE.exists() or not exists:
        try:
            settings = load_params(Settings)
            dataset = prepare_dataset(
                settings.task, settings.data, settings.prepare, settings.components
            )
        except FoldlineError as error:
            if not exists:
                raise
            problem = str(error)
    if dataset is None:
        return _read_prepared(pd.DataFrame(), problem)
    unused = dataset.unused_columns()
    if exists and _is_current(dataset.rows):
        return _read_prepared(unused, problem)
    return _view_dataset(dataset, unused)


def _is_current(rows: pd.DataFrame) -> bool:
    """Return whether the output of `prepare` has these rows; not where it is damaged or old."""
    try:
        prepared = schemas.PREPARED.read()
    except FoldlineError:
        return False
    return all(prepared[name].tolist() == rows[name].tolist() for name in COMPARED)


def _read_prepared(unused: pd.DataFrame, problem: str | None) -> CurrentRows:
    return CurrentRows(
        rows=schemas.PREPARED.read(),
        originals=_read_if_exists(schemas.ORIGINALS),
        judgements=_read_if_exists(schemas.ANNOTATIONS),
        labels=Labels.load(),
        unused=unused,
        problem=problem,
    )


def _read_if_exists(source: schemas.Table) -> pd.DataFrame:
    return source.read() if source.path.exists() else pd.DataFrame(columns=list(source.columns))


def _view_dataset(dataset: PreparedDataset, unused: pd.DataFrame) -> CurrentRows:
    empty = pd.DataFrame(columns=list(schemas.ANNOTATIONS.columns))
    return CurrentRows(
        rows=dataset.rows[list(schemas.PREPARED.columns)],
        originals=dataset.originals,
        judgements=dataset.annotations.first if dataset.annotations else empty,
        labels=dataset.labels,
        unused=unused,
        prepared=False,
    )
