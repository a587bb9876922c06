"""Duplicates in three strengths: of texts and of pairs, closed, the same for any order."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.params import Duplicates
from foldline.data.duplicate_report import duplicate_report
from foldline.data.duplicates import DuplicateGroups, duplicate_keys, find_duplicates, name_groups
from foldline.data.normalization import casefold_key, skeleton
from foldline.data.row_links import link_rows, name_dependent_groups

STRENGTHS = ("exact", "skeleton", "near")


def table(texts: list[str], pairs: list[str] | None = None) -> pd.DataFrame:
    ids = [f"r{number:03}" for number in range(len(texts))]
    columns = {"id": ids, "text": texts, "text_pair": pairs or [""] * len(texts)}
    return pd.DataFrame(columns, dtype="str")


def find_groups(rows: pd.DataFrame, match: str, **options: object) -> DuplicateGroups:
    given = {"match": match, "threshold": 0.7, "pairs": "both", "min_chars": 1} | options
    return find_duplicates(rows, Duplicates.model_validate(given))


def group_names(rows: pd.DataFrame, match: str, **options: object) -> list[str]:
    """Return each row's group by name; rows alone have their own."""
    return name_groups(find_groups(rows, match, **options).together, rows["id"].tolist())


def duplicate_sets(rows: pd.DataFrame, match: str, **options: object) -> set[frozenset[int]]:
    """Return the groups of several rows, by row number."""
    codes = find_groups(rows, match, **options).together
    found = {frozenset(np.flatnonzero(codes == code).tolist()) for code in codes}
    return {rows for rows in found if len(rows) > 1}


# --- skeletons ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello,  World!! 24/7", "helloworld0"),
        ("call 0800-555 now", "call0now"),
        ("call 1 now", "call0now"),
        ("굿~~!", "굿"),
        ("1,000원에 샀어요.", "0원에샀어요"),
        ("띄어 쓰기", "띄어쓰기"),
        ("ＡＢＣ１２", "abc0"),
        ("Straße", "strasse"),
        ("क्या बात", "क्याबात"),
        ("नमस्ते १२३", "नमस्ते0"),
        ("great ❤️👍🏽", "great"),
        ("snake_case", "snakecase"),
        ("", ""),
        (":-)", ""),
        ("👍🏽 ❤️ ☺︎", ""),
        ("10/10", ""),
        ("\u0301", ""),
    ],
)
def test_skeleton(text, expected):
    assert skeleton(text) == expected


@given(st.text("abZ가나ㅋ07é", max_size=12), st.text(" \t.,!?-_~'\"()😀❤\ufe0f\u200d", max_size=3))
def test_what_is_no_letter_or_number_does_not_count(text, noise):
    assert skeleton(noise + noise.join(text) + noise) == skeleton(text)


# --- texts --------------------------------------------------------------------------------------

MESSAGES = [
    "Call 0800-555 now",  # 0
    "call 0800-555 NOW",  # 1: case
    "call 12 now!!",  # 2: number and marks
    "Call 12 now, please",  # 3: 5 of 5 and 10 3-grams
    "something else",  # 4
]


def test_each_strength_holds_the_one_before():
    rows = table(MESSAGES)

    assert duplicate_sets(rows, "exact") == {frozenset({0, 1})}
    assert duplicate_sets(rows, "skeleton") == {frozenset({0, 1, 2})}
    assert duplicate_sets(rows, "near") == {frozenset({0, 1, 2})}
    # call0now: 6 grams; call0nowplease: 12, these 6 among them
    assert duplicate_sets(rows, "near", threshold=0.5) == {frozenset({0, 1, 2, 3})}
    assert duplicate_sets(rows, "near", threshold=0.51) == {frozenset({0, 1, 2})}


def test_only_near_says_how_it_searched():
    assert find_groups(table(MESSAGES), "skeleton").notes == []
    assert find_groups(table(MESSAGES), "near").notes == [
        "near duplicates (Jaccard of 3-grams from 0.7): exact join of 3 texts"
    ]


@pytest.mark.parametrize("match", STRENGTHS)
def test_emptied_texts_are_no_group(match):
    rows = table(["", "", ":-)", ":-(", "👍", "👎", "10/10", "1/10", ":-)"])

    assert duplicate_sets(rows, match) == {frozenset({2, 8})}


@pytest.mark.parametrize("match", STRENGTHS)
def test_short_texts_are_duplicates_of_nothing(match):
    rows = table(["yes", "yes", "Yes!", "indeed", "Indeed"])

    assert frozenset({3, 4}) in duplicate_sets(rows, match, min_chars=5)
    assert not any({0, 1, 2} & group for group in duplicate_sets(rows, match, min_chars=5))
    assert duplicate_sets(rows, match, min_chars=7) == set()


def test_groups_are_named_by_their_smallest_id():
    rows = table(["b", "A", "a", "B", "c"]).iloc[[3, 2, 4, 1, 0]]

    assert group_names(rows, "exact") == ["r000", "r001", "r004", "r001", "r000"]


# --- pairs --------------------------------------------------------------------------------------

PAIRS = table(
    ["the cat sat", "A dog ran.", "the cat sat", "the cat sat down", "a dog ran", "no one"],
    ["a dog ran", "The cat sat", "somewhere else", "a dog ran!", "a dog ran", ""],
)


def test_a_pair_is_the_same_the_other_way_round():
    assert duplicate_sets(PAIRS, "exact") == set()
    assert duplicate_sets(PAIRS, "skeleton") == {frozenset({0, 1})}
    assert duplicate_sets(PAIRS, "near", threshold=0.6) == {frozenset({0, 1, 3})}


def test_pairs_that_share_either_sentence_are_one_if_asked_for():
    assert duplicate_sets(PAIRS, "exact", pairs="either") == {frozenset({0, 1, 2, 4})}
    assert duplicate_sets(PAIRS, "skeleton", pairs="either") == {frozenset({0, 1, 2, 3, 4})}
    # one short sentence joins nothing, the other still does
    assert duplicate_sets(PAIRS, "exact", pairs="either", min_chars=11) == {frozenset({0, 1, 2})}


def test_a_pair_of_twice_one_sentence_is_not_that_sentence():
    rows = table(["same", "same", "same"], ["same", "", "same"])

    assert duplicate_sets(rows, "near") == {frozenset({0, 2})}


def test_a_pair_with_one_long_sentence_can_be_a_duplicate():
    rows = table(["a long sentence", "a long sentence", "yes", "yes"], ["yes", "yes", "no", "no"])

    assert duplicate_sets(rows, "exact", min_chars=5) == {frozenset({0, 1})}


# --- properties ---------------------------------------------------------------------------------

SENTENCES = st.text("ab1! 가나", max_size=9)


@st.composite
def random_tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=20))
    pairs = [other for _, other in rows] if draw(st.booleans()) else None
    return table([text for text, _ in rows], pairs)


OPTIONS = st.fixed_dictionaries(
    {
        "match": st.sampled_from(STRENGTHS),
        "threshold": st.sampled_from([0.5, 0.7, 1.0]),
        "pairs": st.sampled_from(["both", "either"]),
        "min_chars": st.integers(1, 4),
    }
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(random_tables(), OPTIONS, st.randoms())
def test_order_does_not_count_and_copies_join_their_original(rows, options, random):
    names = dict(zip(rows["id"], group_names(rows, **options), strict=True))
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = rows.iloc[order]

    assert dict(zip(shuffled["id"], group_names(shuffled, **options), strict=True)) == names

    copies = rows.assign(id="z" + rows["id"], text=rows["text_pair"], text_pair=rows["text"])
    twice = group_names(pd.concat([rows, copies if rows["text_pair"].any() else rows]), **options)
    firsts, seconds = twice[: len(rows)], twice[len(rows) :]
    assert dict(zip(rows["id"], firsts, strict=True)) == names
    for text, pair, one, other in zip(
        rows["text"], rows["text_pair"], firsts, seconds, strict=True
    ):
        if max(len(casefold_key(text)), len(casefold_key(pair))) >= options["min_chars"]:
            assert one == other


@settings(max_examples=60, deadline=None)
@given(random_tables(), OPTIONS)
def test_groups_are_closed(rows, options):
    """Weaker duplicates never part what stronger ones join, and what `either` joins is shared."""
    found = find_groups(rows, **options)
    levels = [found.exact, found.skeleton, found.near, found.together]
    if options["match"] == "exact":
        levels = [found.exact, found.together]
    levels = [codes for codes in levels if codes is not None]
    for finer, coarser in pairwise(levels):
        pairs = set(zip(finer.tolist(), coarser.tolist(), strict=True))
        assert len(pairs) == len(set(finer.tolist()))


@settings(max_examples=60, deadline=None)
@given(random_tables())
def test_exact_duplicates_are_those_of_equal_keys(rows):
    codes = find_groups(rows, "exact").exact
    keys = duplicate_keys(rows)

    for one in range(len(rows)):
        for other in range(one):
            same = keys[one] is not None and keys[one] == keys[other]
            assert (codes[one] == codes[other]) == same


def test_one_text_is_the_same_whichever_column_holds_it():
    rows = table(["", "one", "one"], ["one", "", "one"])

    first, second, twice = find_groups(rows, "exact").exact

    assert first == second != twice
    assert duplicate_keys(rows)[0] == duplicate_keys(rows)[1] != duplicate_keys(rows)[2]


# --- groups of rows, and the report -------------------------------------------------------------


def test_user_groups_and_duplicates_are_joined():
    rows = table(["x"] * 6).assign(
        dup_group=["r000", "r000", "r002", "r003", "r004", "r005"],
        group=["", "g", "g", "", "h", "r003"],
        sentence="",
        sentence_pair="",
    )

    assert name_dependent_groups(rows, by_group=False) == rows["dup_group"].tolist()
    links = link_rows(rows, by_group=True)
    joined = links.name_groups([1.0] * len(links.links))
    assert joined == ["r000"] * 3 + ["r003", "r004", "r005"]


def test_the_report_counts_by_strength_and_by_length():
    texts = ["good", "Good", "good!", "a b c", "a b c", "one two three four five six", "alone"]
    rows = table(texts).assign(label=["p", "n", "p", "p", "p", "p", "n"])

    report = duplicate_report(rows, find_groups(rows, "skeleton"), "classification")

    empty = {"rows": 0, "groups": 0, "conflicting_rows": 0, "conflicting_share": None}
    assert report["exact"] == {
        "rows": 4,
        "groups": 2,
        "conflicting_rows": 2,
        "conflicting_share": 0.5,
        "by_words": {
            "1-2": {"rows": 2, "groups": 1, "conflicting_rows": 2, "conflicting_share": 1.0},
            "3-5": {"rows": 2, "groups": 1, "conflicting_rows": 0, "conflicting_share": 0.0},
            "6-10": empty,
            "11+": empty,
        },
    }
    assert report["skeleton"]["rows"] == 5
    assert report["skeleton"]["conflicting_share"] == 0.6
    assert "near" not in report
    assert report["together"] == {"rows": 5, "groups": 2, "largest": 3}
    assert report["largest"] == [
        {
            "rows": 3,
            "first": "r000",
            "labels": {"n": 1, "p": 2},
            "different_texts": 3,
            "texts": ["Good", "good", "good!"],
        },
        {
            "rows": 2,
            "first": "r003",
            "labels": {"p": 2},
            "different_texts": 1,
            "texts": ["a b c"],
        },
    ]


def test_titles_that_chain_rows_into_one_group_are_reported_with_the_way_out():
    texts = [f"comment number {chr(97 + n)}" for n in range(20)]
    rows = table(texts).assign(text_pair=["the one title"] * 15 + [f"own {n}" for n in range(5)])

    notes = find_groups(rows, "exact", pairs="either").notes

    assert len(notes) == 1
    assert "pairs=either joins rows that share one text, in chains: 15 of 20 rows (75%)" in notes[0]
    assert "'the one title' alone is in 15 of them" in notes[0]
    assert "Set prepare.duplicates.pairs=auto" in notes[0]
    assert find_groups(rows, "exact", pairs="both").notes == []
    # Equal pairs are no chain, and a small group is no matter.
    assert find_groups(table(["same"] * 20), "exact", pairs="either").notes == []
    equal = table(["same"] * 20).assign(text_pair="other")
    assert find_groups(equal, "exact", pairs="either").notes == []
