"""The bytes of a raw file, decompressed and decoded to text."""

import gzip
import zlib
from pathlib import Path

from foldline.core.errors import FoldlineError

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
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise FoldlineError(
            f"{path} is not a complete gzip file ({error}): copy it again, or rename it if it is "
            "not compressed"
        ) from error


def decode(path: Path, content: bytes, encoding: str) -> tuple[str, str]:
    """Return the text without a byte order mark, and its encoding; `auto`: UTF-8, then cp949.

    Raises:
        FoldlineError: naming the line of the first byte that cannot be decoded.
    """
    for start, kind in _BINARY.items():
        if content.startswith(start):
            raise FoldlineError(f"{path} is {kind}")
    names = _candidate_encodings(content) if encoding == "auto" else [encoding]
    for name in names:
        try:
            text = content.decode(name)
        except UnicodeError:
            continue
        _check_nul(path, text)
        return text.removeprefix("\ufeff"), name
    raise FoldlineError(_undecodable_message(path, content, names))


def _candidate_encodings(content: bytes) -> list[str]:
    marked = next((name for mark, name in _BOMS.items() if content.startswith(mark)), None)
    return [marked] if marked else ["utf-8", "cp949"]


def _check_nul(path: Path, text: str) -> None:
    if "\0" not in text:
        return
    line = text.count("\n", 0, text.index("\0")) + 1
    raise FoldlineError(
        f"{path}, line {line}: a NUL byte. The file is damaged or not text; export it again, or "
        "set data.encoding if it is UTF-16 or UTF-32"
    )


def _error_line(content: bytes, error: UnicodeDecodeError) -> int:
    return content.count(b"\n", 0, error.start) + 1


def _undecodable_message(path: Path, content: bytes, names: list[str]) -> str:
    where, problem = f"{path}", "its content"
    try:
        content.decode(names[0])
    except UnicodeDecodeError as error:
        where = f"{path}, line {_error_line(content, error)}"
        problem = f"byte 0x{content[error.start]:02x}"
    except UnicodeError as error:  # some codecs report no position
        problem = f"its content ({error})"
    tried = "neither UTF-8 nor cp949" if len(names) > 1 else f"not {names[0]}"
    return (
        f"{where}: {problem} is {tried}. Set data.encoding to the file's own (such as utf-8, "
        "cp949, utf-16, latin-1), or save it as UTF-8"
    )
