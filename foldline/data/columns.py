"""The columns of a file that params.yaml names."""

import numpy as np

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Data
from foldline.data.cell_lists import parse_list, parse_value, read_single_values, starts_like_list
from foldline.data.label_in_text import exceeds_chance, match_own_values
from foldline.data.raw_table import RawTable

ROLES = ("id", "text", "text_pair", "label", "auxiliary_label", "group", "weight", "time")
_OFFICIAL_MAY_LACK = ("auxiliary_label", "group", "weight", "time")
_LABELLED_ROLES = ("label", *_OFFICIAL_MAY_LACK)
_TEXT_ROLES = ("text", "text_pair")
_SAMPLED_ROWS = 20_000


def select_columns(raw: RawTable, data: Data, part: str) -> dict[str, list[str]]:
    """Return the file's column for each role; missing columns and values are empty text.

    Rows to predict need no labels, group, weight or time.

    Raises:
        FoldlineError: naming the missing column and the existing ones.
    """
    if part == "train":
        _check_known_after(raw, data)
    by_role: dict[str, list[str]] = {}
    for role in ROLES:
        names = data.label_columns if role == "label" else [getattr(data, role)]
        if names == [None] or (part == "predict" and role in _LABELLED_ROLES):
            by_role[role] = [""] * len(raw)
            continue
        columns = [_role_column(raw, data, role, name, part) for name in names]
        cells = [value or "" for value in columns[0]]
        by_role[role] = cells if role == "label" else read_cells(raw, cells, role, names[0])
    return by_role


def unused_columns(raw: RawTable, data: Data) -> dict[str, list[str | None]]:
    """Return the file's columns that have no role."""
    single = (getattr(data, role) for role in ROLES if role != "label")
    used = {name.strip() for name in (*single, *data.label_columns) if name}
    return {name: values for name, values in raw.columns.items() if name.strip() not in used}


def nested_value_notes(raw: RawTable, data: Data, task: str) -> list[str]:
    """Return a note for each column whose lists of one value are read as that value."""
    notes = []
    for role in ROLES:
        name = data.label if role == "label" else getattr(data, role)
        known = raw.find_column(name) if isinstance(name, str) else None
        cells = [cell for cell in raw.columns[known] if cell] if known else []
        if role == "label" and task == "multilabel":
            continue
        count = sum(starts_like_list(cell) and parse_list(cell) is not None for cell in cells)
        if count and (role not in _TEXT_ROLES or count == len(cells)):
            notes.append(
                f"{raw.path}, column '{name}': {count} of {len(raw)} cells are lists of one value, "
                "and read as that value"
            )
    return notes


def read_cells(raw: RawTable, cells: list[str], role: str, name: str) -> list[str]:
    """Return the cells without lists of one value; texts may start with a bracket.

    Raises:
        FoldlineError: where cells hold objects or several values.
    """
    if role in _TEXT_ROLES and raw.find_column(name) not in raw.nested:
        if not all(starts_like_list(cell) for cell in cells if cell):
            return cells
        if not all(parse_value(cell) is not None for cell in set(cells) if cell):
            return cells
    advice = f"Write one value in each row, or name another column as data.{role}"
    return read_single_values(raw, cells, f"column '{name}'", role, advice)


def find_missing_columns(raw: RawTable, data: Data, part: str) -> dict[str, str]:
    """Return the problem of each role, as of `data`, whose column a file must have and lacks."""
    problems = {}
    for role in ROLES:
        for name in data.label_columns if role == "label" else [getattr(data, role)]:
            needed = name is not None and not (part == "predict" and role in _LABELLED_ROLES)
            if needed and _column(raw, name) is None and not _may_lack(data, role, part):
                problems[role] = _missing_column_message(raw, data, role, name, part)
    return problems


def _role_column(raw: RawTable, data: Data, role: str, name: str, part: str) -> list[str | None]:
    """Return a column; an optional one that the file lacks has no values."""
    values = _column(raw, name)
    if values is not None:
        return values
    if _may_lack(data, role, part):
        return [None] * len(raw)
    raise FoldlineError(_missing_column_message(raw, data, role, name, part))


def _may_lack(data: Data, role: str, part: str) -> bool:
    # Official files are not split, so they do not need group, weight and time.
    if role == "label":
        return data.annotations.aggregate != "none"
    return part != "train" and role in _OFFICIAL_MAY_LACK


def known_after_notes(raw: RawTable, data: Data) -> list[str]:
    """Return a note for each column of data.known_after whose values occur in the texts.

    A value must occur in its own text in a fifth of 20,000 rows, sampled by content, and three
    times as often as by chance.
    """
    notes = []
    roles = (_column(raw, name) for name in (data.text, data.text_pair) if name)
    columns = [[text or "" for text in column or []] for column in roles]
    texts = list(map("\n".join, zip(*columns, strict=True)))
    for name in data.known_after:
        values = [(value or "").strip() for value in _column(raw, name) or []]
        keys = rank_keys(0, list(map("\x1f".join, zip(values, texts, strict=True))))
        sampled = np.argsort(keys, kind="stable")[:_SAMPLED_ROWS].tolist()
        matches, chance = match_own_values(
            [values[row] for row in sampled], [texts[row] for row in sampled]
        )
        if exceeds_chance(float(matches.mean()), chance):
            notes.append(
                f"{raw.path}: the value of column '{name}' (data.known_after) occurs in "
                f"{matches.mean():.0%} of the texts (by chance {chance:.0%}): remove it from them"
            )
    return notes


def _column(raw: RawTable, name: str) -> list[str | None] | None:
    known = raw.find_column(name)
    return None if known is None else raw.columns[known]


def _check_known_after(raw: RawTable, data: Data) -> None:
    for name in data.known_after:
        if _column(raw, name) is None:
            close = closest_name(name, raw.columns)
            hint = f"; did you mean '{close}'?" if close else "."
            raise FoldlineError(
                f"{raw.path} has no column '{name}', which data.known_after names; it has "
                f"{listing(raw.columns, 20)}{hint} Correct or remove the name"
            )


def _missing_column_message(raw: RawTable, data: Data, role: str, name: str, part: str) -> str:
    others = {getattr(data, other) for other in ROLES if other not in ("label", role)}
    others |= set() if role == "label" else set(data.label_columns)
    close = closest_name(name, [column for column in raw.columns if column not in others])
    hint = f"; did you mean '{close}'?" if close else "."
    hint += raw.fields_hint(name)
    message = (
        f"{raw.path} has no column '{name}'; it has {listing(raw.columns, 20) or 'none'}{hint} "
        f"Set data.{role} in params.yaml"
    )
    if role == "label" and part in ("valid", "test"):
        return f"{message}, or name a file without labels as data.predict instead"
    if role in ("id", "text_pair", *_OFFICIAL_MAY_LACK):
        return f"{message}, or set it to null"
    return message


def check_annotation_labels(
    labels: list[str], annotated: dict[str, str], file: str, column: str
) -> None:
    """Raise for annotations that have no label in common with the labels that they replace.

    Raises:
        FoldlineError: naming both sets of labels.
    """
    own, given = {label for label in labels if label}, set(annotated.values()) - {""}
    if own and given and own.isdisjoint(given):
        raise FoldlineError(
            f"data.annotations.aggregate: the annotations are {listing(sorted(given), 8)}, but "
            f"{column} of {file} holds {listing(sorted(own), 8)}: tied rows would keep "
            "another kind of label. Name another column in data.annotations.label, or map one of "
            "the two to the other's words"
        )
