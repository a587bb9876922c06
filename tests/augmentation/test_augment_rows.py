"""Augmentation: copies follow their sources and depend on no other row."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldline.augmentation import report, sampling_plan
from foldline.augmentation.augment_rows import (
    ORIGINAL,
    AugmentedRows,
    augment_rows,
    change_copies,
)
from foldline.core.errors import FoldlineError
from foldline.ensembling.folds import Fold, split_training_rows

METHODS = ("aeda", "swap", "delete", "nlpaug")
# Most texts meet others once they are changed: one of two equal copies is refused.
SHORT = st.text(st.sampled_from("ab "), min_size=1, max_size=6).filter(str.strip)
TABLES = st.lists(
    st.tuples(SHORT, st.sampled_from(["", "a b"]), st.sampled_from("xyz"), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


@pytest.fixture
def uneven(rows) -> pd.DataFrame:
    """Return 60 rows in classes of 40, 15 and 5."""
    table = rows(n=120)
    sizes = dict(zip(table["label"].unique(), (40, 15, 5), strict=True))
    kept = [table[table["label"] == name].iloc[:size] for name, size in sizes.items()]
    return pd.concat(kept).sort_values("id").reset_index(drop=True)


def augmented(rows: pd.DataFrame, augment: Any, seed: int = 1, **how: Any) -> AugmentedRows:
    return augment_rows(rows, augment, "classification", seed, **how)


def by_source(table: pd.DataFrame) -> dict[str, list[tuple[str, ...]]]:
    """Return the copies of each row."""
    copies = table[table["method"] != ORIGINAL]
    named: dict[str, list[tuple[str, ...]]] = {}
    for row in copies.itertuples():
        named.setdefault(row.source_id, []).append((row.id, row.text, row.text_pair))
    return named


def by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("id", ignore_index=True)


@pytest.mark.parametrize("method", METHODS)
def test_copies_follow_their_sources(method, uneven, augment) -> None:
    found = augmented(uneven, augment(method=method)).rows
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
    found = augmented(uneven, augment(method=method, strategy="n_per_row", copies=5)).rows
    assert not found.duplicated(["text", "text_pair"])[found["method"] != ORIGINAL].any()


@pytest.mark.slow
@given(
    TABLES,
    st.sampled_from(["none", "balance", "ratio", "n_per_row"]),
    st.sampled_from(["aeda", "swap", "mix"]),
    st.sampled_from(["none", "random"]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_table_in_any_order(augment, records, strategy, method, undersample, shuffler) -> None:
    """No copy leaves its source's group, sources exist, ids are unique, the order is nothing."""
    table = pd.DataFrame(
        # An id may look like a copy's.
        [(f"r{n}" if n % 3 else f"r{n + 1}+aeda0", *row[:3], f"g{row[3]}")
         for n, row in enumerate(records)],
        columns=["id", "text", "text_pair", "label", "group"],
        dtype="str",
    )  # fmt: skip
    own = augment({"undersample.method": undersample}, strategy=strategy, method=method, copies=3)
    found = augmented(table, own).rows
    shuffled = table.sample(frac=1, random_state=shuffler.randrange(2**32))
    sources = table.set_index("id")

    assert found["id"].is_unique
    assert set(found["source_id"]) <= set(found["id"][found["method"] == ORIGINAL])
    for column in ("group", "label"):
        assert found[column].tolist() == sources[column].loc[found["source_id"]].tolist()
    assert found.groupby("source_id").size().max() <= 1 + 3
    pd.testing.assert_frame_equal(by_id(augmented(shuffled, own).rows), by_id(found))


@pytest.mark.parametrize("method", METHODS)
def test_a_row_more_changes_no_other_rows_copies(method, uneven, augment) -> None:
    own = augment(method=method, strategy="n_per_row")
    some, more = (by_source(augmented(t, own).rows) for t in (uneven.iloc[:-7], uneven))
    assert {name: more[name] for name in some} == some
    assert len(more) > len(some)


def test_the_seed_decides(uneven, augment) -> None:
    own = augment({"undersample.method": "random"}, method="aeda")
    one, two, other = (augmented(uneven, own, seed).rows for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert set(one["text"]) != set(other["text"])


def test_strategies_by_hand(uneven, augment) -> None:
    """40, 15 and 5 rows: what each strategy brings them to."""
    large, middle, small = uneven["label"].value_counts().index

    def sizes(**how: Any) -> list[int]:
        counts = augmented(uneven, augment(method="aeda", **how)).rows["label"].value_counts()
        return [counts[name] for name in (large, middle, small)]

    assert sizes(strategy="none") == [40, 15, 5]
    assert sizes(strategy="balance", copies=10) == [40, 40, 40]
    assert sizes(strategy="balance", copies=2) == [40, 40, 15]  # 2 copies of a row at most
    assert sizes(strategy="ratio", ratio=0.5, copies=10) == [40, 20, 20]
    assert sizes(strategy="ratio", ratio=0.3, copies=10) == [40, 15, 12]
    assert sizes(strategy="n_per_row", copies=1) == [80, 30, 10]
    assert sizes(strategy="none", per_class={small: "n_per_row"}, copies=3) == [40, 15, 20]
    assert sizes(strategy="balance", per_class={middle: "none"}, copies=10) == [40, 15, 40]


def test_copies_are_shared_equally(uneven, augment) -> None:
    found = augmented(uneven, augment(method="aeda", copies=10)).rows
    per_row = found[found["label"] == uneven["label"].iloc[-1]].groupby("source_id").size()
    assert per_row.max() - per_row.min() <= 1


def test_a_class_that_is_not_there_is_reported(augment) -> None:
    own = augment(per_class={"spma": "none"})
    with pytest.raises(FoldlineError, match=r"per_class: unknown class 'spma'; did you mean 'spam"):
        sampling_plan.check_classes(own, ["ham", "spam"])
    sampling_plan.check_classes(own, ["spma"])


def test_a_mix_follows_its_weights(augment) -> None:
    own = augment(method="mix", mix={"swap": 1.0, "aeda": 3.0})
    turned = augment(method="mix", mix={"aeda": 6.0, "swap": 2.0})
    asked = [(f"r{n}", k) for n in range(500) for k in range(4)]
    drawn = [sampling_plan.choose_method(*one, own, 1) for one in asked]

    assert Counter(drawn)["aeda"] / len(asked) == pytest.approx(0.75, abs=0.03)
    assert drawn == [sampling_plan.choose_method(*one, turned, 1) for one in asked]
    assert drawn != [sampling_plan.choose_method(*one, own, 2) for one in asked]


def test_a_copy_is_named_by_its_method(uneven, augment) -> None:
    own = augment(method="mix", mix={"swap": 1.0, "aeda": 1.0}, strategy="n_per_row")
    copies = augmented(uneven, own).rows.query("method != 'original'")
    numbered = copies["id"].str.extract(r"^(?P<source>r\d+)\+(?P<method>[a-z]+)[01]$")

    assert set(copies["method"]) == {"aeda", "swap"}
    assert numbered["source"].tolist() == copies["source_id"].tolist()
    assert numbered["method"].tolist() == copies["method"].tolist()


def test_one_word_and_empty_texts_have_no_copies(rows, augment) -> None:
    table = rows().assign(text=["낱말", ""] * 20)
    for method in ("swap", "delete"):
        own = augment(method=method, strategy="n_per_row")
        assert len(augmented(table, own).rows) == len(table)


def test_short_texts_are_tried_again(rows, augment) -> None:
    """Of two words one can be deleted in two ways: both copies are found."""
    table = rows(n=10).assign(text=[f"a{i} b{i}" for i in range(10)])
    own = augment({"gates.min_length_ratio": 0.1}, method="delete", strategy="n_per_row")
    found = by_source(augmented(table, own).rows)
    assert np.mean([len(copies) for copies in found.values()]) > 1.8


def test_nothing_to_balance(rows, augment) -> None:
    for how in ({}, {"method": "aeda"}, {"dotted": {"undersample.method": "random"}}):
        for task in ("classification", "regression"):
            found = augment_rows(rows().iloc[:0], augment(**how), task, seed=1)
            assert found.rows.empty
            assert list(found.rows.columns)[-2:] == ["source_id", "method"]
            assert report.make_metrics(rows().iloc[:0], found, task, 10)["copies"] == 0
            report.make_details(rows().iloc[:0], found, task, augment(**how), 1)


def test_report_by_hand(uneven, augment) -> None:
    dotted = {"undersample.method": "random", "undersample.max_ratio": 2.0}
    own = augment(dotted, method="aeda", copies=1)
    found = augmented(uneven, own)
    # 40, 15, 5 -> 10, 10, 5 -> 10, 10, 5 + 5
    assert report.make_metrics(uneven, found, "classification", 10) == {
        "rows": 30,
        "dropped": 35,
        "wanted": 5,
        "copies": 5,
        "refused": dict.fromkeys(report.FILTERS, 0),
        "ratio_before": 8.0,
        "ratio_after": 1.0,
    }
    shown = report.make_details(uneven, found, "classification", own, 1)
    large, middle, small = uneven["label"].value_counts().index
    assert {one.pop("class"): one for one in shown["classes"]} == {
        large: {"before": 40, "kept": 10, "after": 10},
        middle: {"before": 15, "kept": 10, "after": 10},
        small: {"before": 5, "kept": 5, "after": 10},
    }
    assert {name: len(rows) for name, rows in shown["removed"].items()} == {large: 5, middle: 5}
    assert {row["label"] for row in shown["removed"][large]} == {large}
    texts = uneven.set_index("id")["text"]
    samples = shown["methods"]["aeda"].pop("samples")
    assert len(samples) == 5
    for one in samples:
        assert one["before"] == texts[one["id"].split("+")[0]] != one["after"]
    assert shown["methods"]["aeda"]["wanted"] == shown["methods"]["aeda"]["made"] == 5


def test_augmenting_before_splitting_lies_and_folds_do_not(rows, augment, recipe, labels) -> None:
    """The lesson: a nearest neighbour knows by heart what its fold's copies give away.

    Labels are drawn, so that nothing can be learnt: the honest score is a half.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    rng = np.random.default_rng(0)
    texts = [" ".join(str(w) for w in rng.integers(0, 60, 12)) for _ in range(200)]
    table = rows(n=200).assign(text=texts, label=rng.permutation(["yes", "no"] * 100))
    table["fold"] = np.arange(200) % 5
    table["duplicate"] = ""
    own = augment(method="aeda", strategy="n_per_row", copies=2)

    def score(parts: list[tuple[pd.DataFrame, pd.DataFrame]]) -> float:
        right = []
        for learn, held in parts:
            bags = CountVectorizer(token_pattern=r"\d+", binary=True).fit(learn["text"])
            shared = bags.transform(held["text"]) @ bags.transform(learn["text"]).T
            nearest = learn["label"].to_numpy()[shared.toarray().argmax(axis=1)]
            right += (nearest == held["label"]).tolist()
        return float(np.mean(right))

    folds = [
        Fold("model", number, table, labels("classification"), recipe(model="tfidf"), own, 0.1)
        for number in range(5)
    ]
    plain = [(table[table["fold"] != fold.number], fold.held_out) for fold in folds]
    ours = [(split_training_rows(fold)[0], fold.held_out) for fold in folds]
    first = augmented(table, own).rows.assign(fold=rng.permutation(600) % 5)
    leaky = [(first[first["fold"] != f], first[first["fold"] == f]) for f in range(5)]

    assert score(leaky) > 0.95
    assert score(ours) == score(plain) < 0.6


def test_chunks_do_not_matter(uneven, augment, monkeypatch) -> None:
    own = augment(method="mix", strategy="n_per_row")
    whole = augmented(uneven, own).rows
    monkeypatch.setattr("foldline.augmentation.augment_rows.CHUNK_SIZE", 7)
    pd.testing.assert_frame_equal(augmented(uneven, own).rows, whole)
    assert change_copies([], None, 0, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("method", ["aeda", "swap", "delete"])
def test_is_fast_enough_for_many_rows(method, rows, augment) -> None:
    import time

    table = rows(n=20_000)
    table["id"] = [f"r{i}" for i in range(len(table))]
    begun = time.perf_counter()
    augmented(table, augment(method=method, strategy="n_per_row", copies=1))
    assert time.perf_counter() - begun < 10
