"""The columns that params.yaml names, found in a file."""

import numpy as np

from foldline.core.errors import FoldlineError, listed, nearest
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Data
from foldline.data.label_in_text import exceeds_chance, match_own_values
from foldline.data.raw import RawTable, file_format

ROLES = ("id", "text", "text_pair", "label", "group", "weight", "time")
_LABELLED_ROLES = ("label", "group", "weight", "time")
_SAMPLED_ROWS = 20_000  # rows
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def select_columns(raw: RawTable, data: Data, part: str) -> dict[str, list[str]]:
    """Give the file's column for each role; one without a column, or a value, is empty text.

    Rows to predict need no label, group or time.

    Raises:
        FoldlineError: naming the column that is missing, and those that are there.
    """
    if part == "train":
        _check_known_after(raw, data)
    found: dict[str, list[str]] = {}
    for role in ROLES:
        names = data.label_columns if role == "label" else [getattr(data, role)]
        if names == [None] or (part == "predict" and role in _LABELLED_ROLES):
            found[role] = [""] * len(raw)
            continue
        columns = [_role_column(raw, data, role, name, part) for name in names]
        found[role] = [value or "" for value in columns[0]]
    return found


def _role_column(raw: RawTable, data: Data, role: str, name: str, part: str) -> list[str | None]:
    """Give a column; one that a file may lack has no values."""
    values = _column(raw, name)
    if values is not None:
        return values
    # Official files are not split, and often lack these.
    may_lack = part != "train" and role in ("group", "weight", "time")
    if may_lack or (role == "label" and data.annotations.aggregate != "none"):
        return [None] * len(raw)
    raise FoldlineError(_missing_column_message(raw, role, name, part))


def known_after_notes(raw: RawTable, data: Data) -> list[str]:
    """Give a note for each column of data.known_after whose values stand in the texts.

    They must stand in a fifth of 20,000 texts, drawn by content, and thrice as often as by chance.
    """
    notes = []
    roles = (_column(raw, name) for name in (data.text, data.text_pair) if name)
    columns = [[text or "" for text in column or []] for column in roles]
    texts = list(map("\n".join, zip(*columns, strict=True)))
    for name in data.known_after:
        values = [(value or "").strip() for value in _column(raw, name) or []]
        keys = rank_keys(0, list(map("\x1f".join, zip(values, texts, strict=True))))
        drawn = np.argsort(keys, kind="stable")[:_SAMPLED_ROWS].tolist()
        own, chance = match_own_values(
            [values[row] for row in drawn], [texts[row] for row in drawn]
        )
        if exceeds_chance(float(own.mean()), chance):
            notes.append(
                f"{raw.path}: what column '{name}' says, known only after the fact, stands in "
                f"{own.mean():.0%} of the texts (by chance {chance:.0%}): take it out of them"
            )
    return notes


def _column(raw: RawTable, name: str) -> list[str | None] | None:
    return raw.columns.get(name, raw.columns.get(name.strip()))


def _check_known_after(raw: RawTable, data: Data) -> None:
    for name in data.known_after:
        if _column(raw, name) is None:
            close = nearest(name, raw.columns)
            hint = f"; did you mean '{close}'?" if close else "."
            raise FoldlineError(
                f"{raw.path} has no column '{name}', which data.known_after names; it has "
                f"{listed(raw.columns, 20)}{hint} Correct data.known_after, or take the name out"
            )


def _missing_column_message(raw: RawTable, role: str, name: str, part: str) -> str:
    close = nearest(name, raw.columns)
    hint = f"; did you mean '{close}'?" if close else "."
    message = (
        f"{raw.path} has no column '{name}'; it has {listed(raw.columns, 20) or 'none'}{hint} "
        f"Set data.{role} in params.yaml"
    )
    only = next(iter(raw.columns), "")
    used = [word for mark, word in _SEPARATORS.items() if mark in only]
    if len(raw.columns) == 1 and used and file_format(raw.path) in ("csv", "tsv"):
        own = "tabs" if file_format(raw.path) == "tsv" else "commas"
        return (
            f"{message}. Its one column suggests {used[0]} between fields, where "
            f".{file_format(raw.path)} has {own}: name the file by its form, or export it again"
        )
    if role == "label" and part in ("valid", "test"):
        return f"{message}, or name a file without labels as data.predict instead"
    if role in ("id", "text_pair", "group", "weight", "time"):
        return f"{message}, to null where there is none"
    return message


def check_annotation_labels(own: list[str], made: dict[str, str], file: str, column: str) -> None:
    """Refuse judgements in other words than the labels that they shall take the place of.

    Raises:
        FoldlineError: naming both sets of labels.
    """
    found, given = {label for label in own if label}, set(made.values()) - {""}
    if found and given and found.isdisjoint(given):
        raise FoldlineError(
            f"data.annotations.aggregate: the judgements are {listed(sorted(given), 8)}, but "
            f"{column} of {file} holds {listed(sorted(found), 8)}: tied rows would keep "
            "another kind of label. Name another column in data.annotations.label, or map one of "
            "the two to the other's words"
        )
