"""Rules of the data viewer, by hand: suspected labels, and the sample of a large table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldline.core.io.labels import Labels
from foldline.data.suspected_labels import add_suspected_errors, describe_suspected
from foldline.viewer.row_table import ViewData
from foldline.viewer.sampling import sample_rows


def test_a_label_is_suspected_where_another_class_is_as_sure_as_it_usually_is():
    # Mean p of class a among its rows: (.9 + .3) / 2 = .6; of b: (.8 + .2 + .45) / 3 = .483.
    p_a = [0.9, 0.3, 0.2, 0.8, 0.55]
    rows = pd.DataFrame({"id": list("vwxyz"), "label": list("aabbb"), "part": "train"})
    table = rows.assign(predicted="", p_a=p_a, p_b=[1 - p for p in p_a])

    add_suspected_errors(rows, table, Labels("classification", ("a", "b")))

    # w: b with .7 >= .483; y: a with .8 >= .6; z: a with .55 < .6.
    assert rows["suspected"].tolist() == [False, True, False, True, False]
    assert rows["guess"].tolist() == ["a", "b", "b", "a", "a"]
    np.testing.assert_allclose(rows["self_confidence"], [0.9, 0.3, 0.8, 0.2, 0.45])


@pytest.mark.parametrize(
    ("suspected", "notes"), [(15, []), (16, [{"code": "many_suspected", "share": 0.16}])]
)
def test_so_many_suspected_labels_say_that_the_models_are_weak(suspected, notes):
    rows = pd.DataFrame({"self_confidence": [0.5] * 100 + [np.nan] * 50, "suspected": False})
    rows.loc[: suspected - 1, "suspected"] = True

    assert describe_suspected(rows) == notes


def test_a_number_is_suspected_beyond_three_robust_deviations():
    rows = pd.DataFrame({"id": list("abcdef"), "part": "train"})
    rows["label"] = ["1", "2", "3", "4", "5", "9"]
    guess = [1.1, 1.9, 3.2, 3.8, 5.0, 5.0]  # residuals -.1 .1 -.2 .2 0 4: MAD .15

    add_suspected_errors(rows, rows.assign(predicted=guess), Labels("regression"))

    assert rows["suspected"].tolist() == [False] * 5 + [True]
    np.testing.assert_allclose(rows["self_confidence"], [-0.1, -0.1, -0.2, -0.2, 0, -4])


@pytest.mark.parametrize("bias", [0, 50])
def test_a_model_that_is_off_by_the_same_everywhere_accuses_no_label(bias):
    rows = pd.DataFrame({"id": list("abcdef"), "part": "train"})
    rows["label"] = ["1", "2", "3", "4", "5", "9"]
    guess = np.array([1.1, 1.9, 3.2, 3.8, 5.0, 5.0]) + bias

    add_suspected_errors(rows, rows.assign(predicted=guess), Labels("regression"))

    assert rows["suspected"].tolist() == [False] * 5 + [True]


def test_where_most_residuals_are_equal_the_others_are_suspected():
    rows = pd.DataFrame({"id": list("abcd"), "part": "train", "label": ["1", "2", "3", "4"]})

    add_suspected_errors(rows, rows.assign(predicted=[2.0, 3.0, 4.0, 4.5]), Labels("regression"))

    assert rows["suspected"].tolist() == [False] * 3 + [True]


@pytest.mark.slow
@given(st.lists(st.integers(0, 8), min_size=1, max_size=30), st.integers(1, 30), st.randoms())
def test_a_sample_keeps_groups_whole_whatever_the_order(groups, limit, random):
    sizes = pd.Series(groups).value_counts()
    rows = pd.DataFrame({"id": [f"r{k}" for k in range(len(groups))], "dup_group": groups})
    rows["dup"] = [group if sizes[group] > 1 else -1 for group in groups]
    rows["dup_group"] = rows["dup_group"].astype("str")
    empty = pd.DataFrame({"id": [], "source_id": []})
    order = list(range(len(rows)))
    random.shuffle(order)

    def chosen(table: pd.DataFrame) -> pd.DataFrame:
        found = ViewData(table, empty, empty, empty, Labels("classification"))
        return sample_rows(found, limit).rows

    kept = chosen(rows)

    assert len(kept) <= limit
    left = set(rows["dup_group"][rows["dup"] >= 0]) & set(kept["dup_group"][kept["dup"] >= 0])
    whole = rows[rows["dup_group"].isin(left)]
    assert set(whole["id"]) <= set(kept["id"])
    assert set(chosen(rows.iloc[order].reset_index(drop=True))["id"]) == set(kept["id"])
