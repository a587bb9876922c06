"""Tables as spreadsheets and databases write them: read and noted, or refused with the line."""

from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.data.reading import read_raw

PLAIN = "id,text,label\n1,good day,a\n2,no,b\n"
COLUMNS = {"id": ["1", "2"], "text": ["good day", "no"], "label": ["a", "b"]}


@pytest.fixture
def file(tmp_path):
    def make(content: str, name: str = "a.csv") -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("id,text,label,,\n1,good day,a,,\n2,no,b,,\n", "2 columns without a name"),
        ("id,text,label,,\n1,good day,a\n2,no,b,,\n", "2 columns without a name"),
        (",id,,text,label\n,1,,good day,a\n,2,,no,b\n", "2 columns without a name"),
        ("id,text,label\n1,good day,a,\n2,no,b,\n", "1 column without a name"),
        ("sep=;\nid;text;label\n1;good day;a\n2;no;b\n", "names semicolons between fields"),
        ('"sep=\t"\r\nid\ttext\tlabel\r\n1\tgood day\ta\r\n2\tno\tb\r\n', "names tabs"),
        (PLAIN.replace(",", ";"), "a.csv was read with semicolons between fields"),
        (PLAIN.replace(",", "\t"), "a.csv was read with tabs between fields"),
        (PLAIN.replace(",", "|"), "a.csv was read with bars between fields"),
        (f"Comments 2024,,\n{PLAIN}", "the header is line 2; what stands above it is left out"),
        (f"Report\n\nof Kim\n{PLAIN}", "the header is line 4; .*(Report, of Kim)"),
        (f"# written by a tool, v2\n{PLAIN}", "the header is line 2"),
        (f"제목;;\n{PLAIN.replace(',', ';')}", "the header is line 2"),
        (PLAIN + "id,text,label\n", "line 4: the header again; two files put together?"),
        (PLAIN + "\ufeffid,text,label\nID,Text,LABEL\n", "lines 4, 5: the header again"),
        (PLAIN + ",,\n  , ,\n,,,,\n", "lines 4, 5, 6: 3 rows without any value are left out"),
        (PLAIN.replace("\n1", "\n,,\n1"), "line 2: 1 rows without any value"),
    ],
)
def test_what_a_spreadsheet_adds_is_left_out_and_noted(file, content, note):
    raw = read_raw(file(content))

    assert raw.columns == COLUMNS
    assert any(part in "\n".join(raw.notes) for part in note.split(".*"))


@pytest.mark.parametrize(("mark", "word"), [("\t", "tabs"), (",", "commas"), (";", "semicolons")])
def test_a_txt_file_is_read_by_its_separator(file, mark, word):
    raw = read_raw(file(PLAIN.replace(",", mark), "a.txt"))

    assert raw.columns == COLUMNS
    assert raw.notes == [f"{raw.path} was read with {word} between fields"]


def test_commas_in_texts_do_not_hide_semicolons(file):
    text = "id;text;label\n1;one, two;a\n2;three, four;b\n"

    assert read_raw(file(text)).columns["text"] == ["one, two", "three, four"]
    message = error(file(text + "3;five;six;a\n"))
    assert "line 4: 4 fields where the header has 3 (id, text, label)" in message


def test_commas_in_the_texts_of_one_column_make_no_title(file):
    assert "lines 2, 3: 2 fields where the header has 1 (text)" in error(
        file("text\ngood, day\nno, thanks\n")
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (r'1,"It said \"so\", twice."', 'It said "so", twice.'),
        (r'1,"ends \""', 'ends "'),
        (r'1,"both \"a\" and ""b"""', 'both "a" and "b"'),
        (r'1,"C:\new \"x\" dir"', r"C:\new " + '"x" dir'),
        ('1,"two\nlines \\"x\\""', 'two\nlines "x"'),
        (r'1,"C:\dir\"', "C:\\dir\\"),  # a backslash alone, as RFC 4180 has it
    ],
)
def test_quote_marks_escaped_by_a_backslash(file, content, text):
    assert read_raw(file(f'id,text\n{content}\n2,"a, b"\n')).columns["text"] == [text, "a, b"]


@pytest.mark.parametrize("quoting", ["none", "standard"])
def test_the_advice_on_escaped_quote_marks_works(file, quoting):
    path = file('id,text\n1,"say \\"hi\\", now"\n')

    assert "set data.quoting=auto" in error(path, quoting=quoting)
    assert read_raw(path, quoting="auto").columns["text"] == ['say "hi", now']


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            PLAIN + "label,id,text\nb,4,q\n",
            "line 4: another header (label, id, text) than above (id, text, label)",
        ),
        ("a.csv", PLAIN.rstrip("\n") + PLAIN, "line 3: 5 fields.*The header follows in the same"),
        ("a.csv", "id,text,label,\n1,a,b,\n2,c,d,x\n", "column 4 of the header has no name"),
        ("a.csv", f"Date,2024,\n{PLAIN}", "If line 2 is the header, remove the lines above it"),
        (
            "a.csv",
            "text,label\n1,hello,a\n2,no,b\n",
            "Name the first column in the header (R and pandas",
        ),
        ("a.csv", "<!DOCTYPE html>\n<html>", "a.csv is a web page"),
        ("a.csv", '{"text": "a"}\n', "a.csv is JSON: rename it to end in .jsonl"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"),
        ("a.zip", "PK", "Unpack it"),
        ("a.ods", "PK", "save it as 'CSV UTF-8'"),
    ],
)
def test_what_is_not_plain_is_refused(file, name, content, message):
    found = error(file(content, name))

    for part in message.split(".*"):
        assert part in found


def test_a_file_with_many_columns_is_read_in_linear_time(file):
    names = [f"c{n}" for n in range(20_000)]

    raw = read_raw(file(f"{','.join(names)}\n{'1,' * 19_999}x\n"))

    assert list(raw.columns) == names


def error(path: Path, **options: str) -> str:
    with pytest.raises(FoldlineError) as caught:
        read_raw(path, **options)
    return str(caught.value)
