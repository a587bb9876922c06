"""The roles of a file's columns, guessed by their names and their content."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.data.cell_values import clean_value
from foldline.data.columns import ROLES
from foldline.data.look_alikes import is_placeholder
from foldline.data.number_notation import estimate_number, is_quantity
from foldline.data.raw_table import RawTable, is_number, parse_time
from foldline.importer.column_names import (
    QUANTITIES,
    columns_by_name,
    is_exact_name,
    pairs_by_name,
    split_words,
)

MAX_CLASSES = 20  # distinct integers; more are a quantity, not classes
Values = list[str]


@dataclass(frozen=True)
class Guess:
    """The column of a role, or None, and the reason."""

    column: str | None
    why: str


def guess_columns(
    train: RawTable,
    others: Mapping[str, RawTable],
    given: Mapping[str, Guess],
    skip: Sequence[str] = (),
) -> dict[str, Guess]:
    """Return a guess for each role: id, text, text_pair, label, group, weight and time.

    An auxiliary label is never guessed. `others` are the other files by part, `given` are roles
    that are known, `skip` are columns without a role.

    Raises:
        FoldlineError: where a given column does not exist, or no text or label is found.
    """
    return _ColumnGuesser(train, others, given, skip).guess()


def guess_task(column: str, values: Sequence[str]) -> tuple[str, str]:
    """Return classification or regression, and the reason, by the labels of the training rows."""
    guesses = {value for value in values if value}
    quantities = [value for value in guesses if not is_placeholder(value)]
    if not all(map(is_quantity, quantities)):
        return "classification", f"{len(guesses)} labels, not all of them numbers"
    numbers = sorted(set(map(estimate_number, quantities)))
    ends = f"{len(numbers)} numbers from {numbers[0]:g} to {numbers[-1]:g}" if numbers else "none"
    if any(number != int(number) for number in numbers):
        sets = "; if ',' is between several labels: --task multilabel" * any(
            "," in value for value in quantities
        )
        return "regression", f"{ends}, with fractions{sets}"
    if len(numbers) > 2 and set(split_words(column)) & set(QUANTITIES):
        return "regression", f"{ends}, and '{column}' is the name of a quantity"
    counted = numbers == list(range(len(numbers))) and len(values) >= 10 * len(numbers)
    if len(numbers) > MAX_CLASSES and not counted:
        return "regression", f"{ends}"
    return "classification", f"{ends}, whole"


class _ColumnGuesser:
    """The columns without a role, and the roles assigned so far."""

    def __init__(
        self,
        raw: RawTable,
        others: Mapping[str, RawTable],
        given: Mapping[str, Guess],
        skip: Sequence[str],
    ) -> None:
        self.raw, self.others, self.given = raw, others, given
        self.cells = {n: [v or "" for v in values] for n, values in raw.columns.items() if n}
        self.free = [name for name in self.cells if name not in skip]
        self.guesses: dict[str, Guess] = {}

    def guess(self) -> dict[str, Guess]:
        for role, guess in self.given.items():
            self._assign(role, self._check_exists(role, guess.column), guess.why)
        if not {"text", "text_pair"} & set(self.given):
            self._assign_pair()
        # For every role, names are tried before content.
        fits = {
            "id": self._is_id,
            "time": self._is_time,
            "group": self._is_group,
            "label": self._is_label,
            "text": self._is_named_text,
        }
        for role, fit in fits.items():
            self._assign_by_name(role, fit)
        looks = {
            "id": self._find_id,
            "time": self._find_dates,
            "label": self._find_label,
            "text": self._find_text,
        }
        for role, look in looks.items():
            match = None if role in self.guesses else look()
            if match:
                self._assign(role, *match)
        return self._complete()

    def _complete(self) -> dict[str, Guess]:
        for role in ("text_pair", "id", "group", "time"):
            self.guesses.setdefault(role, Guess(None, "no column of this kind"))
        self.guesses.setdefault("weight", Guess(None, "never guessed; name one by --weight"))
        for role in ("text", "label"):
            if role not in self.guesses:
                raise FoldlineError(self._missing_role_message(role))
        return {role: self.guesses[role] for role in ROLES if role in self.guesses}

    def _assign(self, role: str, name: str | None, why: str) -> None:
        self.guesses[role] = Guess(name, why)
        if name in self.free:
            self.free.remove(name)

    def _check_exists(self, role: str, name: str | None) -> str | None:
        if name is None or name in self.cells:
            return name
        close = closest_name(name, self.cells)
        hint = f"; did you mean '{close}'?" if close else "."
        hint += self.raw.fields_hint(name)
        raise FoldlineError(
            f"{self.raw.path} has no column '{name}'; it has {listing(self.cells, 20)}{hint} "
            f"Correct --{role.removeprefix('text_')}"
        )

    def _assign_pair(self) -> None:
        for first, second in pairs_by_name(self.free):
            if self._is_text(first) and self._is_text(second):
                self._assign("text", first, f"its name, beside '{second}'")
                self._assign("text_pair", second, f"its name, beside '{first}'")
                return

    def _assign_by_name(self, role: str, fits: Callable[[str], bool]) -> None:
        for name in [] if role in self.guesses else columns_by_name(role, self.free):
            if fits(name):
                self._assign(role, name, f"its name; {self._count_values(name)}")
                return

    def _count_values(self, name: str) -> str:
        values = self.cells[name]
        return f"{len(set(map(clean_value, values))):,} values in {len(values):,} rows"

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

    def _is_group(self, name: str) -> bool:
        values = self.cells[name]
        short = fmean(map(len, values)) <= 40  # longer ones are texts
        return 1 < len(set(values)) < len(values) and all(values) and short

    def _is_text(self, name: str) -> bool:
        values = set(self.cells[name])
        return len(values) > 2 and sum(map(is_quantity, values)) < len(values) / 2

    def _is_named_text(self, name: str) -> bool:
        # Two rows are too few to contradict an exact name.
        few = len(self.cells[name]) <= 2 and is_exact_name("text", name)
        return few or self._is_text(name)

    def _is_label(self, name: str) -> bool:
        values = self.cells[name]
        distinct = {value for value in values if value}
        if len(distinct) < 2:
            return False
        numbers = all(is_quantity(value) or is_placeholder(value) for value in distinct)
        return len(distinct) <= max(50, len(values) // 2) or numbers

    def _find_id(self) -> tuple[str, str] | None:
        name = next(iter(self.cells))
        short = all(len(value) <= 40 and " " not in value for value in self.cells[name])
        named = columns_by_name("text", [name])
        if name in self.free and short and not named and self._is_id(name):
            return name, "the first column; short, and unique in every row"
        return None

    def _find_dates(self) -> tuple[str, str] | None:
        for name in self.free:
            if self._is_time(name) and not any(map(is_number, self.cells[name][:20])):
                return name, "every value is a date"
        return None

    def _find_label(self) -> tuple[str, str] | None:
        fit: list[tuple[float, str]] = []
        for name in self.free:
            distinct = len(set(self.cells[name]) - {""})
            if self._is_label(name) and distinct <= max(2, len(self.cells[name]) // 5):
                fit.append((distinct, name))
        if not fit:
            return None
        name = fit[-1][1]  # usually the last column
        others = [other for _, other in fit[:-1]]
        doubt = f"; it could also be {listing(others)}" if others else ""
        return name, f"{self._count_values(name)}{doubt}"

    def _find_text(self) -> tuple[str, str] | None:
        fit = [name for name in self.free if self._is_text(name)]
        if not fit:
            return None
        name = max(fit, key=lambda name: fmean(map(len, self.cells[name])))
        return name, f"the longest values, {fmean(map(len, self.cells[name])):.0f} characters"

    def _missing_role_message(self, role: str) -> str:
        return (
            f"{self.raw.path}: no column looks like the {role}; it has "
            f"{listing(self.cells, 20)}. Name it with --{role} COLUMN"
        )


def find_missing_header(raw: RawTable) -> str | None:
    """Return a column whose name is one of its values, as in a file without a header, or None."""
    for name, cells in raw.columns.items():
        counts = Counter(cells)
        if name and counts[name] and 1 < len(counts) <= max(2, len(cells) // 5):
            return name
    return None


def column_hints(raw: RawTable, guesses: Mapping[str, Guess]) -> list[str]:
    """Return a hint for each column without a role that could have one."""
    taken = {guess.column for guess in guesses.values()}
    lines = []
    for name, cells in raw.columns.items():
        values = {cell or "" for cell in cells}
        if name in taken or not name or len(values) < 2:
            continue
        spaced = sum(" " in value for value in values) > len(values) // 4
        texts = spaced and len(values) > len(cells) // 10
        if texts and guesses["text_pair"].column is None:
            lines.append(
                f"'{name}' is also a text: --pair '{name}' adds it to the input. Training is much "
                "slower, and not always better: compare both"
            )
        elif split_words(name)[-1] == "id" and 1 < len(values) < len(cells) // 2:
            lines.append(f"'{name}' repeats: --group '{name}' keeps its rows in one part")
    return lines
