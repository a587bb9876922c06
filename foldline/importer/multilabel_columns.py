"""Multilabel data, recognised by columns of 0 and 1, or by several labels in one cell."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.data.cell_lists import parse_list
from foldline.data.look_alikes import is_placeholder
from foldline.data.number_notation import is_quantity
from foldline.data.raw_table import RawTable

SEPARATORS = ("|", ";", ",")
MIN_JOINED_SHARE = 0.05  # of rows with several labels, for a character to be a separator
MIN_ROWS_PER_LABEL = 5  # on average; fewer suggest sentences with commas


@dataclass(frozen=True)
class MultilabelGuess:
    """Values for `data.label` and `data.separator`, and the reason."""

    label: str | list[str]
    separator: str | None
    why: str

    @property
    def columns(self) -> list[str]:
        """Return the columns that hold labels."""
        return [self.label] if isinstance(self.label, str) else self.label


def parse_label_columns(raw: RawTable, given: str | None) -> list[str] | None:
    """Return the columns of `--label a,b,c`, None for a single column.

    Raises:
        FoldlineError: naming a column that does not exist.
    """
    if given is None or given in raw.columns or "," not in given:
        return None
    parts = (name.strip() for name in given.split(","))
    names = [raw.find_column(name) or name for name in parts if name]
    for name in names:
        if name not in raw.columns:
            close = closest_name(name, raw.columns)
            hint = f"; did you mean '{close}'?" if close else "."
            raise FoldlineError(
                f"{raw.path} has no column '{name}'; it has {listing(raw.columns, 20)}{hint} "
                "Correct --label"
            )
    return names


def guess_multilabel(
    raw: RawTable, label: str, by_its_name: bool, taken: Collection[str], is_given: bool
) -> MultilabelGuess | None:
    """Return how rows have several labels, None where they have one each.

    `label` is the guessed label column, `taken` are columns of other roles. `is_given` is whether
    the user says that they have several.
    """
    flags = [n for n, cells in raw.columns.items() if n not in taken and set(cells) == {"0", "1"}]
    if label in flags and len(flags) > 1 and not by_its_name:
        return MultilabelGuess(flags, None, f"{len(flags)} columns of 0 and 1")
    cells = [cell for cell in raw.columns[label] if cell]
    lists = [names for names in map(parse_list, set(cells)) if names is not None]
    if lists:
        several = any(len(names) != 1 for names in lists)
        return MultilabelGuess(label, None, "lists of labels") if several else None
    if not is_given and all(is_quantity(cell) or is_placeholder(cell) for cell in set(cells)):
        return None  # `3,5` is a number
    for mark in SEPARATORS:
        joined = [[part.strip() for part in cell.split(mark)] for cell in cells]
        names = Counter(part for parts in joined for part in parts)
        some = sum(len(parts) > 1 for parts in joined) >= MIN_JOINED_SHARE * len(cells)
        if some and sum(names.values()) >= MIN_ROWS_PER_LABEL * len(names) and all(names):
            return MultilabelGuess(
                label, mark, f"{len(names)} labels, '{mark}' between those of a row"
            )
    return None
