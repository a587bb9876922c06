"""Files that are not UTF-8: read where the text then looks like a language, else refused."""

import pytest

from foldline.core.errors import FoldlineError
from foldline.data import decoding
from foldline.data.reading import read_raw

TEXTS = {
    "Korean": ["영화가 정말 재미있다", "배우 연기가 별로였다 ㅠㅠ"],
    "Korean words": ["Galaxy S9 케이스", "배송 빠름, good"],
    "Korean labels": ["good, 좋음", "bad, 나쁨"],
    "Korean news": ["與 대표가 국회에서 野 의원과 만났다", "美 연준 금리 동결… 韓 증시 상승"],
    "English": ["It’s the cook", "We’re sure – ok"],
    "French": ["Le café est très bon", "Déçu par le dîner"],
    "German": ["Größe paßt", "Schöne Grüße"],
    "Spanish": ["El niño comió", "¿Qué tal? ¡Bien!"],
    "Chinese": ["这部电影很好看", "演员的表演不错"],
    "Taiwanese": ["這部電影很好看", "演員的表演不錯"],
    "Japanese": ["この映画は面白い", "俳優の演技が悪い"],
    "Russian": ["Очень хороший фильм", "Плохая игра актёров"],
    "Polish": ["Świetny film", "Aktorzy grają źle"],
}
ENCODINGS = [
    ("Korean", "cp949"),
    ("Korean words", "cp949"),
    ("Korean labels", "cp949"),
    ("Korean news", "cp949"),
    ("English", "cp1252"),
    ("English", "mac_roman"),
    ("French", "cp1252"),
    ("French", "cp850"),
    ("German", "cp1252"),
    ("Spanish", "cp1252"),
    ("Chinese", "gb18030"),
    ("Taiwanese", "big5"),
    ("Japanese", "shift_jis"),
    ("Japanese", "euc_jp"),
    ("Japanese", "iso2022_jp_2"),
    ("Russian", "cp1251"),
    ("Russian", "koi8_r"),
    ("Polish", "cp1250"),
    ("Korean", "utf-16-le"),
    ("English", "utf-16-be"),
]


def content(language: str, rows: int = 2) -> str:
    texts = TEXTS[language]
    return "id,text\n" + "".join(f'{n},"{texts[n % 2]}"\n' for n in range(rows))


@pytest.fixture
def file(tmp_path):
    def make(written: bytes, name: str = "a.csv"):
        (tmp_path / name).write_bytes(written)
        return tmp_path / name

    return make


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
@pytest.mark.parametrize("rows", [2, 40])
def test_an_encoding_is_recognised_and_noted(file, language, encoding, rows):
    raw = read_raw(file(content(language, rows).encode(encoding)))

    assert raw.columns["text"][:2] == TEXTS[language]
    (note,) = raw.notes
    assert f"was read as {encoding}; if the texts look wrong, set data.encoding" in note


def test_an_encoding_that_is_not_certain_is_refused_with_the_line_and_how_it_reads(file):
    path = file("id,text\n1,plain\n2,뷁 쀍 햏햏\n".encode("cp949"))

    with pytest.raises(FoldlineError, match=r"line 3: byte 0x94 is not UTF-8.*data\.encoding"):
        read_raw(path)
    assert read_raw(path, "cp949").columns["text"][1] == "뷁 쀍 햏햏"


@pytest.mark.parametrize(
    ("first", "second", "language", "line"),
    [
        ("utf-8", "cp949", "Korean", 42),
        ("cp949", "utf-8", "Korean", 2),
        ("utf-8", "cp1252", "French", 42),
        ("utf-8", "gb18030", "Chinese", 42),
    ],
)
def test_two_encodings_in_one_file_are_refused_with_the_line(file, first, second, language, line):
    text = content(language, 40)
    rows = text.removeprefix("id,text\n")

    with pytest.raises(FoldlineError, match=f"line {line}: .*two files put together"):
        read_raw(file(text.encode(first) + rows.encode(second)))


def test_a_damaged_line_among_utf8_is_refused(file):
    with pytest.raises(FoldlineError, match="line 42: 1 of 41 lines beyond ASCII"):
        read_raw(file(content("Korean", 40).encode() + b"9,broken \xe9\n"))


def test_texts_that_were_encoded_twice_are_noted(file):
    text = content("French", 10)

    (note,) = read_raw(file(text.encode().decode("cp1252").encode())).notes

    assert "seem to be UTF-8 that was read as Windows-1252" in note
    assert "Le café est très bon" in note
    assert read_raw(file(text.encode())).notes == []


def test_a_jsonl_file_in_another_encoding_is_read(file):
    lines = "".join(f'{{"text": "{text}"}}\n' for text in TEXTS["Korean"])

    raw = read_raw(file(lines.encode("cp949"), "a.jsonl"))

    assert raw.columns["text"] == TEXTS["Korean"]


def test_a_gzip_bomb_is_refused_before_it_fills_memory(file, monkeypatch):
    import gzip

    monkeypatch.setattr(decoding, "_SMALL", 1_000_000)
    path = file(gzip.compress(b"0" * 3_000_000), "a.csv.gz")

    with pytest.raises(FoldlineError, match=r"unpacks to more than 1,000,000 bytes.*run gunzip"):
        read_raw(path)
    with gzip.open(path) as packed:  # as the message says
        unpacked = file(b"text\n" + packed.read())
    assert len(read_raw(unpacked)) == 1
