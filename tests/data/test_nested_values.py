"""Objects and lists in cells: fields become columns, lists become labels, none becomes a text."""

import json

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.data.cell_lists import parse_list
from foldline.data.reading import read_raw
from tests.helpers.raw_files import csv_text, prepare_error

TEXTS = [f"text number {n}" for n in range(12)]
NESTED = [
    {"id": str(n), "text": text, "label": {"label": "ab"[n % 2], "by": {"name": f"w{n % 3}"}}}
    for n, text in enumerate(TEXTS)
]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("['a' 'b']", ["a", "b"]),
        ("['a'\n 'b']", ["a", "b"]),
        ("[\"it's\" 'b']", ["it's", "b"]),
        ("{'a', 'b'}", ["a", "b"]),
        ("('a', 'b')", ["a", "b"]),
        ("('a',)", ["a"]),
        ("frozenset({'a'})", ["a"]),
        ("set()", []),
        ("[]", []),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("[np.str_('a'), np.str_('b')]", ["a", "b"]),
        ("[0 1 1]", ["0", "1", "1"]),
        ('{"choices": ["a", "b"]}', ["a", "b"]),
        ('[{"choices": ["a"]}]', ["a"]),
        ('{"labels": ["a"]}', ["a"]),
        ("['a' 'b', 'c']", None),
        ("[SEP]", None),
        ("(other)", None),
        ("a, b", None),
        ('{"a": 1}', None),
    ],
)
def test_the_notations_of_lists(cell, names):
    assert parse_list(cell) == names


def write(folder, name: str, rows: list[dict]):
    """Write rows in the format of a name; csv holds objects and lists as JSON."""
    path = folder / name
    if name.endswith("parquet"):
        pd.DataFrame(rows).to_parquet(path)
    elif name.endswith("csv"):
        cells = [
            {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in row.items()}
            for row in rows
        ]
        pd.DataFrame(cells).to_csv(path, index=False)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_fields_of_objects_are_columns_in_every_format(tmp_path, name):
    raw = read_raw(write(tmp_path, name, NESTED))

    assert list(raw.columns) == ["id", "text", "label.label", "label.by.name"]
    assert raw.columns["label.label"] == ["a", "b"] * 6
    assert raw.columns["label.by.name"][:3] == ["w0", "w1", "w2"]


def test_a_column_with_a_dot_in_its_name_wins(tmp_path):
    rows = [{"id": "1", "label.label": "real", "label": {"label": "inner", "more": "x"}}]

    raw = read_raw(write(tmp_path, "a.jsonl", rows))

    assert raw.columns == {"id": ["1"], "label.label": ["real"], "label.more": ["x"]}


def test_the_export_of_an_annotation_tool_is_read(tmp_path):
    rows = [
        {"data": {"text": t}, "annotations": [{"result": [{"value": {"choices": ["x"]}}]}]}
        for t in TEXTS
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))

    raw = read_raw(tmp_path / "a.json")

    assert list(raw.columns) == ["data.text", "annotations.result.value"]
    assert raw.find_column("annotations.result.value.choices") == "annotations.result.value"


@pytest.mark.parametrize("name", ["train.jsonl", "train.csv", "train.parquet"])
def test_a_field_can_be_named_in_params(prepare_files, tmp_path, name):
    write(tmp_path, name, NESTED)

    found = prepare_files({}, train=name, label="label.label", group="label.by.name")

    assert found.labels.classes == ("a", "b")
    assert set(found.rows["group"]) == {"w0", "w1", "w2"}
    message = prepare_error(prepare_files, {}, train=name)
    assert "'label' holds objects: name one of the fields 'label.label', 'label.by.name'" in message


@pytest.mark.parametrize(
    "cells", [['["a"]', '["b"]'], ["['a']", "['b']"], ["{'a'}", "('b',)"], ["['a']", "b"]]
)
def test_a_list_of_one_label_is_that_label(prepare_files, cells):
    rows = [f'{n},{text},"{cells[n % 2]}"'.replace('"["', '"[""') for n, text in enumerate(TEXTS)]
    rows = [row.replace('"]"', '""]"') for row in rows]

    found = prepare_files({"train": csv_text(rows)})

    assert found.labels.classes == ("a", "b")
    assert any("cells are lists of one value, and read as that value" in n for n in found.notes)


@pytest.mark.parametrize(
    "cells",
    [
        ["['a' 'b']", "['a']", "['c' 'b']"],
        ["['a', 'b']", "['a']", "['c', 'b']"],
        ["{'b', 'a'}", "{'a'}", "('c', 'b')"],
        ['{""choices"": [""a"", ""b""]}', "a", '[{""choices"": [""c"", ""b""]}]'],
        ["array(['a', 'b'], dtype=object)", "array(['a'])", "array(['c', 'b'])"],
    ],
)
def test_lists_of_several_labels(prepare_files, cells):
    rows = [f'{n},{text},"{cells[n % 3]}"' for n, text in enumerate(TEXTS)]

    found = prepare_files({"train": csv_text(rows)}, task="multilabel", separator=",")

    assert found.labels.classes == ("a", "b", "c")
    assert found.rows["label"].tolist()[:3] == ["a|b", "a", "b|c"]
    assert "lists of several values" in prepare_error(
        prepare_files, {"train": csv_text(rows)}, separator=","
    )


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize(
    "cells",
    [
        ["[1, 0, 0]", "[0, 1, 1]"],
        ["[1 0 0]", "[0 1 1]"],
        ["[1. 0. 0.]", "[0. 1. 1.]"],
        ["array([1, 0, 0])", "array([0, 1, 1])"],
        ["[true, false, false]", "[false, true, true]"],
        ["[0.2, 0.8]", "[0.9, 0.1]"],
        ["[0, 0, 3]", "[1, 1, 1]"],
        ["1 0 0", "0 1 1"],
        ["1|0|0", "0|1|1"],
        ["1,0,0", "0,1,1"],
    ],
)
def test_flags_and_measures_by_place_are_refused_as_they_name_no_label(prepare_files, task, cells):
    rows = [f'{n},{text},"{cells[n % 2]}"' for n, text in enumerate(TEXTS)]

    message = prepare_error(prepare_files, {"train": csv_text(rows)}, task=task, separator="|")

    assert "column 'label': every row holds" in message
    assert "Write a column of 0 and 1 for each label" in message


def test_numbers_of_classes_in_lists_are_labels(prepare_files):
    cells = ["[0]", "[0, 1]", "[2]"]
    rows = [f'{n},{text},"{cells[n % 3]}"' for n, text in enumerate(TEXTS)]

    found = prepare_files({"train": csv_text(rows)}, task="multilabel", separator="|")

    assert found.labels.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"a": 1}, "column 'label' holds objects, with the fields a"),
        ([{"a": 1}, {"a": 2}], "column 'label' holds lists of lists or objects, with the fields a"),
        (["x", "y"], "set task=multilabel"),
    ],
)
def test_a_mixed_column_is_refused_with_its_lines(prepare_files, tmp_path, label, message):
    rows = [{"id": str(n), "text": text, "label": "ab"[n % 2]} for n, text in enumerate(TEXTS)]
    write(tmp_path, "train.jsonl", [*rows, {"id": "x", "text": "y", "label": label}])

    found = prepare_error(prepare_files, {}, train="train.jsonl")

    assert "train.jsonl, line 13: " in found
    assert message in found


@pytest.mark.parametrize("task", ["multilabel"])
@pytest.mark.parametrize("cell", ["{a, b}", "[0 1 ... 0]", "['a' 'b', 'c']", "[['a'], ['b']]"])
def test_a_notation_that_is_not_read_is_refused_with_those_that_are(prepare_files, task, cell):
    rows = [f'{n},{text},"{["a", cell][n % 2]}"' for n, text in enumerate(TEXTS)]

    message = prepare_error(prepare_files, {"train": csv_text(rows)}, task=task, separator=",")

    assert "line" in message
    assert "which is not read as a list of labels" in message
    assert "['a' 'b']" in message


def test_texts_may_look_like_lists_but_are_never_made_from_some(prepare_files, tmp_path):
    rows = [{"id": str(n), "text": text, "label": "ab"[n % 2]} for n, text in enumerate(TEXTS)]
    write(tmp_path, "train.jsonl", [*rows, {"id": "x", "text": "[1]", "label": "a"}])
    write(tmp_path, "typed.jsonl", [*rows, {"id": "x", "text": ["a", "b"], "label": "a"}])

    assert prepare_files({}, train="train.jsonl").rows["text"].tolist()[-1] == "[1]"
    message = prepare_error(prepare_files, {}, train="typed.jsonl")
    assert "typed.jsonl, line 13: column 'text' holds lists of several values" in message


def test_bytes_in_a_name_of_a_parquet_column_are_reported(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": ["a"], "weird": [1]}).to_parquet(path)
    content = path.read_bytes().replace(b"weird", b"w\xe9ird")
    path.write_bytes(content)

    with pytest.raises(FoldlineError, match=r"a\.parquet: the name of a column is not UTF-8"):
        read_raw(path)


def test_a_damaged_parquet_file_ends_in_one_message(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": TEXTS, "label": range(12)}).to_parquet(path)
    content = path.read_bytes()
    for at in range(0, len(content), 29):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        try:
            read_raw(path)
        except FoldlineError as error:
            assert "a.parquet" in str(error)
