"""The bytes of a raw file, decompressed and decoded to text."""

import gzip
import io
import zlib
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.data import encoding_guess

MAX_UNPACKED = 2 * 1024**3  # bytes of a .gz file
ISO_2022 = b"\x1b$"  # its bytes are ASCII, so it also reads as UTF-8
_CHUNK = 1 << 24
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
        FoldlineError: where it is larger than MAX_UNPACKED.
    """
    parts, size = [], 0
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while part := file.read(_CHUNK):
            size += len(part)
            if size > MAX_UNPACKED:
                raise FoldlineError(
                    f"{path} ({len(content):,} bytes) unpacks to more than "
                    f"{MAX_UNPACKED / 1024**3:g} GB, and files of that size are not unpacked in "
                    f"memory. If it is what you expect, run gunzip {path} and name the unpacked "
                    "file; there is no limit for that"
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
    return text.removeprefix("\ufeff"), note


def find_encoding(path: Path, content: bytes) -> tuple[str, str | None]:
    """Return the encoding of content that is not UTF-8, and a note if it was guessed.

    Raises:
        FoldlineError: naming the line where no encoding is certain.
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
    lines = (
        content.replace(b"\r", b"\n").split(b"\n")
        if b"\n" not in content
        else (content.split(b"\n"))
    )
    beyond = [(number, line) for number, line in enumerate(lines, 1) if not line.isascii()]
    other = [(number, line) for number, line in beyond if _decode_utf8(line) is None]
    number, first = other[0]
    readings = encoding_guess.rank_encodings([line for _, line in other])
    name = encoding_guess.certain_encoding(readings)
    shown = first.lstrip(b"\xef\xbb\xbf")[:60]
    byte = next(value for value in first if value > 127)
    if len(other) < len(beyond) and _has_utf8_words([line for _, line in beyond], other):
        like = f", it looks like {name}" if name else ""
        raise FoldlineError(
            f"{path}, line {number}: {len(other)} of {len(beyond)} lines beyond ASCII are not "
            f"UTF-8 like the others ({shown!r}{like}); two files put together, or damaged? Save "
            "each file as UTF-8 before you join them, or correct the lines"
        )
    if name:
        return name
    likely = [reading for reading in readings if reading.score > 0.3][:3]
    looks = "; ".join(
        f"as {r.encoding} it reads {first.decode(r.encoding, 'replace')[:30]!r}" for r in likely
    )
    raise FoldlineError(
        f"{path}, line {number}: byte 0x{byte:02x} is not UTF-8, and no other encoding is certain"
        f"{': ' + looks if looks else f' ({shown!r})'}. Set data.encoding in params.yaml to the "
        "file's own (such as cp949, gb18030, shift_jis, cp1252, utf-16), or save it as UTF-8"
    )


def _has_utf8_words(lines: list[bytes], other: list[tuple[int, bytes]]) -> bool:
    """Return whether lines are UTF-8 by more than chance: with characters of three bytes."""
    wrong = {line for _, line in other}
    valid = [line.decode("utf-8") for line in lines if line not in wrong]
    longer = any(character > "\u07ff" for line in valid for character in line)
    return longer or len(valid) > len(lines) // 2


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
