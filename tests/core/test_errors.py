"""Messages: short, with the name that was meant."""

import pytest

from foldline.core.errors import closest_name, listing, unknown_name


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (range(8), "0, 1, 2, 3, 4, 5, 6, 7"),
        (range(20), "0, 1, 2, 3, 4, 5, 6, 7 and 12 more"),
        (["x" * 1000], "x" * 57 + "..."),
        (["a\r\nb"], r"a\r\nb"),
    ],
)
def test_listed(items, expected):
    assert listing(items) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lable", "label"), ("LABEL", "label"), ("zzz", None), ("본문문", "본문")],
)
def test_nearest(name, expected):
    assert closest_name(name, ["label", "text", "본문"]) == expected


def test_unknown_names_what_was_meant_and_all_there_are():
    assert unknown_name("kind", "aa", ["ab", "cd"]) == "unknown kind 'aa'. Known: ab, cd"
    assert unknown_name("kind", "scrach", ["scratch"]) == (
        "unknown kind 'scrach'; did you mean 'scratch'? Known: scratch"
    )
