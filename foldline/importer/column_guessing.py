"""What the columns of a file hold, guessed by their names and by their content."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from foldline.core.errors import FoldlineError, listed, nearest
from foldline.data.columns import ROLES
from foldline.data.raw_table import RawTable, is_number, parse_time
from foldline.importer.column_names import (
    QUANTITIES,
    columns_by_name,
    is_exact_name,
    pairs_by_name,
    split_words,
)

MAX_CLASSES = 20  # whole numbers that differ; more are a quantity, not classes
Values = list[str]


@dataclass(frozen=True)
class Guess:
    """A column for a role, None for none, and why."""

    column: str | None
    why: str


def guess_columns(
    train: RawTable,
    others: Mapping[str, RawTable],
    told: Mapping[str, Guess],
    skip: Sequence[str] = (),
) -> dict[str, Guess]:
    """Give a guess for each of text, text_pair, label, id, group and time.

    `others` are the further files by their part, `told` is what is known already, `skip` are
    columns without a role.

    Raises:
        FoldlineError: where a column told is not there, or no text or label is found.
    """
    return _ColumnGuesser(train, others, told, skip).all()


def guess_task(column: str, values: Sequence[str]) -> tuple[str, str]:
    """Give classification or regression, and why, by the labels of the training rows."""
    found = {value for value in values if value}
    if not all(is_number(value) for value in found):
        return "classification", f"{len(found)} labels, not all of them numbers"
    numbers = sorted({float(value) for value in found})
    ends = f"{len(numbers)} numbers from {numbers[0]:g} to {numbers[-1]:g}" if numbers else "none"
    if any(number != int(number) for number in numbers):
        return "regression", f"{ends}, with fractions"
    if len(numbers) > 2 and set(split_words(column)) & set(QUANTITIES):
        return "regression", f"{ends}, and '{column}' is the name of a quantity"
    counted = numbers == list(range(len(numbers))) and len(values) >= 10 * len(numbers)
    if len(numbers) > MAX_CLASSES and not counted:
        return "regression", f"{ends}"
    return "classification", f"{ends}, whole"


class _ColumnGuesser:
    """Columns that are still free, and the roles given so far."""

    def __init__(
        self,
        raw: RawTable,
        others: Mapping[str, RawTable],
        told: Mapping[str, Guess],
        skip: Sequence[str],
    ) -> None:
        self.raw, self.others, self.told = raw, others, told
        self.cells = {n: [v or "" for v in values] for n, values in raw.columns.items() if n}
        self.free = [name for name in self.cells if name not in skip]
        self.found: dict[str, Guess] = {}

    def all(self) -> dict[str, Guess]:
        for role, guess in self.told.items():
            self._give(role, self._there(role, guess.column), guess.why)
        if not {"text", "text_pair"} & set(self.told):
            self._pair()
        # What a name says goes before what content says, whatever the role.
        fits = {
            "id": self._is_id,
            "time": self._is_time,
            "group": self._repeats,
            "label": self._is_label,
            "text": self._is_named_text,
        }
        for role, fit in fits.items():
            self._by_name(role, fit)
        looks = {
            "id": self._first_unique,
            "time": self._dated,
            "label": self._few_values,
            "text": self._longest,
        }
        for role, look in looks.items():
            hit = None if role in self.found else look()
            if hit:
                self._give(role, *hit)
        return self._complete()

    def _complete(self) -> dict[str, Guess]:
        for role in ("text_pair", "id", "group", "time"):
            self.found.setdefault(role, Guess(None, "no column of this kind"))
        self.found.setdefault("weight", Guess(None, "never guessed; name one by --weight"))
        for role in ("text", "label"):
            if role not in self.found:
                raise FoldlineError(self._not_found(role))
        return {role: self.found[role] for role in ROLES}

    def _give(self, role: str, name: str | None, why: str) -> None:
        self.found[role] = Guess(name, why)
        if name in self.free:
            self.free.remove(name)

    def _there(self, role: str, name: str | None) -> str | None:
        if name is None or name in self.cells:
            return name
        close = nearest(name, self.cells)
        hint = f"; did you mean '{close}'?" if close else "."
        raise FoldlineError(
            f"{self.raw.path} has no column '{name}'; it has {listed(self.cells, 20)}{hint} "
            f"Correct --{role.removeprefix('text_')}"
        )

    def _pair(self) -> None:
        for one, other in pairs_by_name(self.free):
            if self._is_text(one) and self._is_text(other):
                self._give("text", one, f"its name, beside '{other}'")
                self._give("text_pair", other, f"its name, beside '{one}'")
                return

    def _by_name(self, role: str, fits: Callable[[str], bool]) -> None:
        for name in [] if role in self.found else columns_by_name(role, self.free):
            if fits(name):
                self._give(role, name, f"its name; {self._about(name)}")
                return

    def _about(self, name: str) -> str:
        values = self.cells[name]
        return f"{len(set(values)):,} values in {len(values):,} rows"

    def _is_id(self, name: str) -> bool:
        columns = [raw.columns.get(name) for raw in (self.raw, *self.others.values())]
        return all(
            values is not None
            and len(set(values)) == len(values)
            and all(value and value.strip() for value in values)
            for values in columns
        )

    def _is_time(self, name: str) -> bool:
        official = [raw for part, raw in self.others.items() if part != "predict"]
        if not all(name in raw.columns for raw in official):
            return False
        values = {v or "" for raw in (self.raw, *official) for v in raw.columns[name]}
        dates = all(parse_time(value) is not None and not is_number(value) for value in values)
        dates = dates or (is_exact_name("time", name) and all(map(is_number, values)))
        return len(values) > 1 and dates

    def _repeats(self, name: str) -> bool:
        values = self.cells[name]
        short = fmean(map(len, values)) <= 40  # else they are texts
        return 1 < len(set(values)) < len(values) and all(values) and short

    def _is_text(self, name: str) -> bool:
        values = set(self.cells[name])
        return len(values) > 2 and sum(map(is_number, values)) < len(values) / 2

    def _is_named_text(self, name: str) -> bool:
        # So few rows cannot contradict a name that says it all.
        few = len(self.cells[name]) <= 2 and is_exact_name("text", name)
        return few or self._is_text(name)

    def _is_label(self, name: str) -> bool:
        values = self.cells[name]
        distinct = {value for value in values if value}
        if len(distinct) < 2:
            return False
        return len(distinct) <= max(50, len(values) // 2) or all(map(is_number, distinct))

    def _first_unique(self) -> tuple[str, str] | None:
        name = next(iter(self.cells))
        short = all(len(value) <= 40 and " " not in value for value in self.cells[name])
        named = columns_by_name("text", [name])
        if name in self.free and short and not named and self._is_id(name):
            return name, "the first column; short, and another in every row"
        return None

    def _dated(self) -> tuple[str, str] | None:
        for name in self.free:
            if self._is_time(name) and not any(map(is_number, self.cells[name][:20])):
                return name, "every value is a date"
        return None

    def _few_values(self) -> tuple[str, str] | None:
        fit: list[tuple[float, str]] = []
        for name in self.free:
            distinct = len(set(self.cells[name]) - {""})
            if self._is_label(name) and distinct <= max(2, len(self.cells[name]) // 5):
                fit.append((distinct, name))
        if not fit:
            return None
        name = fit[-1][1]  # the last column is the usual place
        rest = [other for _, other in fit[:-1]]
        doubt = f"; as well it could be {listed(rest)}" if rest else ""
        return name, f"{self._about(name)}{doubt}"

    def _longest(self) -> tuple[str, str] | None:
        fit = [name for name in self.free if self._is_text(name)]
        if not fit:
            return None
        name = max(fit, key=lambda name: fmean(map(len, self.cells[name])))
        return name, f"the longest values, {fmean(map(len, self.cells[name])):.0f} characters"

    def _not_found(self, role: str) -> str:
        return (
            f"{self.raw.path}: no column looks like the {role}; it has "
            f"{listed(self.cells, 20)}. Name it with --{role} COLUMN"
        )


def find_missing_header(raw: RawTable) -> str | None:
    """Give the name of a column that is one of its own values: the file has no header."""
    for name, cells in raw.columns.items():
        counts = Counter(cells)
        if name and counts[name] and 1 < len(counts) <= max(2, len(cells) // 5):
            return name
    return None


def column_hints(raw: RawTable, found: Mapping[str, Guess]) -> list[str]:
    """Give a line for each column without a role that could have one."""
    taken = {guess.column for guess in found.values()}
    lines = []
    for name, cells in raw.columns.items():
        values = {cell or "" for cell in cells}
        if name in taken or not name or len(values) < 2:
            continue
        spaced = sum(" " in value for value in values) > len(values) // 4
        texts = spaced and len(values) > len(cells) // 10
        if texts and found["text_pair"].column is None:
            lines.append(f"'{name}' is a text, too: --pair '{name}' gives it to the model")
        elif split_words(name)[-1] == "id" and 1 < len(values) < len(cells) // 2:
            lines.append(f"'{name}' repeats: --group '{name}' keeps its rows on one side")
    return lines
