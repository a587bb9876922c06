"""Numbers with commas, units and other digits: read where the column agrees, else refused."""

import pytest

from foldline.data.number_notation import explain_problem, is_quantity, parse_numbers
from tests.helpers.raw_files import csv_text, prepare_error


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["3,5", "0,1", "4"], [3.5, 0.1, 4]),
        (["1,234.5", "2"], [1234.5, 2]),
        (["1.234,5", "1.000"], [1234.5, 1000]),
        (["1 234,5", "7"], [1234.5, 7]),
        (["1\u202f234", "5"], [1234, 5]),
        (["1'234.50", "3"], [1234.5, 3]),
        (["12 %", "3%"], [12, 3]),
        (["\uffe61,200", "\u20a9500"], [1200, 500]),
        (["1,200원", "900원"], [1200, 900]),
        (["$1,200", "$300"], [1200, 300]),
        (["4.5점", "3점"], [4.5, 3]),
        (["4.5/5", "3/5"], [4.5, 3]),
        (["\u22123", "4"], [-3, 4]),
        (["-3,5", "+1"], [-3.5, 1]),
        (["\uff13\uff0e\uff15", "\uff12"], [3.5, 2]),
        (["0,123", "0,500"], [0.123, 0.5]),
        (["1,234,567", "5"], [1234567, 5]),
    ],
)
def test_a_column_in_one_notation_is_read(values, numbers):
    notation = parse_numbers(values)

    assert [float(notation.parse(value)) for value in values] == numbers
    assert explain_problem(values) is None


@pytest.mark.parametrize(
    ("values", "value", "why"),
    [
        (["1,234", "5"], "1,234", "may be 1.234 or 1234"),
        (["3.5", "3,5"], "3,5", "is another notation than '3.5'"),
        (["12 %", "0.12"], "0.12", "is another notation than '12 %'"),
        (["3,5", "good"], "good", ""),
    ],
)
def test_a_column_that_is_not_plain_is_explained(values, value, why):
    assert parse_numbers(values) is None
    found, reason = explain_problem(values)
    assert found == value
    assert reason.startswith(why)


@pytest.mark.parametrize(
    "text",
    [
        "class1",
        "A1",
        "5\u00b2",
        "\u2163",
        "1,2,3",
        "1-2",
        "10:30",
        "2024-01-31",
        "a,b",
        "",
        "\u00bd",
    ],
)
def test_names_and_lists_are_no_quantities(text):
    assert not is_quantity(text)


def scores(values: list[str]) -> str:
    return csv_text([f'{n},text {n},"{value}"' for n, value in enumerate(values)])


def test_targets_are_read_over_all_files_with_a_note(prepare_files):
    files = {"train": scores([f"{n},5" for n in range(12)])}
    files["test"] = csv_text(['x,some,"1,25"', "y,other,3"])

    found = prepare_files(files, task="regression")

    assert found.rows["label"].tolist()[-3:] == ["11.5", "1.25", "3"]
    assert any("column 'label': '10,5' is read as 10.5" in note for note in found.notes)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1,234"] * 6 + ["2,345"] * 6, "train.csv, lines 2, 3, 4, 5, 6, 7: label '1,234'"),
        (["3.5"] * 11 + ["3,5"], "train.csv, line 13: label '3,5'"),
        (["3.5"] * 11 + ["N/A"], "Empty the cell (and set prepare.missing_label=drop)"),
        (["3.5"] * 11 + ["1e308"], "train.csv, line 13: label '1e308' in column 'label' is beyond"),
        (["0", "1e-308"] * 6, "differ by less than 1e-30"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(prepare_files, values, words):
    assert words in prepare_error(prepare_files, {"train": scores(values)}, task="regression")


@pytest.mark.parametrize("weight", ["1e-308", "1e308", "5e-324"])
def test_weights_whose_products_vanish_are_refused(prepare_files, weight):
    rows = [f"{n},text {n},{'ab'[n % 2]},1" for n in range(11)] + [f"x,some,a,{weight}"]
    files = {"train": csv_text(rows, "id,text,label,w")}

    found = prepare_error(prepare_files, files, weight="w")

    assert f"train.csv, line 13: weight '{weight}' in column 'w' is not from 1e-09" in found
