"""What an import writes into params.yaml: values alone, in the form in which DVC writes them."""

from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from foldline.core.errors import FoldlineError
from foldline.core.params.loading import read_params
from foldline.importer import params_editing

SHIPPED = Path("params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("label", "label # why"),
        ("review text", "review text # why"),
        ("라벨", "라벨  # why"),
        (None, "    # why"),
        ("null", "'null' # why"),
        ("1", "'1' # why"),
        ("1e3", "'1e3' # why"),
        ("true", "'true' # why"),
        ("a: b", "'a: b' # why"),
        ("#", "'#' # why"),
        ("it's", "it's # why"),
        (" a", "' a' # why"),
        ("[x]", "'[x]' # why"),
        ('"', "'\"' # why"),
        ("a\tb", '"a\\tb" # why'),
        (["no, b", "1"], "    # why\n  - no, b\n  - '1'"),
    ],
)
def test_a_value_is_read_back_as_it_was_written(value, text, tmp_path):
    file = tmp_path / "p.yaml"
    edited = params_editing.edit_yaml("data:\n  key: old # why\nlast: 1\n", {"data.key": value})
    file.write_text(edited, "utf-8")

    assert read_params(file) == {"data": {"key": value}, "last": 1}
    assert " ".join(edited.split()) == " ".join(f"data:\n  key: {text}\nlast: 1\n".split())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("k: a    # c\n", "k: long # c\n"),
        ("k: abcdefgh  # c\n", "k: long      # c\n"),
        ("k:\n", "k: long\n"),
        ("k:   # c\n", "k: long # c\n"),
        ("k: 'a'\r\nl: b\r\n", "k: long\r\nl: b\r\n"),
        ("k: [a,\n  b]\nl: b\n", "k: long\nl: b\n"),
        ("k:  # c\n- a\n- b\nl: b  # d\n", "k: long # c\nl: b  # d\n"),
        ("k: a", "k: long\n"),
    ],
)
def test_everything_around_a_value_stays(before, after):
    assert params_editing.edit_yaml(before, {"k": "long"}) == after


IMPORTS = {
    "columns of labels": {"task": "multilabel", "data.label": ["욕설", "sexual, or not", "no"]},
    "classes": {"data.classes": ["긍정", "it's", 'a "b"', "1", "# none", "yes", ""]},
    "long names": {
        "data.text": "아주 긴 열 이름 " * 20,
        "data.train": f"data/raw/{'가나 ' * 40}.csv",
    },
    "nothing": {"data.predict": None, "predict.sample_submission": None, "data.id": None},
    "names that need quotes": {"data.text": "a: b", "data.label": "007", "data.group": "{x}"},
    "line breaks": {"data.text": "two\nlines", "data.separator": "\t"},
}


@pytest.mark.parametrize("values", IMPORTS.values(), ids=IMPORTS)
def test_dvc_changes_one_line_of_an_edited_file(values, tmp_path):
    """Otherwise the first `dvc exp run -S` after an import shows changes that nobody made."""
    edited = params_editing.edit_yaml(SHIPPED, values)
    file = tmp_path / "params.yaml"
    file.write_text(edited, encoding="utf-8", newline="")

    apply_overrides(file, ["seed=7"])

    assert file.read_text(encoding="utf-8") == edited.replace("seed: 42 ", "seed: 7  ")
    assert edited.count("#") >= SHIPPED.count("#")


def test_a_key_that_is_missing_is_named():
    with pytest.raises(FoldlineError, match=r"no key data\.text"):
        params_editing.edit_yaml("data:\n  label: a\n", {"data.text": "b"})
    with pytest.raises(FoldlineError, match=r"no key data\.text\.x"):
        params_editing.edit_yaml("data:\n  text: a\n", {"data.text.x": "b"})
