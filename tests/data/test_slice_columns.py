"""What `prepare` hands to the slices of `evaluate`: columns, time and disagreement by row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.data.column_types import parse_values
from foldline.data.slice_columns import measure_disagreement
from foldline.project.check import find_column_problems
from tests.helpers import projects


def prepare(changes: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Prepare rows with some columns; return the values by column and id."""
    own = {"columns": [], "expressions": {}, "min_rows": 50}
    slices = {"evaluate.slices": own | changes.pop("slices", {})}
    projects.make(Path(), changes | slices)
    rows = projects.topics()
    for number, row in enumerate(rows):
        row |= {"city": "Seoul" if number % 2 else "", "stars": number % 5, "length": number}
        row |= {"author": f"a{number % 7}", "day": f"201{number % 3}-01-01"}
    projects.write_csv(Path("data/raw/rows.csv"), rows)
    projects.run("prepare")
    table = schemas.SLICE_COLUMNS.read()
    return {
        str(name): dict(zip(own["id"], own["value"], strict=True))
        for name, own in table.groupby("column")
    }


def test_without_columns_the_table_is_empty(workplace):
    assert prepare({}) == {}
    assert schemas.SLICE_COLUMNS.path.read_text(encoding="utf-8") == "id,column,value\n"


def test_the_columns_that_slices_name_are_handed_on(workplace):
    expressions = {"loud": "stars > 3 and digits < 0.1", "long": "length > 20"}
    changes = {"data.group": "author", "data.time": "day"}
    found = prepare(
        changes | {"slices": {"columns": ["city", "author"], "expressions": expressions}}
    )

    assert set(found) == {"city", "author", "stars", "length", "time"}, (
        "a column of the user stands"
    )
    assert found["city"]["r1"] == "Seoul" and found["city"]["r0"] == ""
    assert found["author"]["r8"] == "a1" and found["length"]["r21"] == "21"
    assert found["time"]["r1"] == "1293840000.0"
    assert len(found["city"]) == 60


@pytest.mark.parametrize(
    ("slices", "key", "message"),
    [
        ({"columns": ["citi"]}, "columns", "there is no column 'citi'; did you mean 'city'?"),
        (
            {"expressions": {"a": "lenght < 3"}},
            "expressions.a",
            "there is no column 'lenght'; did you mean 'length'?",
        ),
        ({"expressions": {"a": "disagreement > 0"}}, "expressions.a", "no column 'disagreement'"),
    ],
)
def test_names_of_no_column_are_found_before_any_training(workplace, slices, key, message):
    with pytest.raises(FoldlineError, match=f"evaluate.slices.{key}: .*"):
        prepare({"slices": slices})
    params = load_params(Settings)
    (problem,) = find_column_problems(params.data, params.evaluate.slices).items()
    assert problem[0] == f"evaluate.slices.{key}" and message in problem[1]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("city > 3", r"expressions.a: 'city > 3' cannot be computed \(city is a text\)"),
        ("stars + 1", "expressions.a: 'stars . 1' is no condition"),
    ],
)
def test_expressions_of_the_wrong_type_are_found_before_any_training(
    workplace, expression, message
):
    with pytest.raises(FoldlineError, match=message):
        prepare({"slices": {"expressions": {"a": expression}}})


def test_conditions_that_could_run_code_are_problems_of_params(workplace):
    with pytest.raises(FoldlineError, match=r"evaluate.slices.expressions.a +must not use call"):
        prepare({"slices": {"expressions": {"a": "open('x') == 1"}}})


def test_values_are_numbers_or_dates_where_all_are():
    def parse(*values: str) -> "pd.Series[Any]":
        return parse_values(pd.Series(values, dtype="str"))

    assert parse("1", "", "2.5").isna().tolist() == [False, True, False]
    assert parse("1", "2.5").tolist() == [1, 2.5]
    assert parse("1", "x").tolist() == ["1", "x"]
    assert parse("2015-01-02", "").dt.year.tolist()[0] == 2015
    assert parse("", "").tolist() == ["", ""]


def test_disagreement_is_the_share_that_differs_from_most():
    table = pd.DataFrame({"id": ["a", "a", "a", "b"], "label": ["x", "x", "y", "x"]})

    found = measure_disagreement(table)
    assert list(found.index) == ["a"], "one annotator cannot disagree"
    assert float(found["a"]) == pytest.approx(1 / 3)
