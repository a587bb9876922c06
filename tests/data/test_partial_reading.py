"""Files in parts: the same rows, lines and refusals as when they are read whole."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.data import partial_reading
from foldline.data.partial_reading import RawPart, read_parts
from foldline.data.reading import read_raw

WORDS = ["은행 금리", 'a "quoted" word', "two\nlines", "comma, and; more", "tab\tinside", "", "é"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of about 300 bytes, or 7 rows of parquet."""
    monkeypatch.setattr(partial_reading, "PART_BYTES", 300)
    monkeypatch.setattr(partial_reading, "PART_ROWS", 7)
    monkeypatch.setattr(partial_reading, "LONGEST_RECORD", 2400)


def make_table(count: int = 100) -> pd.DataFrame:
    texts = [f"{WORDS[n % len(WORDS)]} {n}" if n % 7 != 5 else "" for n in range(count)]
    return pd.DataFrame({"id": [f"r{n}" for n in range(count)], "text": texts})


def write_table(path: Path, table: pd.DataFrame, encoding: str = "utf-8") -> None:
    name = path.name.removesuffix(".gz")
    if name.endswith("parquet"):
        table.to_parquet(path, compression=None)
        content = path.read_bytes()
    elif name.endswith("jsonl"):
        records = table.to_dict(orient="records")
        content = "\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode(encoding)
    else:
        content = table.to_csv(index=False, sep="\t" if "tsv" in name else ",").encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def check_same(path: Path, encoding: str = "auto", quoting: str = "auto") -> list[RawPart]:
    whole = read_raw(path, encoding, quoting)
    parts = list(read_parts(path, encoding, quoting))
    joined = {
        name: [value for part in parts for value in part.raw.columns[name]]
        for name in whole.columns
    }

    assert joined == whole.columns
    assert [line for part in parts for line in part.raw.lines] == whole.lines
    assert len(parts) > 2
    ends = [part.end for part in parts]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(1.0, abs=0.01)
    return parts


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_parts_are_the_rows_of_the_file(kind, packed, workplace):
    path = Path(f"rows.{kind}{packed}")
    write_table(path, make_table())

    check_same(path)


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-8-sig"])
def test_other_encodings(encoding, workplace):
    table = make_table().assign(text=[f"은행 금리 {n}" for n in range(100)])
    write_table(Path("rows.csv"), table, encoding)

    parts = check_same(Path("rows.csv"))
    assert any("not UTF-8" in note for note in parts[0].raw.notes) == (encoding == "cp949")


def test_the_first_byte_of_another_encoding_comes_late(workplace):
    texts = ["plain"] * 90 + ["은행 금리"] * 10
    write_table(Path("rows.csv"), make_table().assign(text=texts), "cp949")

    check_same(Path("rows.csv"))


@pytest.mark.parametrize(
    ("name", "above", "mark"),
    [
        ("rows.csv", "sep=;\n", ";"),
        ("rows.csv", "", ";"),
        ("rows.csv", "A title\n\n", ","),
        ("rows.txt", "", "\t"),
    ],
)
def test_later_parts_have_the_layout_of_the_first(name, above, mark, workplace):
    lines = ["id,text", *(f"r{n},text {n}" for n in range(100))]
    text = above + "\n".join(lines).replace(",", mark) + "\n"
    Path(name).write_text(text, encoding="utf-8")

    parts = check_same(Path(name))
    notes = [note for part in parts for note in part.raw.notes]
    assert len(notes) == len(set(notes)) == 1


def test_one_json_value_is_read_whole(workplace):
    rows = [{"id": f"r{n}", "text": f"text {n}"} for n in range(100)]
    Path("rows.json").write_text(json.dumps(rows), encoding="utf-8")

    (part,) = read_parts(Path("rows.json"), "auto", "auto")
    assert len(part.raw) == 100


def test_text_that_is_utf8_is_read_as_that(workplace):
    """A recorded encoding is that of the training files; a new file may have another."""
    write_table(Path("rows.csv"), make_table())
    parts = list(read_parts(Path("rows.csv"), "cp949", "auto"))

    assert parts[0].raw.columns["text"][0] == "은행 금리 0"
    assert "is UTF-8, so it was not read as cp949" in parts[0].raw.notes[0]


@pytest.mark.parametrize("quote_row", [3, 95])
def test_quote_marks_of_a_tsv_are_text_in_all_parts(quote_row, workplace):
    """One row shows it, whichever part it is in."""
    lines = [f'r{n}\t"fine" {n}' if n % 2 else f'r{n}\t"all"' for n in range(100)]
    lines[quote_row] = f'r{quote_row}\t"not closed'
    Path("rows.tsv").write_text("\n".join(["id\ttext", *lines]) + "\n", encoding="utf-8")

    parts = check_same(Path("rows.tsv"))
    assert parts[0].raw.columns["text"][0] == '"all"'


def test_fields_with_carriage_returns(workplace):
    text = "id,text\r\n" + "".join(f'r{n},"a\rb{n}"\r\n' for n in range(100))
    Path("rows.csv").write_text(text, encoding="utf-8", newline="")

    check_same(Path("rows.csv"))


def test_a_fault_in_a_later_part_names_its_line(workplace):
    lines = [f"r{n},text {n}" for n in range(100)]
    lines[90] = "r90,one,too many"
    Path("rows.csv").write_text("\n".join(["id,text", *lines]) + "\n", encoding="utf-8")

    with pytest.raises(FoldlineError, match="3 fields where the header has 2") as caught:
        list(read_parts(Path("rows.csv"), "auto", "auto"))
    line, shift = (
        int(str(caught.value).split(mark)[1].split(stop)[0].replace(",", ""))
        for mark, stop in (("line ", ":"), ("add ", " to"))
    )
    assert line + shift == 92


def test_a_quote_mark_that_is_never_closed_takes_no_more_memory(workplace):
    text = (
        "id,text\n" + "".join(f"r{n},text {n}\n" for n in range(60)) + 'r60,"open\n' + "x\n" * 9000
    )
    Path("rows.csv").write_text(text, encoding="utf-8")

    with pytest.raises(FoldlineError, match="is a closing quote mark missing"):
        list(read_parts(Path("rows.csv"), "auto", "auto"))


@pytest.mark.parametrize("layout", ["list", "object", "one line"])
def test_json_that_cannot_be_cut_is_read_whole(layout, workplace):
    rows = [{"id": f"r{n}", "text": f"text {n}"} for n in range(100)]
    content = {"data": rows} if layout == "object" else rows
    text = json.dumps(content, indent=None if layout == "one line" else 1)
    Path("rows.json").write_text(text, encoding="utf-8")

    (part,) = read_parts(Path("rows.json"), "auto", "auto")
    assert part.raw.columns["text"] == [row["text"] for row in rows]


@pytest.mark.parametrize("last", [{"text": "a", "marks": [{"x": 1}, {"x": 2}]}, {"text": ["a"]}])
def test_one_object_in_the_last_part_is_one_row(last, workplace):
    """Alone in a file it would be rows of its own."""
    rows = [{"id": f"r{n}", "text": f"text {n}"} for n in range(100)]
    for count in range(90, 100):  # some leave one row to the last part
        lines = [json.dumps(row) for row in [*rows[:count], last]]
        Path("rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
        parts = list(read_parts(Path("rows.jsonl"), "auto", "auto"))
        assert sum(len(part.raw) for part in parts) == count + 1


@pytest.mark.parametrize(
    "above", ["sep=;\n", "A title\n\n", "\n", ""], ids=["sep", "title", "blank", "none"]
)
def test_semicolons_and_lines_above_the_header(above, workplace):
    rows = [f'r{n};"two;\nlines {n}"' for n in range(100)]
    text = above + "\n".join(["id;text", *rows]) + "\n"
    Path("rows.csv").write_text(text, encoding="utf-8")

    check_same(Path("rows.csv"))


def test_a_line_that_is_too_long(workplace):
    lines = [f"r{n},text {n}" for n in range(60)] + ["r60," + "x" * 3000]
    Path("rows.csv").write_text("\n".join(["id,text", *lines]), encoding="utf-8")

    with pytest.raises(FoldlineError, match="has a line of more than"):
        list(read_parts(Path("rows.csv"), "auto", "auto"))


def test_only_wanted_columns_of_parquet_are_read(workplace):
    make_table().assign(other="x").to_parquet("rows.parquet")

    parts = list(read_parts(Path("rows.parquet"), "auto", "auto", ["id", "text"]))
    assert list(parts[0].raw.columns) == ["id", "text"]
    lacking = next(read_parts(Path("rows.parquet"), "auto", "auto", ["id", "body"]))
    assert list(lacking.raw.columns) == ["id", "text", "other"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "is empty"),
        ("rows.csv", b"id,text\n", "no rows"),
        ("rows.parquet", b"nonsense", "cannot be read as a parquet file"),
        ("rows.csv.gz", b"nonsense", "not a complete gzip file"),
    ],
)
def test_files_without_rows_are_refused_as_ever(name, content, message, workplace):
    Path(name).write_bytes(content)

    with pytest.raises(FoldlineError, match=message):
        list(read_parts(Path(name), "auto", "auto"))


def test_a_closed_quote_mark_mends_a_record_that_is_too_long(tmp_path):
    rows = [f"{n},a text of some length {n}\n" for n in range(60)]
    path = tmp_path / "a.csv"
    path.write_text("".join(["id,text\n", *rows, '60,"open\n', *rows * 3]), encoding="utf-8")
    with pytest.raises(FoldlineError, match="is a closing quote mark missing"):
        list(read_parts(path, "auto", "auto"))

    path.write_text("".join(["id,text\n", *rows, '60,"open"\n', *rows * 3]), encoding="utf-8")
    check_same(path)


def test_a_file_of_two_encodings_is_read_once_it_is_saved_as_utf_8(tmp_path):
    path, text = (
        tmp_path / "a.csv",
        "id,text\n" + "".join(f"{n},한국어 문장 {n}\n" for n in range(60)),
    )
    path.write_bytes(text.encode("cp949") + b"60,\xff\xff\n")
    with pytest.raises(FoldlineError, match="Save the file as UTF-8"):
        list(read_parts(path, "cp949", "auto"))

    path.write_text(f"{text}60,ÿÿ\n", encoding="utf-8")
    check_same(path)
