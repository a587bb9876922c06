"""The bytes of a raw file, decompressed and decoded to text."""

import gzip
import io
import zlib
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.data import encoding_guess

MAX_UNPACKED = 2 * 1024**3  # bytes of a .gz file
ISO_2022 = b"\x1b$"  # its bytes are ASCII, so it also reads as UTF-8
_MAX_RATIO, _SMALL = 200, 128 * 1024**2  # texts are not packed so tightly, or are small
_CHUNK = 1 << 24
_SAMPLE = 200_000  # characters
_UTF8_SHARE = 0.2  # of the lines beyond ASCII, for a file of two encodings
_BOMS = {
    b"\xff\xfe\0\0": "utf-32",  # before UTF-16, whose mark it begins with
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_BINARY = {
    b"\x1f\x8b": "a gzip file: add .gz to its name",
    b"PK\x03\x04": "a zip file (Excel's .xlsx is one): unpack it, or export it as csv (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an old Excel file: export it as csv (UTF-8)",
    b"PAR1": "a parquet file: rename it",
}


def read_bytes(path: Path) -> bytes:
    """Read a file, decompressed where its name ends with .gz.

    Raises:
        FoldlineError: where it cannot be opened or decompressed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FoldlineError(
            f"{path} cannot be read: {error.strerror}. Check the file and its permissions"
        ) from error
    if path.suffix.lower() != ".gz":
        return content
    try:
        return _unpack(path, content)
    except (OSError, EOFError, zlib.error) as error:
        raise FoldlineError(
            f"{path} is not a complete gzip file ({error}): copy it again, or rename it if it is "
            "not compressed"
        ) from error


def _unpack(path: Path, content: bytes) -> bytes:
    """Return the content of a gzip file.

    Raises:
        FoldlineError: where it is larger than MAX_UNPACKED, or than 200 times the packed size.
    """
    most = min(MAX_UNPACKED, max(_SMALL, _MAX_RATIO * len(content)))
    parts, size = [], 0
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while part := file.read(_CHUNK):
            size += len(part)
            if size > most:
                raise FoldlineError(
                    f"{path} ({len(content):,} bytes) unpacks to more than {most:,} bytes, which "
                    f"is not done in memory. If it is what you expect, run gunzip {path} and name "
                    "the unpacked file in params.yaml: it may have any size"
                )
            parts.append(part)
    return b"".join(parts)


def decode(path: Path, content: bytes, encoding: str) -> tuple[str, str | None]:
    """Return the text without a byte order mark, and a note on a guessed encoding.

    `auto` is UTF-8, or another encoding in which the text looks like a language.

    Raises:
        FoldlineError: naming the line of the first byte that cannot be decoded.
    """
    for start, kind in _BINARY.items():
        if content.startswith(start):
            raise FoldlineError(f"{path} is {kind}")
    text, note = _decode_utf8(content) if encoding == "auto" else None, None
    if text is None:
        name, note = (encoding, None) if encoding != "auto" else find_encoding(path, content)
        try:
            text = content.decode(name)
        except UnicodeError as error:
            raise FoldlineError(_undecodable_message(path, content, name, error)) from error
    _check_nul(path, text)
    return text.removeprefix("\ufeff"), note or _double_encoding_note(path, text)


def _double_encoding_note(path: Path, text: str) -> str | None:
    """Return a note where most characters beyond ASCII are UTF-8 that was read as Windows-1252."""
    start = text[:_SAMPLE]
    if start.isascii():
        return None
    lines = [line for line in start.split("\n") if not line.isascii()]
    found = [line for line in lines if _undo_encoding(line) is not None]
    if len(found) <= len(lines) // 2:
        return None
    return (
        f"{path}: texts such as {found[0].strip()[:40]!r} seem to be UTF-8 that was read as "
        f"Windows-1252 and saved again ({(_undo_encoding(found[0]) or '').strip()[:40]!r}); "
        "export the file again"
    )


def _undo_encoding(line: str) -> str | None:
    try:
        return line.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None


def find_encoding(path: Path, content: bytes) -> tuple[str, str | None]:
    """Return the encoding of a content that is not UTF-8, or has a mark; a note on a guess.

    Raises:
        FoldlineError: naming the first line in no certain encoding.
    """
    marked = next((name for mark, name in _BOMS.items() if content.startswith(mark)), None)
    if marked:
        return marked, None
    if b"\0" in content:
        name = encoding_guess.find_utf16(content) or "utf-8"
    elif ISO_2022 in content:
        name = "iso2022_jp_2"
    else:
        name = _guess_encoding(path, content)
    if name == "utf-8":
        return name, None
    note = f"{path} is not UTF-8 and was read as {name}; if the texts look wrong, set data.encoding"
    return name, note


def _decode_utf8(content: bytes) -> str | None:
    """Return a text in UTF-8 without bytes that suggest another encoding, else None."""
    if b"\0" in content or ISO_2022 in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _guess_encoding(path: Path, content: bytes) -> str:
    """Return the encoding of a file that is not UTF-8.

    Raises:
        FoldlineError: naming the first such line, where no encoding is certain.
    """
    lines = list(enumerate(content.split(b"\n" if b"\n" in content else b"\r"), 1))
    beyond = [(number, line) for number, line in lines if not line.isascii()]
    other = [(number, line) for number, line in beyond if _decode_utf8(line) is None]
    readings = encoding_guess.rank_encodings([line for _, line in other])
    name = encoding_guess.certain_encoding(readings)
    number, line = other[0]
    if _has_utf8_lines(beyond, len(other)):
        like = f", it looks like {name}" if name and len(other) > 1 else ""
        raise FoldlineError(
            f"{path}, line {number}: {len(other)} of {len(beyond)} lines beyond ASCII are not "
            f"UTF-8 like the others ({line[:60]!r}{like}); two files put together, or damaged? "
            "Save each file as UTF-8 before you join them, or correct the lines"
        )
    if name:
        return name
    raise FoldlineError(
        f"{path}, {_describe_readings(readings, other)}. Set data.encoding in params.yaml to the "
        "file's own (such as cp949, gb18030, shift_jis, cp1252, utf-16), or save it as UTF-8"
    )


def _has_utf8_lines(beyond: list[tuple[int, bytes]], others: int) -> bool:
    """Return whether some lines are UTF-8 by more than chance."""
    valid = [text for _, line in beyond if (text := _decode_utf8(line)) is not None]
    has_longer = any(character > "\u07ff" for text in valid for character in text)  # three bytes
    return has_longer or len(valid) >= _UTF8_SHARE * (len(valid) + others)


def _describe_readings(
    readings: list[encoding_guess.Reading], lines: list[tuple[int, bytes]]
) -> str:
    """Return how the first line that candidates read differently looks in each."""
    likely = [reading.encoding for reading in readings if reading.score > 0.3][:3]
    forms = [[line.decode(name, "replace") for name in likely] for _, line in lines]
    at = next((n for n, form in enumerate(forms) if len(set(form[:2])) > 1), 0)
    number, line = lines[at]
    byte = next(value for value in line if value > 127)
    looks = [
        f"as {name} it reads {form[:40]!r}" for name, form in zip(likely, forms[at], strict=True)
    ]
    shown = "; ".join(looks) or f"{line[:60]!r}"
    return (
        f"line {number}: byte 0x{byte:02x} is not UTF-8, and no other encoding is certain: {shown}"
    )


def _check_nul(path: Path, text: str) -> None:
    if "\0" not in text:
        return
    line = text.count("\n", 0, text.index("\0")) + 1
    raise FoldlineError(
        f"{path}, line {line}: a NUL byte. The file is damaged or not text; export it again, or "
        "set data.encoding if it is UTF-16 or UTF-32"
    )


def _undecodable_message(path: Path, content: bytes, name: str, error: UnicodeError) -> str:
    where, problem = f"{path}", f"its content ({error})"  # some codecs report no position
    if isinstance(error, UnicodeDecodeError):
        where = f"{path}, line {content[: error.start].count(10) + 1}"
        problem = f"byte 0x{content[error.start]:02x}"
    return (
        f"{where}: {problem} is not {name}. Set data.encoding to the file's own (such as utf-8, "
        "cp949, utf-16, latin-1), or save it as UTF-8"
    )
