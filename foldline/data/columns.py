"""The columns of a file that params.yaml names."""

import numpy as np

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Data
from foldline.data.label_in_text import exceeds_chance, match_own_values
from foldline.data.raw_table import RawTable, file_format

ROLES = ("id", "text", "text_pair", "label", "group", "weight", "time")
_LABELLED_ROLES = ("label", "group", "weight", "time")
_SAMPLED_ROWS = 20_000
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def select_columns(raw: RawTable, data: Data, part: str) -> dict[str, list[str]]:
    """Return the file's column for each role; missing columns and values are empty text.

    Rows to predict need no label, group, weight or time.

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
        by_role[role] = [value or "" for value in columns[0]]
    return by_role


def unused_columns(raw: RawTable, data: Data) -> dict[str, list[str | None]]:
    """Return the file's columns that have no role."""
    single = (getattr(data, role) for role in ROLES if role != "label")
    used = {name.strip() for name in (*single, *data.label_columns) if name}
    return {name: values for name, values in raw.columns.items() if name.strip() not in used}


def _role_column(raw: RawTable, data: Data, role: str, name: str, part: str) -> list[str | None]:
    """Return a column; an optional one that the file lacks has no values."""
    values = _column(raw, name)
    if values is not None:
        return values
    # Official files are not split, so they do not need these.
    may_lack = part != "train" and role in ("group", "weight", "time")
    if may_lack or (role == "label" and data.annotations.aggregate != "none"):
        return [None] * len(raw)
    raise FoldlineError(_missing_column_message(raw, role, name, part))


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
    return raw.columns.get(name, raw.columns.get(name.strip()))


def _check_known_after(raw: RawTable, data: Data) -> None:
    for name in data.known_after:
        if _column(raw, name) is None:
            close = closest_name(name, raw.columns)
            hint = f"; did you mean '{close}'?" if close else "."
            raise FoldlineError(
                f"{raw.path} has no column '{name}', which data.known_after names; it has "
                f"{listing(raw.columns, 20)}{hint} Correct or remove the name"
            )


def _missing_column_message(raw: RawTable, role: str, name: str, part: str) -> str:
    close = closest_name(name, raw.columns)
    hint = f"; did you mean '{close}'?" if close else "."
    message = (
        f"{raw.path} has no column '{name}'; it has {listing(raw.columns, 20) or 'none'}{hint} "
        f"Set data.{role} in params.yaml"
    )
    only = next(iter(raw.columns), "")
    used = [word for mark, word in _SEPARATORS.items() if mark in only]
    if len(raw.columns) == 1 and used and file_format(raw.path) in ("csv", "tsv"):
        separator = "tabs" if file_format(raw.path) == "tsv" else "commas"
        return (
            f"{message}. Its one column suggests {used[0]} between fields, where "
            f".{file_format(raw.path)} has {separator}: rename the file, or export it again"
        )
    if role == "label" and part in ("valid", "test"):
        return f"{message}, or name a file without labels as data.predict instead"
    if role in ("id", "text_pair", "group", "weight", "time"):
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
