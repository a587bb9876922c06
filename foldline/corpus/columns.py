"""The columns that params.yaml names, found in a file."""

from foldline.corpus.raw import Raw, form
from foldline.frame.errors import FoldlineError, listed, nearest
from foldline.frame.params import Data

ROLES = ("id", "text", "text_pair", "label", "group", "time")
_LABELLED = ("label", "group", "time")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def by_role(raw: Raw, data: Data, part: str) -> dict[str, list[str]]:
    """Give the file's column for each role; one without a column, or a value, is empty text.

    Rows to predict need no label, group or time.

    Raises:
        FoldlineError: naming the column that is missing, and those that are there.
    """
    wanted: dict[str, str | None] = {role: getattr(data, role) for role in ROLES}
    if part == "predict":
        wanted |= dict.fromkeys(_LABELLED)
    found: dict[str, list[str]] = {}
    for role, name in wanted.items():
        if name is None:
            found[role] = [""] * len(raw)
            continue
        values = raw.columns.get(name, raw.columns.get(name.strip()))
        if values is None and part != "train" and role in ("group", "time"):
            found[role] = [""] * len(raw)  # official files are not split, and often lack these
            continue
        if values is None:
            raise FoldlineError(_missing(raw, role, name, part))
        found[role] = [value or "" for value in values]
    return found


def _missing(raw: Raw, role: str, name: str, part: str) -> str:
    close = nearest(name, raw.columns)
    hint = f"; did you mean '{close}'?" if close else "."
    message = (
        f"{raw.path} has no column '{name}'; it has {listed(raw.columns, 20) or 'none'}{hint} "
        f"Set data.{role} in params.yaml"
    )
    only = next(iter(raw.columns), "")
    used = [word for mark, word in _SEPARATORS.items() if mark in only]
    if len(raw.columns) == 1 and used and form(raw.path) in ("csv", "tsv"):
        own = "tabs" if form(raw.path) == "tsv" else "commas"
        return (
            f"{message}. Its one column suggests {used[0]} between fields, where .{form(raw.path)} "
            f"has {own}: name the file by its form, or export it again"
        )
    if role == "label" and part in ("valid", "test"):
        return f"{message}, or name a file without labels as data.predict instead"
    if role in ("id", "text_pair", "group", "time"):
        return f"{message}, to null where there is none"
    return message
