"""JSON files in every layout that tools write: the same rows, with a note on the layout."""

import json

import pytest

from foldline.core.errors import FoldlineError
from foldline.data.reading import read_raw

ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
COLUMNS = {"text": ["a", "b"], "label": ["x", "y"]}
LAYOUTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "indented objects": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "lines with commas": ",\n".join(map(json.dumps, ROWS)),
    "list": json.dumps(ROWS),
    "indented list": json.dumps(ROWS, indent=2),
    "list in an object": json.dumps({"version": 1, "data": ROWS}),
    "list by column": json.dumps(COLUMNS),
    "columns in an object": json.dumps({"data": COLUMNS}),
    "pandas": json.dumps({"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}),
    "pandas index": json.dumps(dict(zip("01", ROWS, strict=True))),
    "pandas split": json.dumps(
        {"columns": ["text", "label"], "index": [0, 1], "data": [["a", "x"], ["b", "y"]]}
    ),
    "marks of byte order": "\ufeff" + "\n\ufeff".join(map(json.dumps, ROWS)),
}


@pytest.fixture
def file(tmp_path):
    def make(content: str, name: str = "a.json"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return make


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
def test_every_layout_gives_the_same_rows(file, layout, name):
    raw = read_raw(file(LAYOUTS[layout], name))

    assert raw.columns == COLUMNS
    is_plain = "list" in layout and name == "a.json" and "in an" not in layout
    is_plain = is_plain and "by" not in layout
    assert len(raw.notes) == (layout not in ("lines", "marks of byte order") and not is_plain)


def test_objects_by_key_keep_it_as_id(file):
    raw = read_raw(file(json.dumps({"r1": ROWS[0], "r2": ROWS[1]})))

    assert raw.columns == {"id": ["r1", "r2"], **COLUMNS}


def test_messages_name_the_line_where_an_object_starts(file):
    raw = read_raw(file(LAYOUTS["indented list"]))

    assert raw.where([0, 1]) == "lines 2, 6"
    assert read_raw(file(LAYOUTS["list by column"])).where([1]) == "row 2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"train": ROWS, "test": ROWS}), "several lists of rows: train, test"),
        ('{"text": ["a", "b"], "label": ["x"]}', "their lengths differ: text 2, label 1"),
        ('[{"a": 1},\n{"a": 2}', "line 2: not JSON"),
        ('[{"a": 1}]\n[{"a": 2}]', "line 2: text below the list"),
        ('{\n"a": 1,\n"b": oops\n}', "line 3: not JSON"),
        ('{"a": 1}\n{"a": 2}\n{"a": ', "line 3: not JSON"),
        ('[["text", "label"], ["a", "x"]]', "line 1: must be an object"),
    ],
)
def test_what_is_no_table_is_refused(file, content, message):
    with pytest.raises(FoldlineError, match=message):
        read_raw(file(content))
