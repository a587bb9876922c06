"""What an import writes into params.yaml: values alone, read back as they were written."""

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params.loading import read_params
from foldline.importer import params_editing


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("label", "label"),
        ("review text", "review text"),
        ("라벨", "라벨"),
        (None, ""),
        ("null", '"null"'),
        ("1", '"1"'),
        ("1e3", '"1e3"'),
        ("true", '"true"'),
        ("a: b", '"a: b"'),
        ("#", '"#"'),
        ("a #b", '"a #b"'),
        (" a", '" a"'),
        ("[x]", '"[x]"'),
        (["no, b", "1"], '["no, b", "1"]'),
    ],
)
def test_a_value_is_read_back_as_it_was_written(value, text, tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(
        params_editing.edit_yaml("data:\n  key: old  # why\nlast: 1\n", {"data.key": value}),
        "utf-8",
    )

    assert params_editing.format_value(value) == text
    assert read_params(file) == {"data": {"key": value}, "last": 1}
    assert "# why\nlast: 1\n" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("k: a    # c\n", "k: long  # c\n"),
        ("k: abcdefgh  # c\n", "k: long      # c\n"),
        ("k: a # c\n", "k: long  # c\n"),
        ("k:\n", "k: long\n"),
        ("k:   # c\n", "k: long  # c\n"),
        ("k: 'a'\r\nl: b\r\n", "k: long\r\nl: b\r\n"),
        ("k: [a,\n  b]\nl: b\n", "k: long\nl: b\n"),
        ("k:  # c\n- a\n- b  # d\n# e\nl: b\n", "k: long  # c  # d\n# e\nl: b\n"),
        ("k: a", "k: long"),
    ],
)
def test_everything_around_a_value_stays(before, after):
    assert params_editing.edit_yaml(before, {"k": "long"}) == after


def test_a_key_that_is_missing_is_named():
    with pytest.raises(FoldlineError, match=r"no key data\.text"):
        params_editing.edit_yaml("data:\n  label: a\n", {"data.text": "b"})
