"""What `prepare` knows of rows beside their texts: the user's columns, time, disagreement.

`evaluate` divides the rows by it into slices. It is a table of one value a line: id, column, value.
"""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.expressions import evaluate_expression, list_names
from foldline.core.params import Data, Slices
from foldline.data.column_types import TIME, parse_times, parse_values
from foldline.data.columns import ROLES
from foldline.data.preparation import PreparedDataset
from foldline.data.raw_table import RawTable
from foldline.data.rows import Part

DISAGREEMENT = "disagreement"
# The features that every row has, with a value of their type.
AUTOMATIC: dict[str, object] = {
    "length": 1.0,
    "script": "Latin",
    "digits": 0.0,
    "negation": False,
    "question_mark": False,
    "unknown_words": 0.0,
    "similarity": 0.0,
    "overlap": 0.0,
    "part": "test",
    "label": "",
}


def select_slice_columns(dataset: PreparedDataset, data: Data, slices: Slices) -> pd.DataFrame:
    """Return id, column and value of each row's time, disagreement and columns of slices.

    Raises:
        FoldlineError: for an expression that cannot be computed from the columns, or a column that
            no file has.
    """
    ids = dataset.rows["id"]
    parts = dataset.parts
    problems = find_slice_problems([part.raw for part in parts], data, slices)
    for key, problem in problems.items():
        raise FoldlineError(f"{key}: {problem}")
    columns: dict[str, pd.Series[str]] = {}
    if data.time is not None:
        columns[TIME] = dataset.rows.set_index("id")["time"].map(repr)
    if dataset.annotations:
        columns[DISAGREEMENT] = measure_disagreement(dataset.annotations.first)
    for name in list_columns(slices, {name for part in parts for name in part.raw.columns}):
        columns[name] = pd.concat([_read_column(part, data, name) for part in parts])
    columns = {name: own[own.index.isin(ids)] for name, own in columns.items()}
    _check_expressions(columns, ids, dataset.labels.task, slices)
    tables = [
        pd.DataFrame({"id": own.index, "column": name, "value": own.to_numpy()}, dtype="str")
        for name, own in columns.items()
    ]
    empty = pd.DataFrame({"id": [], "column": [], "value": []}, dtype="str")
    return pd.concat([empty, *tables], ignore_index=True)


def list_columns(slices: Slices, known: Iterable[str]) -> list[str]:
    """Return the columns that slices name, by themselves or in expressions.

    `known` are columns of the files without a role: they stand before features of the same name.
    """
    own = {name.strip() for name in known}
    named = [name for text in slices.expressions.values() for name in list_names(text)]
    features = {*AUTOMATIC, TIME, DISAGREEMENT} - own
    return list(dict.fromkeys([*slices.columns, *(n for n in named if n not in features)]))


def find_slice_problems(raws: Iterable[RawTable], data: Data, slices: Slices) -> dict[str, str]:
    """Return what is wrong with the names of columns in slices, by dotted key."""
    known = _known_columns(raws, data)
    features = {*AUTOMATIC}
    features |= {TIME} if data.time is not None else set()
    features |= {DISAGREEMENT} if data.annotations.file is not None else set()
    problems = {}
    for name in slices.columns:
        if name.strip() not in known:
            problems["evaluate.slices.columns"] = _describe_unknown(name, known)
    for key, text in slices.expressions.items():
        for name in list_names(text):
            if name not in known | features:
                problem = _describe_unknown(name, known | features)
                problems[f"evaluate.slices.expressions.{key}"] = problem
    return problems


def measure_disagreement(annotations: pd.DataFrame) -> "pd.Series[str]":
    """Return the share of a row's annotators who chose another label than most, by id.

    A row with one annotator has none.
    """
    by_row: dict[str, Counter[str]] = {}
    for name, label in zip(annotations["id"], annotations["label"], strict=True):
        by_row.setdefault(name, Counter())[label] += 1
    shares = {
        name: repr(1 - max(own.values()) / own.total())
        for name, own in by_row.items()
        if own.total() > 1
    }
    return pd.Series(shares, dtype="str")


def _known_columns(raws: Iterable[RawTable], data: Data) -> set[str]:
    """Return the columns of files, and those that have a role."""
    roles = {getattr(data, role) for role in ROLES if role != "label"} | set(data.label_columns)
    return {name.strip() for raw in raws for name in raw.columns} | (roles - {None})


def _read_column(part: Part, data: Data, name: str) -> "pd.Series[str]":
    """Return a column by id; a file that lacks it has empty values."""
    role = next((role for role in ROLES if getattr(data, role) == name), None)
    known = part.raw.find_column(name)
    values = part.table[role].tolist() if role else part.raw.columns.get(known or "", None)
    cells = [""] * len(part.table) if values is None else [str(value or "") for value in values]
    return pd.Series(cells, index=part.table["id"].to_numpy(), dtype="str")


def _check_expressions(
    columns: dict[str, "pd.Series[str]"], ids: "pd.Series[str]", task: str, slices: Slices
) -> None:
    """Raise for an expression that `evaluate` could not compute after all training."""
    table = pd.DataFrame(AUTOMATIC, index=ids)
    if task == "regression":
        table["label"] = 0.0
    for name, values in columns.items():
        table[name] = (parse_times if name == TIME else parse_values)(values).reindex(ids)
    for name, text in slices.expressions.items():
        try:
            evaluate_expression(text, table)
        except FoldlineError as error:
            raise FoldlineError(f"evaluate.slices.expressions.{name}: {error}") from error


def _describe_unknown(name: str, known: set[str]) -> str:
    close = closest_name(name, sorted(known))
    hint = f"; did you mean '{close}'?" if close else "."
    return f"there is no column '{name}'{hint} Known: {listing(sorted(known), 20)}"
