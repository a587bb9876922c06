"""Texts that a spreadsheet would run get an apostrophe; everything else stays as it is."""

import pandas as pd
import pytest

from foldline.core.io.formulas import escape_formulas


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+82-10", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "=cmd|' /C calc'!A0", "-"],
)
def test_formulas_get_an_apostrophe(text):
    assert escape_formulas(pd.DataFrame({"id": [text]}))["id"].tolist() == [f"'{text}"]


@pytest.mark.parametrize("text", ["", "a=1", "-5", "+1.5e3", "1-2", "'=1", " text", "'"])
def test_other_texts_stay(text):
    assert escape_formulas(pd.DataFrame({"id": [text]}))["id"].tolist() == [text]


def test_numbers_stay_numbers_and_names_are_escaped():
    table = pd.DataFrame({"id": ["a"], "=x": [-1.5], "predicted": ["=y"]})

    escaped = escape_formulas(table)

    assert escaped.to_dict(orient="list") == {"id": ["a"], "'=x": [-1.5], "predicted": ["'=y"]}
