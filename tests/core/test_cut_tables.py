"""Tables that were cut, doubled or changed after a stage wrote them are refused by the reader."""

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.ensembling.folds import join_folds

ROWS = 8


def write_table(table: schemas.Table) -> None:
    """Write eight rows of a table, and its stage's report."""
    values = {"text": [f"r{n}" for n in range(ROWS)], "int": range(ROWS), "float": 0.5}
    columns = {name: values[kind] for name, kind in table.columns.items()}
    table.write(pd.DataFrame(columns, index=range(ROWS)))
    assert table.report
    schemas.write_report(table.report, {"other": 1})


DAMAGE = {
    "cut between rows": (lambda lines: lines[:4], "has 3 rows, but 8 were written"),
    "cut inside a row": (lambda lines: [*lines[:-1], lines[-1][:-2]], "ends inside a row"),
    "a row twice": (lambda lines: [*lines, lines[-1]], "has 9 rows, but 8 were written"),
    "no rows": (lambda lines: lines[:1], "has 0 rows, but 8 were written"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("table", schemas.TABLES.values(), ids=schemas.TABLES)
def test_a_damaged_table_is_refused_with_its_numbers(table, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(table)
    assert len(table.read()) == ROWS
    change, message = DAMAGE[damage]
    lines = table.path.read_text(encoding="utf-8").splitlines(keepends=True)
    table.path.write_text("".join(change(lines)), encoding="utf-8")

    with pytest.raises(FoldlineError, match=rf"{table.path}.*{message}.*dvc repro"):
        table.read()


def test_one_row_in_place_of_another_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(schemas.TRAIN)
    lines = schemas.TRAIN.path.read_text(encoding="utf-8").splitlines(keepends=True)
    schemas.TRAIN.path.write_text("".join([*lines[:-1], lines[1]]), encoding="utf-8")

    with pytest.raises(FoldlineError, match=r"has 1 rows twice \(by id: r0\)"):
        schemas.TRAIN.read()


def test_a_table_without_a_record_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(schemas.TRAIN)
    schemas.SPLIT_REPORT.unlink()

    assert len(schemas.TRAIN.read()) == ROWS


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([0, 1, 2, 7], r"1 rows have a fold outside 0 to 2 \(r3\)"),
        ([0, 1, 2, -1], r"1 rows have a fold outside 0 to 2 \(r3\)"),
        ([0, 1, 1, 0], "1 of 3 folds have no rows"),
    ],
)
def test_folds_that_do_not_exist_are_refused(folds, message):
    rows = pd.DataFrame({"id": [f"r{n}" for n in range(4)]})

    with pytest.raises(FoldlineError, match=rf"data/folds.csv: {message}"):
        join_folds(rows, rows.assign(repeat=0, fold=folds, duplicate=""), 3)


def test_folds_of_other_rows_are_refused():
    rows = pd.DataFrame({"id": [f"r{n}" for n in range(4)]})
    folds = rows.assign(repeat=0, fold=[0, 1, 0, 1], duplicate="")

    with pytest.raises(FoldlineError, match=r"1 rows are in neither data/train.csv nor .*\(r3\)"):
        join_folds(rows[:3], folds, 2)
