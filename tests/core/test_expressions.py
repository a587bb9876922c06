"""Conditions in params.yaml: what they may say, and that they run nothing."""

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.expressions import evaluate_expression, list_names

TABLE = pd.DataFrame(
    {"length": [3.0, 30.0, None], "city": ["Seoul", "Busan", ""], "a b": [1, 2, 3]}
).assign(day=pd.to_datetime(["2015-01-02", "2016-01-02", "2017-01-02"]))


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("length < 10", [True, False, False]),
        ("5 < length + 1 <= 31 or city == ''", [False, True, True]),
        ("not (city in ['Seoul', 'Daegu'])", [False, True, True]),
        ("city not in ['Seoul'] and length > -1", [False, True, False]),
        ("`a b` % 2 == 1", [True, False, True]),
        ("day >= '2016-01-01'", [False, True, True]),
    ],
)
def test_conditions_hold_as_in_pandas(expression, rows):
    assert evaluate_expression(expression, TABLE).tolist() == rows
    assert set(list_names(expression)) <= set(TABLE)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("length <", "is no condition"),
        ("@length < 3", "is no condition"),
        ("3 < 4", "names no column"),
        ("city.str.len() > 3", "must not use call"),
        ("city.__class__ == 3", "must not use attribute"),
        ("__import__ == 3", "must not use name"),
        ("city[0] == 'S'", "subscript"),
        ("length > 1 & length < 3", "write names.* and, or, not"),
        ("(lambda: 1) == length", "lambda"),
    ],
)
def test_what_could_run_code_is_refused(expression, message):
    with pytest.raises(ValueError, match=message):
        list_names(expression)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("city > 3", "cannot be computed .city is a text.: compare numbers with numbers"),
        ("length + 1", "is no condition: compare something"),
        ("width < 3", "names width, which no row has yet. Run `dvc repro`"),
    ],
)
def test_what_cannot_be_computed_is_told(expression, message):
    with pytest.raises(FoldlineError, match=message):
        evaluate_expression(expression, TABLE)
