"""Groups and classes that make an even split impossible, in messages for the user."""

from collections import Counter

import pandas as pd

from foldline.core.errors import FoldlineError, listing

MAX_SHOWN = 3  # classes in one note
LARGE_SHARE = 0.1  # of all rows


def describe_group(table: pd.DataFrame, group: str) -> str:
    """Return a name for a group: its most frequent data.group (column `user_group`), or a row."""
    rows = table[table["group"] == group]
    users = Counter(name for name in rows.get("user_group", []) if name)
    if not users:
        row = f"row '{rows['id'].min()}'"
        return f"the duplicates of {row}" if rows["id"].nunique() > 1 else row
    name = min(users, key=lambda user: (-users[user], user))
    others = f", with {len(users) - 1} more that share duplicates" if len(users) > 1 else ""
    return f"group '{name}'{others}"


def single_group_classes(table: pd.DataFrame) -> dict[str, str]:
    """Return the classes with all rows in one group, and that group."""
    groups = table.groupby("label")["group"]
    counts, names = groups.nunique(), groups.first()
    return {str(label): str(names[label]) for label in counts.index[counts == 1]}


def empty_part_error(
    table: pd.DataFrame, method: str, single: dict[str, str], empty: list[str]
) -> FoldlineError:
    """Return an error that names the group or class which leaves parts without rows."""
    sizes = table["group"].value_counts()
    largest = describe_group(table, min(sizes.index[sizes == sizes.max()]))
    share = f"{sizes.max() / len(table):.0%} of the rows"
    why = f"the largest, {largest}, has {share}"
    if method == "time":
        why = f"too many rows have the same time, or a group has old and new rows ({why})"
    elif single and len(sizes) - len(set(single.values())) < len(empty):
        why += f"; {_describe_single_group_classes(table, single)}, which goes to train"
    return FoldlineError(
        f"split.method={method} leaves no rows for {' and '.join(empty)}: {len(table)} rows are in "
        f"{len(sizes)} groups, and {why}. {_advise(method, len(sizes))}"
    )


def _advise(method: str, groups: int) -> str:
    """Return what fills empty parts; equal texts are kept together by every method."""
    if method == "stratified":
        return "Add rows with other texts"
    advice = "Add rows, or set split.method=stratified"
    if method == "grouped":
        advice += ", where a group may be in several parts"
        if groups > 1:
            advice += ", or split.ratios=[1,0,0] for scores out of fold alone"
    return advice


def class_notes(table: pd.DataFrame, parts: list[str]) -> list[str]:
    """Return notes on classes that are in one group only, or missing from a part.

    `parts` start with train; `table` has a row for each label of multilabel rows.
    """
    notes, single = [], single_group_classes(table)
    classes_of = {part: set(table["label"][table["part"] == part]) for part in parts}
    classes = sorted(set(table["label"]))
    if single:
        notes.append(
            f"{_describe_single_group_classes(table, single)}: rows of one group cannot be both "
            "trained on and scored"
        )
    for part in (part for part in parts if classes_of[part]):
        is_train = part == parts[0]
        covered = set() if is_train else set(single)  # by the note above
        missing = [c for c in classes if c not in classes_of[part] and c not in covered]
        if missing:
            names = listing(f"'{c}'" for c in missing)
            effect = "no model learns it" if is_train else "it is not scored"
            notes.append(f"{part} has no rows of class {names}: {effect}")
    return notes


def fold_notes(table: pd.DataFrame, n_splits: int) -> list[str]:
    """Return a note on classes that are missing from some folds (column `fold`)."""
    fold_counts = table.groupby("label")["fold"].nunique()
    scarce = fold_counts[fold_counts < n_splits].sort_values(kind="stable")
    if scarce.empty:
        return []
    groups = table.groupby("label")["group"].nunique().to_dict()
    shown = [
        f"'{c}' in {n} (it has {_count_things(groups[c], 'group')})" for c, n in scarce.items()
    ]
    alone = (
        " A class in one fold only is never learnt by the model that is scored on it."
        if scarce.min() == 1
        else ""
    )
    return [
        f"kfold.n_splits={n_splits}: {len(scarce)} classes are not in every fold: "
        f"{listing(shown, MAX_SHOWN)}.{alone}"
    ]


def large_group_note(table: pd.DataFrame) -> list[str]:
    """Return a note on a group so large that parts and folds cannot be even."""
    sizes = table["group"].value_counts()
    if sizes.max() <= LARGE_SHARE * len(table):
        return []
    largest = min(sizes.index[sizes == sizes.max()])
    return [
        f"the largest group has {sizes.max()} rows ({sizes.max() / len(table):.0%}; "
        f"{describe_group(table, largest)}): parts and folds cannot be even"
    ]


def _describe_single_group_classes(table: pd.DataFrame, single: dict[str, str]) -> str:
    sizes = table["label"].value_counts()
    shown = [
        f"'{c}' ({_count_things(sizes[c], 'row')}, {describe_group(table, g)})"
        for c, g in sorted(single.items())[:MAX_SHOWN]
    ]
    if len(single) == 1:
        return f"class {shown[0]} is in one group only"
    rest = f" and {len(single) - MAX_SHOWN} more" if len(single) > MAX_SHOWN else ""
    return f"{len(single)} classes are in one group only each: {'; '.join(shown)}{rest}"


def _count_things(count: int, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"
