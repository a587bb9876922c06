"""Balancing: copies follow their sources, and depend on nothing that stands beside them."""

import numpy as np
import pandas as pd
import pytest

from foldline.balance.report import balance_report
from foldline.balance.rows import ORIGINAL, balance

METHODS = ("aeda", "swap", "delete", "nlpaug")


@pytest.fixture
def uneven(rows) -> pd.DataFrame:
    """Give 60 rows in classes of 40, 15 and 5."""
    table = rows(n=120)
    sizes = dict(zip(table["label"].unique(), (40, 15, 5), strict=True))
    kept = [table[table["label"] == name].iloc[:size] for name, size in sizes.items()]
    return pd.concat(kept).sort_values("id").reset_index(drop=True)


def by_source(table: pd.DataFrame) -> dict[str, list[tuple[str, ...]]]:
    """Give the copies of each row."""
    copies = table[table["method"] != ORIGINAL]
    named: dict[str, list[tuple[str, ...]]] = {}
    for row in copies.itertuples():
        named.setdefault(row.source_id, []).append((row.id, row.text, row.text_pair))
    return named


@pytest.mark.parametrize("method", METHODS)
def test_copies_follow_their_sources(method, uneven, augment) -> None:
    found = balance(uneven, augment(method=method), seed=1)
    originals, copies = found[found["method"] == ORIGINAL], found[found["method"] == method]
    assert originals["id"].tolist() == originals["source_id"].tolist() == uneven["id"].tolist()
    assert len(originals) + len(copies) == len(found)
    assert len(copies) > 20
    assert found["id"].is_unique
    sources = uneven.set_index("id").loc[copies["source_id"]]
    assert copies["label"].tolist() == sources["label"].tolist()
    assert copies["group"].tolist() == sources["group"].tolist()
    assert found.dtypes.tolist() == [*uneven.dtypes, *uneven.dtypes[:2]]


@pytest.mark.parametrize("method", METHODS)
def test_no_copy_is_a_text_that_exists(method, uneven, augment) -> None:
    found = balance(uneven, augment(method=method, classes="all", copies=5), seed=1)
    assert not found.duplicated(["text", "text_pair"])[found["method"] != ORIGINAL].any()


@pytest.mark.parametrize("undersample", ["none", "random"])
@pytest.mark.parametrize("classes", ["all", "balance"])
def test_the_order_of_rows_does_not_matter(classes, undersample, uneven, augment) -> None:
    own = augment(method="delete", classes=classes, undersample=undersample, max_ratio=3.0)
    # Short texts, whose copies meet: one of two equal ones is left out.
    uneven["text"] = uneven["text"].str.split().str[:2].str.join(" ")
    one = balance(uneven, own, seed=1)
    other = balance(uneven.sample(frac=1, random_state=0), own, seed=1)
    pd.testing.assert_frame_equal(
        one.sort_values("id", ignore_index=True), other.sort_values("id", ignore_index=True)
    )
    assert len(one) > len(uneven) or undersample == "random"


@pytest.mark.parametrize("method", METHODS)
def test_a_row_more_changes_no_other_rows_copies(method, uneven, augment) -> None:
    own = augment(method=method, classes="all")
    some, more = (by_source(balance(t, own, seed=1)) for t in (uneven.iloc[:-7], uneven))
    assert {name: more[name] for name in some} == some
    assert len(more) > len(some)


def test_the_seed_decides(uneven, augment) -> None:
    own = augment(method="aeda", undersample="random")
    pd.testing.assert_frame_equal(balance(uneven, own, seed=1), balance(uneven, own, seed=1))
    assert set(balance(uneven, own, seed=1)["text"]) != set(balance(uneven, own, seed=2)["text"])


def test_reaches_the_ratio(uneven, augment) -> None:
    # 40, 15 and 5 rows; 10 copies of a row at most.
    found = balance(uneven, augment(method="aeda", copies=10), seed=1)
    assert found["label"].value_counts().tolist() == [40, 40, 40]
    per_row = found[found["label"] == uneven["label"].iloc[-1]].groupby("source_id").size()
    assert per_row.max() - per_row.min() <= 1
    # ... 2 at most: 40, 15 + 25 and 5 + 10.
    found = balance(uneven, augment(method="aeda", copies=2), seed=1)
    assert found["label"].value_counts().tolist() == [40, 40, 15]


def test_undersamples_to_the_ratio(uneven, augment) -> None:
    found = balance(uneven, augment(undersample="random", max_ratio=2.5), seed=1)
    assert found["label"].value_counts().tolist() == [12, 12, 5]
    assert found["id"].tolist() == sorted(found["id"])
    assert (found["method"] == ORIGINAL).all()


def test_undersampling_keeps_rows_as_others_come(uneven, augment) -> None:
    """A row more in one class moves the draw of that class by a row at most."""
    own = augment(undersample="random", max_ratio=3.0)
    large = uneven["label"] == uneven["label"].value_counts().index[0]
    fewer = uneven.drop(uneven[large].index[0])
    one, other = (set(balance(t, own, seed=1)["id"]) for t in (fewer, uneven))
    assert len(one ^ other) <= 2


def test_regression_pairs(rows, augment) -> None:
    table = rows("regression", pairs=True)
    found = balance(table, augment(method="swap", classes="all", copies=1), seed=1)
    copies = found[found["method"] == "swap"].set_index("source_id")
    sources = table.set_index("id").loc[copies.index]
    assert len(copies) == len(table)
    assert (copies["text"] != sources["text"]).all()
    assert (copies["text_pair"] != sources["text_pair"]).mean() > 0.5
    assert (copies["label"] == sources["label"]).all()


def test_one_word_and_empty_texts_have_no_copies(rows, augment) -> None:
    table = rows().assign(text=["낱말", ""] * 20)
    for method in ("swap", "delete"):
        assert len(balance(table, augment(method=method, classes="all"), seed=1)) == len(table)


def test_short_texts_are_tried_again(rows, augment) -> None:
    """Of two words one can be deleted in two ways: both copies are found."""
    table = rows(n=10).assign(text=[f"a{i} b{i}" for i in range(10)])
    found = by_source(balance(table, augment(method="delete", classes="all", copies=2), seed=1))
    assert np.mean([len(copies) for copies in found.values()]) > 1.8


def test_nothing_to_balance(rows, augment) -> None:
    for how in ({}, {"method": "aeda"}, {"undersample": "random"}):
        found = balance(rows().iloc[:0], augment(**how), seed=1)
        assert found.empty
        assert list(found.columns)[-2:] == ["source_id", "method"]


def test_report_by_hand(uneven, augment) -> None:
    own = augment(method="aeda", undersample="random", max_ratio=2.0, copies=1)
    found = balance_report(uneven, balance(uneven, own, seed=1))
    # 40, 15, 5 -> 10, 10, 5 -> 10, 10, 5 + 5
    assert found == {
        "rows": 30,
        "dropped": 35,
        "copies": 5,
        "ratio_before": 8.0,
        "ratio_after": 1.0,
    }
    numbers = uneven.assign(label=[str(i) for i in range(len(uneven))] * 1)
    assert balance_report(numbers, numbers.assign(method=ORIGINAL))["copies"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["aeda", "swap", "delete"])
def test_is_fast_enough_for_many_rows(method, rows, augment) -> None:
    import time

    table = rows(n=20_000)
    table["id"] = [f"r{i}" for i in range(len(table))]
    begun = time.perf_counter()
    balance(table, augment(method=method, classes="all", copies=1), seed=1)
    assert time.perf_counter() - begun < 10
