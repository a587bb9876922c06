"""A raw file as columns of texts, with the line of the file on which each row starts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foldline.core.errors import FoldlineError, listed

FORMATS = ("csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True)
class RawTable:
    """A file's columns by name; None is a cell without a value. `notes` are for the user."""

    path: Path
    columns: dict[str, list[str | None]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.lines)

    def where(self, rows: Sequence[int], most: int = 8) -> str:
        """Name rows for a message: `lines 3, 8 and 4 more`."""
        word = "row" if file_format(self.path) == "parquet" else "line"
        lines = listed((self.lines[row] for row in rows), most)
        return f"{word}{'s' if len(rows) > 1 else ''} {lines}"


def file_format(path: Path) -> str:
    """Give the format that a file's name says.

    Raises:
        FoldlineError: where it says none that is read here.
    """
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes]
    if suffixes[-1:] == ["gz"]:
        suffixes.pop()
    name = suffixes[-1] if suffixes else ""
    if name not in FORMATS:
        allowed = ", ".join(f".{known}" for known in FORMATS)
        mend = "In Excel, save it as 'CSV UTF-8'" if name in ("xls", "xlsx") else "Convert it"
        raise FoldlineError(f"{path}: files are read as {allowed}, each also .gz. {mend}")
    return name


def check_column_names(path: Path, names: Sequence[str]) -> None:
    """Refuse two columns of one name: which of them is meant cannot be known."""
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        shown = listed(repr(name) for name in doubled)
        raise FoldlineError(
            f"{path}: the header names column {shown} more than once. Rename or remove one of them"
        )
