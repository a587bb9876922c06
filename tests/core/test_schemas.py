"""The contract between stages: what is written is read back, and what is not, is told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.schemas import Table

TRAPS = [
    "plain",
    "",
    "NA",
    "null",
    "1.0",
    "001",
    " space ",
    'say "hi"',
    '"',
    "a,b",
    "line\nbreak",
    "carriage\rreturn",
    "\r",
    "both\r\nof them",
    "한글",
    "🙂\u200d",
    "\u2028",
    "\ufeff",
    "x" * 100_000,
]


@pytest.fixture
def table(tmp_path):
    columns = {"id": "text", "count": "int", "share": "float"}
    return Table(tmp_path / "folder" / "table.csv", columns, rest="p_")


def rows(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "p_b": np.linspace(0, 1, len(texts)) / 3,
            "share": np.linspace(0, 1, len(texts)) ** 9,
            "count": range(len(texts)),
            "id": texts,
            "unnamed": "left out",
        }
    )


def test_texts_and_numbers_come_back_as_they_were(table):
    given = rows(TRAPS)

    table.write(given)
    found = table.read()

    assert list(found.columns) == ["id", "count", "share", "p_b"]
    assert found["id"].tolist() == TRAPS
    for name in ("count", "share", "p_b"):
        assert found[name].tolist() == given[name].tolist()
    assert found.dtypes.astype(str).to_dict() == {
        "id": "str",
        "count": "int64",
        "share": "float64",
        "p_b": "float64",
    }


def test_the_same_rows_are_the_same_bytes(table):
    table.write(rows(TRAPS))
    first = table.path.read_bytes()
    table.write(rows(TRAPS))

    assert table.path.read_bytes() == first
    assert not first.startswith(b"\xef\xbb\xbf")


def test_a_table_without_rows_keeps_its_columns(table):
    table.write(rows([]))

    assert list(table.read().columns) == ["id", "count", "share", "p_b"]
    assert len(table.read()) == 0


def test_a_missing_file_names_the_command(table):
    with pytest.raises(FoldlineError, match=r"table.csv is missing: run `dvc repro` to make it"):
        table.read()


def test_a_missing_column_is_told_with_those_present(table):
    with pytest.raises(FoldlineError, match=r"has no column share; it has p_b, count, id, unnamed"):
        table.write(rows(["a"]).drop(columns="share"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"id,share\n", "has no column count; it has id, share"),
        (b"id,count,share\na,1.5,0\n", "column count: invalid literal for int"),
        (b"id,count,share\na,1,x\n", "column share: could not convert"),
        (b'id,count,share\n"a,1,2\n', "cannot be read"),
        (b"id,count,share\n\xff,1,2\n", "cannot be read"),
    ],
)
def test_a_damaged_file_is_told(table, content, message):
    table.path.parent.mkdir()
    table.path.write_bytes(content)

    with pytest.raises(FoldlineError, match=message):
        table.read()


def test_a_folder_in_place_of_the_file_is_told(table):
    table.path.mkdir(parents=True)

    with pytest.raises(FoldlineError, match=r"table\.csv cannot be read"):
        table.read()


def test_paths_are_told_apart_and_written_as_dvc_writes_them():
    tables = [value for value in vars(schemas).values() if isinstance(value, Table)]

    assert len(schemas.TABLES) == len(tables)
    assert all(path == Path(path).as_posix() for path in schemas.TABLES)
