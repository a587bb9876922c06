"""Raw files: every format, encoding and slip of an export, as texts with their lines."""

import gzip
import os
import re
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.data.reading import read_raw

ROWS = [("1", "hello, world", "a"), ("2", '한글 "인용" 🙂', "b"), ("3", "NA", "1.0")]
KOREAN = 'id,text\n1,"한글, 글"\n2,똠방각하 펲시\n'


@pytest.fixture
def file(tmp_path):
    """Return a file of these bytes or texts."""

    def make(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return make


def read_error(path: Path, **options: str) -> str:
    """Return the message of a file that cannot be read, without its folder."""
    with pytest.raises(FoldlineError) as caught:
        read_raw(path, **options)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "")


def encode_content(form: str, folder: Path) -> bytes:
    table = pd.DataFrame(ROWS, columns=["id", "text", "label"], dtype="str")
    if form == "parquet":
        table.to_parquet(folder / "made")
        return (folder / "made").read_bytes()
    if form == "jsonl":
        return table.to_json(orient="records", lines=True, force_ascii=False).encode()
    return table.to_csv(sep="\t" if form == "tsv" else ",", index=False).encode()


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_texts(file, tmp_path, form, packed):
    raw = read_raw(file(f"a.{form}{packed}", encode_content(form, tmp_path)))

    assert list(raw.columns) == ["id", "text", "label"]
    assert list(zip(*raw.columns.values(), strict=True)) == ROWS
    assert raw.lines == ([1, 2, 3] if form in ("jsonl", "parquet") else [2, 3, 4])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
def test_encodings_are_recognised(file, encoding):
    bom = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    raw = read_raw(file("a.csv", (bom + KOREAN).encode(encoding)))

    assert raw.columns == {"id": ["1", "2"], "text": ["한글, 글", "똠방각하 펲시"]}
    assert len(raw.notes) == (encoding == "cp949")


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_encoding_can_be_named(file, encoding, mark):
    if mark and encoding == "cp949":
        mark = ""  # it has no such character
    raw = read_raw(file("a.csv", (mark + KOREAN).encode(encoding)), encoding=encoding)

    assert raw.columns["id"] == ["1", "2"]
    assert raw.notes == []


def test_a_guessed_encoding_is_noted(file):
    (note,) = read_raw(file("a.csv", KOREAN.encode("cp949"))).notes

    assert note.endswith(
        "a.csv is not UTF-8 and was read as cp949; if the texts look wrong, set data.encoding"
    )


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"id,text\n1,ok\n2,\xff\xff\n", "auto", "line 3: byte 0xff is not UTF-8, and no other"),
        (b"id,text\n1,\xff\n", "utf-8", "line 2: byte 0xff is not utf-8. Set data.encoding"),
        (b"\xff\xfea", "auto", "is not utf-16"),
        (b"id,text\n1,a\n2,b\0c\n", "auto", "line 3: a NUL byte. The file is damaged"),
        (b"id,text\n1,a\0\n", "auto", "line 2: a NUL byte"),
    ],
)
def test_what_is_not_text_is_reported_by_line(file, content, encoding, message):
    assert message in read_error(file("a.csv", content), encoding=encoding)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(file, end, last):
    text = end.join(["id,text", "1,a", '2,"b, c"']) + (end if last else "")

    raw = read_raw(file("a.csv", text))

    assert raw.columns == {"id": ["1", "2"], "text": ["a", "b, c"]}
    assert raw.lines == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_bare_carriage_return_splits_no_row(file, form, end):
    mark = "\t" if form == "tsv" else ","
    text = end.join(["id,text,label", '1,"in\rquotes",x', "2,with\rout,y", "3,\ue000\ue00d,z", ""])

    raw = read_raw(file(f"a.{form}", text.replace(",", mark)))

    assert raw.columns["text"] == ["in\rquotes", "with\rout", "\ue000\ue00d"]
    assert raw.columns["label"] == ["x", "y", "z"]
    assert raw.lines == [2, 3, 4]


def test_lines_are_right_behind_long_fields_and_empty_lines(file):
    text = 'id,text\n\n1,"a\n\nb"\n\n2,"c\r\nd"\n   \n""\n3,e\n'

    raw = read_raw(file("a.csv", text))

    assert raw.columns == {"id": ["1", "2", "3"], "text": ["a\n\nb", "c\r\nd", "e"]}
    assert raw.lines == [3, 7, 11]
    assert raw.where([0, 2]) == "lines 3, 11"
    assert read_error(file("b.csv", text + "4,f,g\n")).startswith("b.csv, line 12: 3 fields where")


@pytest.mark.parametrize(
    "word", ["NA", "null", "None", "nan", "1.0", "007", "1e5", "True", " x ", "", "#N/A", "-"]
)
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_cells_stay_texts(file, form, word):
    text = {
        "csv": f"id,text\n1,{word}\n",
        "tsv": f"id\ttext\n1\t{word}\n",
        "jsonl": f'{{"id": "1", "text": "{word}"}}',
    }[form]

    assert read_raw(file(f"a.{form}", text)).columns["text"] == [word]


def test_a_column_alone_keeps_its_empty_texts(file):
    assert read_raw(file("a.csv", 'text\na\n""\nb\n')).columns == {"text": ["a", "", "b"]}


def test_names_lose_the_white_space_around_them(file):
    raw = read_raw(file("a.csv", "\ufeffid , text\n1, a\n"))

    assert raw.columns == {"id": ["1"], "text": [" a"]}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (['1\t"quoted"', "2\tplain"], ["quoted", "plain"]),
        (['1\t"a ""b"" c"', "2\tx"], ['a "b" c', "x"]),
        (['1\tsay "hi"', "2\tx"], ['say "hi"', "x"]),
        (['1\t"opens only', "2\tx"], ['"opens only', "x"]),
        (['1\t"opens', '2\tcloses"'], ['"opens', 'closes"']),
        (['1\t"starts" and goes on', "2\tx"], ['"starts" and goes on', "x"]),
        (['1\t"two\nlines"', "2\tx"], ["two\nlines", "x"]),
        (['1\t"with\ttab"', "2\tx"], ["with\ttab", "x"]),
    ],
)
def test_quote_marks_in_a_tsv_are_read_as_they_are_meant(file, rows, expected):
    raw = read_raw(file("a.tsv", "\n".join(["id\ttext", *rows]) + "\n"))

    assert raw.columns["text"] == expected


def test_rows_that_a_quote_mark_may_have_swallowed_are_noted(file):
    fine = 'id,text,label\n1,"a\nb, c\nd",x\n'
    text = fine + '2,"opens,y\n3,here,y\n4,and,z\n5,closes",z\n'

    raw = read_raw(file("a.csv", text))

    assert len(raw) == 2
    (note,) = raw.notes
    assert "a.csv, line 5: a quoted field has lines that look like rows" in note
    assert read_raw(file("b.csv", fine)).notes == []


def test_quoting_can_be_named(file):
    path = file("a.csv", 'id,text\n1,"a"\n')

    assert read_raw(path, quoting="standard").columns["text"] == ["a"]
    assert read_raw(path, quoting="none").columns["text"] == ['"a"']


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "a,b\n1,2\n3,4,5\n",
            "a.csv, line 3: 3 fields where the header has 2 (a, b); it "
            "starts '3'. Quote texts that contain the separator",
        ),
        ("a.csv", "a,b,c\n1,2,3\n4,5\n6,7\n", "a.csv, lines 3, 4: 2 fields where the header has 3"),
        ("a.csv", "a,b\n1\n", "a.csv, line 2: 1 field where the header has 2"),
        ("a.csv", "a,b\n1\n", "Add the missing fields, even empty ones"),
        ("a.tsv", 'a\tb\n1\t2\t"3\n', "set data.quoting=standard"),
        (
            "a.csv",
            'a,b\n1,x\n2,"y\n3,z\n',
            "a.csv, from line 3: unexpected end of data. A quote mark opens here",
        ),
        ("a.csv", 'a,b\n1,"x"y\n', "from line 2: ',' expected after '\"'"),
        ("a.csv", "a,b,a\n1,2,3\n", "the header names column 'a' more than once"),
        ("a.csv", ",,b\n1,2,3\n", "columns 1, 2 of the header have no name, but a value in line 2"),
        ("a.csv", "", "a.csv is empty (0 bytes): add rows"),
        ("a.csv.gz", "", "a.csv.gz is empty (0 bytes)"),
        ("a.csv", "a,b\n", "a.csv has a header (a, b) but no rows"),
        ("a.csv", "\n\n\r\n", "a.csv has only empty lines"),
        ("a.jsonl", "\n\n", "a.jsonl has no rows"),
        ("a.jsonl", '{"a": 1}\n\nx\n', "a.jsonl, line 3: not JSON (Expecting value"),
        ("a.jsonl", '[{"a": 1}, "b"]', "line 1: must be an object, like"),
        ("a.jsonl", "[" * 100_000, "line 1: not JSON"),
        ("a.parquet", "id,text", "a.parquet cannot be read as a parquet file"),
        ("a.csv", "PK\x03\x04", "a.csv is a zip file (Excel's .xlsx is one)"),
        ("a.csv", "PAR1", "a.csv is a parquet file: rename it"),
        (
            "a.xlsx",
            "PK",
            "a.xlsx: not a supported format; allowed are .csv, .tsv, .txt, .jsonl, .ndjson, .json, "
            ".parquet, each also .gz. Open it and save it as 'CSV UTF-8'",
        ),
        ("a", "x", "a: not a supported format"),
        ("a.gz", "x", "a.gz: not a supported format"),
    ],
)
def test_what_cannot_be_read_is_reported(file, name, text, message):
    assert message in read_error(file(name, text))


def test_a_damaged_gzip_file_is_reported(file, tmp_path):
    whole = gzip.compress(b"id,text\n" + bytes(range(256)) * 100)
    for number, broken in enumerate([whole[:-20], whole[:40], b"id,text\n1,a\n", whole + b"x"]):
        path = tmp_path / f"{number}.csv.gz"
        path.write_bytes(broken)
        assert "is not a complete gzip file" in read_error(path)
    assert "a.csv is a gzip file: add .gz to its name" in read_error(file("a.csv", whole))


def test_a_missing_file_lists_what_is_beside_it(file, tmp_path):
    file("train.csv", "a\n1\n")
    file("test.csv", "a\n1\n")
    file(".gitignore", "")
    message = read_error(tmp_path / "trian.csv").replace(str(tmp_path), "FOLDER")

    assert message == (
        "trian.csv does not exist; did you mean 'train.csv'? FOLDER has test.csv, "
        "train.csv. Add the file or correct params.yaml"
    )
    assert "does not exist: there is no folder" in read_error(tmp_path / "no" / "a.csv")
    (tmp_path / "empty").mkdir()
    assert "empty is empty" in read_error(tmp_path / "empty" / "a.csv")


def test_a_folder_or_broken_link_is_reported(tmp_path):
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "b.csv").symlink_to("gone.csv")

    assert read_error(tmp_path / "a.csv") == "a.csv is a folder; name one file in params.yaml"
    assert read_error(tmp_path / "b.csv") == "b.csv is a link to gone.csv, which does not exist"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_reported(file):
    path = file("a.csv", "a\n1\n")
    path.chmod(0)

    assert "a.csv cannot be read: Permission denied" in read_error(path)


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_a_korean_name_is_found_in_either_form(file, tmp_path, stored, asked):
    file(unicodedata.normalize(stored, "내 자료.csv"), "a\n1\n")

    assert read_raw(tmp_path / unicodedata.normalize(asked, "내 자료.csv")).columns == {"a": ["1"]}


def test_a_link_is_followed(file, tmp_path):
    file("there.csv", "a\n1\n")
    (tmp_path / "link.csv").symlink_to("there.csv")

    assert read_raw(tmp_path / "link.csv").columns == {"a": ["1"]}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_a_long_field_is_read(file, form):
    long = "긴 글 " * 25_000
    text = {"csv": f'text,b\n"{long}",1\n', "tsv": f"text\tb\n{long}\t1\n"}
    text["jsonl"] = f'{{"text": "{long}", "b": "1"}}'

    assert read_raw(file(f"a.{form}", text[form])).columns["text"] == [long]


def test_values_of_json_are_as_a_csv_would_hold_them(file):
    lines = [
        '{"v": 1, "only": "x"}',
        '{"v": 1.0}',
        '{"v": true}',
        '{"v": null}',
        '{"v": NaN}',
        '{"v": ["가", 1]}',
        '{"v": {"a": "나"}}',
        r'{"v": "\ud83d half \u0000"}',
        r'{"v": "\ud83d\ude42 whole\u2028"}',
    ]
    raw = read_raw(file("a.jsonl", "\r\n".join(lines)))

    assert raw.columns["only"] == ["x"] + [None] * 8
    assert raw.columns["v"] == [
        "1",
        "1.0",
        "True",
        None,
        None,
        '["가", 1]',
        '{"a": "나"}',
        "\ufffd half \ufffd",
        "🙂 whole\u2028",
    ]


def test_values_of_parquet_are_as_a_csv_would_hold_them(tmp_path):
    table = pd.DataFrame(
        {
            "whole": [1.0, None, 3.0],
            "number": [1.5, None, 2.0],
            "flag": [True, False, None],
            "day": pd.to_datetime(["2024-01-31 00:00", None, "2024-02-01 12:00"]),
            "kind": pd.Categorical(["a", "b", None]),
            "bytes": ["가".encode(), b"b", None],
            "list": [[1, 2], [], None],
        }
    )
    table.to_parquet(tmp_path / "a.parquet")

    raw = read_raw(tmp_path / "a.parquet")

    assert raw.columns == {
        "whole": ["1", None, "3"],
        "number": ["1.5", None, "2.0"],
        "flag": ["True", "False", None],
        "day": ["2024-01-31 00:00:00", None, "2024-02-01 12:00:00"],
        "kind": ["a", "b", None],
        "bytes": ["가", "b", None],
        "list": ["[1, 2]", "[]", None],
    }
    assert raw.where([0]) == "row 1"


def test_bytes_of_parquet_that_are_not_text_are_reported(tmp_path):
    pd.DataFrame({"a": [b"\xff"]}).to_parquet(tmp_path / "a.parquet")

    assert re.search(
        "column 'a': holds bytes that are not UTF-8", read_error(tmp_path / "a.parquet")
    )


def test_a_parquet_file_without_rows_is_reported(tmp_path):
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "a.parquet")

    assert read_error(tmp_path / "a.parquet") == "a.parquet has a header (a) but no rows: add some"
