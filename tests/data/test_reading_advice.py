"""Advice on files that cannot be read as they are is tried by following it."""

import gzip
import io
import json
import zipfile

import pandas as pd
import pytest

from tests.data.test_advice import PLAIN, name, table
from tests.helpers.advised_projects import Files, case, follow
from tests.helpers.raw_files import csv_lines, csv_text

pytestmark = pytest.mark.usefixtures("workplace")

KOREAN = table(text=lambda n: f"한국어 문장 {n}")
CP949 = KOREAN.encode("cp949")
UNQUOTED = csv_text(csv_lines(20))
ROWS = [{"id": f"r{n}", "text": f"text {n}", "label": "ab"[n % 2]} for n in range(20)]
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)
LIST = json.dumps(ROWS)


def one(content: str | bytes, suffix: str = "csv") -> Files:
    return {f"train.{suffix}": content}


def renamed(content: str | bytes, suffix: str, old: str = "csv") -> Files:
    return {f"train.{old}": None, f"train.{suffix}": content}


def lines(header: str, row: str) -> str:
    """Return 20 lines with their numbers `n` and classes `c` below a header."""
    return "\n".join([header, *(row.format(n=n, c="ab"[n % 2]) for n in range(20)), ""])


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("train.csv", PLAIN)
    return buffer.getvalue()


TABS = lines("id\ttext\tlabel", "{n}\tword {n}\t{c}")
FRAME = pd.DataFrame(ROWS)
GZ = gzip.compress(PLAIN.encode())
MIXED = KOREAN.encode() + "u1,다른 문장,a\nu2,또 다른,b\n".encode("cp949")
LATIN = table(text=lambda n: f"café {n}").encode("latin-1")
SHORT = lines("id,text,label", "r{n},\xff{n},{c}")
UTF16 = PLAIN.encode("utf-16-le")

FORMATS = [
    case(one(GZ), "add .gz to its name", edits=renamed(GZ, "csv.gz")),
    case(
        one(PLAIN, "csv.gz"),
        "rename it if it is not compressed",
        edits=renamed(PLAIN, "csv", "csv.gz"),
    ),
    case(one(GZ[:-9], "csv.gz"), "copy it again", edits=one(GZ, "csv.gz")),
    case(one(zipped()), "unpack it", edits=one(PLAIN)),
    case(one(zipped(), "zip"), "Unpack it", edits=renamed(PLAIN, "csv", "zip")),
    case(one(zipped(), "xlsx"), "save it as 'CSV UTF-8'", edits=renamed(PLAIN, "csv", "xlsx")),
    case(one(b"\xd0\xcf\x11\xe0 excel"), "export it as csv (UTF-8)", edits=one(PLAIN)),
    case(one(parquet(FRAME)), "rename it", edits=renamed(parquet(FRAME), "parquet")),
    case(
        one(PLAIN, "dat"),
        "rename it if it has another format than its name",
        edits=renamed(PLAIN, "csv", "dat"),
    ),
    case(one(LINES), "rename it to end in .jsonl", edits=renamed(LINES, "jsonl")),
    case(one(LIST), "rename it to end in .json", edits=renamed(LIST, "json")),
    case(
        one(parquet(FRAME)[:-9], "parquet"),
        "copy or export it again",
        edits=one(parquet(FRAME), "parquet"),
    ),
    case(
        one(parquet(FRAME.assign(other=b"\xff")), "parquet"),
        "remove the column",
        edits=one(parquet(FRAME), "parquet"),
    ),
    case(one(""), "add rows", edits=one(PLAIN)),
    case(one("\n\n"), "add a header and rows", edits=one(PLAIN)),
    case(one("id,text,label\n"), "no rows: add some", edits=one(PLAIN)),
    case(one(PLAIN.replace("text", "id", 1)), "Rename or remove one of them", edits=one(PLAIN)),
]

ENCODINGS = [
    case(
        one(CP949), "if the texts look wrong, set data.encoding", values={"data.encoding": "cp949"}
    ),
    case(
        one(CP949),
        "Set data.encoding to the file's own",
        {"data.encoding": "utf-8"},
        {"data.encoding": "cp949"},
    ),
    case(one(CP949), "or save it as UTF-8", {"data.encoding": "utf-8"}, edits=one(KOREAN)),
    case(
        one(SHORT.encode("latin-1")),
        "Set data.encoding in params.yaml",
        values={"data.encoding": "latin-1"},
    ),
    case(one(SHORT.encode("latin-1")), "or save it as UTF-8", edits=one(SHORT)),
    case(
        one(MIXED),
        "Save each file as UTF-8 before you join them",
        edits=one(KOREAN + "u1,다른 문장,a\nu2,또 다른,b\n"),
    ),
    case(
        one(UTF16),
        "set data.encoding if it is UTF-16 or UTF-32",
        {"data.encoding": "utf-8"},
        {"data.encoding": "utf-16-le"},
    ),
    case(one(PLAIN.replace("number 3", "\0")), "export it again", edits=one(PLAIN)),
    case(
        one(table(text=lambda n: f"naïve café {n}").encode().decode("cp1252")),
        "export the file again",
        edits=one(table(text=lambda n: f"naïve café {n}")),
    ),
]

QUOTES = [
    case(
        one(UNQUOTED + '30,"open,a\n31,more,b\n'),
        'double it ("")',
        {"data.quoting": "standard"},
        edits=one(UNQUOTED + '30,"""open",a\n31,more,b\n'),
    ),
    case(
        one(UNQUOTED + '30,"open,a\n31,more,b\n'),
        "set data.quoting=none if quote marks are text",
        {"data.quoting": "standard"},
    ),
    case(
        one(UNQUOTED + '30,"a, \\"b\\"",a\n'), "set data.quoting=auto", {"data.quoting": "standard"}
    ),
    case(
        one(UNQUOTED + '30,"a, b",a\n'),
        "set data.quoting=auto if quote marks enclose fields",
        {"data.quoting": "none"},
    ),
    case(
        one(UNQUOTED + '30,"a, b",a\n'),
        "Remove the separator from texts",
        {"data.quoting": "none"},
        edits=one(UNQUOTED + '30,"a b",a\n'),
    ),
    case(
        one(TABS + '40\t"one\ttwo"\tb\n41\t"\tb\n', "tsv"),
        "set data.quoting=standard if quote marks enclose fields",
        edits=one(TABS + '40\t"one\ttwo"\tb\n', "tsv"),
    ),
    case(
        one(UNQUOTED + '30,"open,a\n31,more,b\n32,end",b\n'),
        "is a closing quote mark missing?",
        edits=one(UNQUOTED + '30,"open",a\n31,more,b\n32,"end",b\n'),
    ),
]

LAYOUTS = [
    case(
        one(UNQUOTED + "30,a, b,a\n"),
        'Quote texts that contain the separator ("a, b")',
        edits=one(UNQUOTED + '30,"a, b",a\n'),
    ),
    case(
        one(UNQUOTED + "30,a\n"),
        "Add the missing fields, even empty ones",
        edits=one(UNQUOTED + "30,a,b\n"),
    ),
    case(
        one(UNQUOTED.rstrip("\n") + UNQUOTED),
        "Add a line break",
        edits=one(UNQUOTED + UNQUOTED),
        settings={"data.id": None},
    ),
    case(
        one(lines("text,label", "{n},text {n},{c}")),
        "Name the first column in the header",
        {"data.id": None},
        edits=one(lines("row,text,label", "{n},text {n},{c}")),
    ),
    case(
        one(UNQUOTED + "label,id,text\nb,40,other\n"),
        "bring the columns into one order",
        edits=one(UNQUOTED + "40,other,b\n"),
    ),
    case(
        one(UNQUOTED + "label,id,text\nb,40,other\n"),
        "Keep each in a file of its own",
        edits=one(UNQUOTED) | {"more.csv": "label,id,text\nb,40,other\n"},
    ),
    case(
        one(lines("id,text,label,", "{n},text {n},{c},{n}")),
        "Name each column",
        edits=one(lines("id,text,label,n", "{n},text {n},{c},{n}")),
    ),
    case(
        one(f"Date,2024,\n{UNQUOTED}"),
        "If line 2 is the header, remove the lines above it",
        edits=one(UNQUOTED),
    ),
    case(
        one(lines("text", "good, day {n}")),
        "Quote texts that contain the separator",
        {"data.id": None},
        edits=one(lines("text,label", '"good, day {n}",{c}')),
    ),
    case(
        one("Reviews\n" + lines("text,label", "text {n},{c}")),
        "if the header is line 2, remove what stands above it",
        {"data.id": None},
        edits=one(lines("text,label", "text {n},{c}")),
    ),
]

JSON = [
    case(
        one(LINES + '{"id": "x" "text"}\n', "jsonl"),
        "Correct the line",
        edits=one(LINES + '{"id": "x", "text": "more", "label": "a"}\n', "jsonl"),
    ),
    case(
        one(LINES + '["x", "more", "a"]\n', "jsonl"),
        'must be an object, like {"text"',
        edits=one(LINES + '{"id": "x", "text": "more", "label": "a"}\n', "jsonl"),
    ),
    case(
        one(LIST[:-1] + ', {"id" 1}]', "json"),
        "Correct the line, or export the file again",
        edits=one(LIST, "json"),
    ),
    case(one(LIST[:-1] + ' {"id": 1}]', "json"), "Export the file again", edits=one(LIST, "json")),
    case(one(LIST + LIST, "json"), "Keep one list", edits=one(LIST, "json")),
    case(
        one(json.dumps({"one": ROWS, "two": ROWS}), "json"),
        "Save the one that you need as a file of its own",
        edits=one(LIST, "json"),
    ),
    case(
        one(json.dumps({"id": ["a", "b"], "text": ["x"]}), "json"),
        "Export it again",
        edits=one(json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}), "json"),
    ),
    case(
        one(json.dumps({"version": 1, "items": [1, 2]}), "json"),
        "write one object a line",
        edits=one(LINES, "json"),
    ),
]


@pytest.mark.parametrize("own", [*FORMATS, *ENCODINGS, *QUOTES, *LAYOUTS, *JSON], ids=name)
def test_advice_on_files(own):
    assert len(follow(own).dataset.rows) >= 20
