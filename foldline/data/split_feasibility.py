"""Which group or class keeps a split from being even, in words that the user knows."""

from collections import Counter

import pandas as pd

from foldline.core.errors import FoldlineError, listed

MAX_SHOWN = 3  # classes named in one note
MIN_CHARS_ADVICE = "raise prepare.duplicates.min_chars, so that short texts join no groups"
PAIRS_ADVICE = "set prepare.duplicates.pairs=both, so that pairs that share one text join no groups"
LARGE_SHARE = 0.1  # share of all rows


def describe_group(table: pd.DataFrame, group: str) -> str:
    """Name a group of `group` by its commonest data.group (column `user_group`), or by a row."""
    rows = table[table["group"] == group]
    users = Counter(name for name in rows.get("user_group", []) if name)
    if not users:
        row = f"row '{rows['id'].min()}'"
        return f"the duplicates of {row}" if rows["id"].nunique() > 1 else row
    name = min(users, key=lambda user: (-users[user], user))
    others = f", with {len(users) - 1} more that share duplicates" if len(users) > 1 else ""
    return f"group '{name}'{others}"


def single_group_classes(table: pd.DataFrame) -> dict[str, str]:
    """Give the classes whose rows all lie in one group, and that group."""
    groups = table.groupby("label")["group"]
    counts, names = groups.nunique(), groups.first()
    return {str(label): str(names[label]) for label in counts.index[counts == 1]}


def empty_part_error(
    table: pd.DataFrame, how: str, lone: dict[str, str], empty: list[str]
) -> FoldlineError:
    """Say which group or class leaves parts without a row."""
    sizes = table["group"].value_counts()
    largest = describe_group(table, min(sizes.index[sizes == sizes.max()]))
    share = f"{sizes.max() / len(table):.0%} of the rows"
    why = f"{largest} holds {share}"
    if how == "time":
        why = f"too many rows share one moment, or a group holds old and new rows ({why})"
    elif lone and len(sizes) - len(set(lone.values())) < len(empty):
        why += f"; {_describe_single_group_classes(table, lone)}, which train gets"
    mend = "change split.method, split.ratios or data.group"
    if glued := _ungroup_advice(table, sizes):
        mend = f"{glued}, or {mend}"
    return FoldlineError(
        f"split.method={how} leaves no row for {' and '.join(empty)}: {len(table)} rows are in "
        f"{len(sizes)} groups, and {why}. Give more rows, or {mend}"
    )


def class_notes(table: pd.DataFrame, parts: list[str]) -> list[str]:
    """Say which classes stand in one part alone, or are missing from one.

    `parts` are those to look at, train first; a row of several labels stands once for each.
    """
    notes, lone = [], single_group_classes(table)
    places = {part: set(table["label"][table["part"] == part]) for part in parts}
    classes = sorted(set(table["label"]))
    if lone:
        notes.append(
            f"{_describe_single_group_classes(table, lone)}: what is learnt from cannot be scored too"
        )
    for part in (part for part in parts if places[part]):
        missing = [f"'{c}'" for c in classes if c not in places[part]]
        told = [f"'{c}'" for c in lone if part != parts[0]]
        if more := [name for name in missing if name not in told]:
            what = "no model learns it" if part == parts[0] else "no score tells of it"
            notes.append(f"{part} has no row of class {listed(more)}: {what}")
    return notes


def fold_notes(table: pd.DataFrame, n_splits: int) -> list[str]:
    """Say which classes are missing from some folds (column `fold`)."""
    found = table.groupby("label")["fold"].nunique()
    scarce = found[found < n_splits].sort_values(kind="stable")
    if scarce.empty:
        return []
    groups = table.groupby("label")["group"].nunique().to_dict()
    told = [f"'{c}' in {n} (it has {_count_things(groups[c], 'group')})" for c, n in scarce.items()]
    alone = (
        " What stands in one fold is never learnt where it is scored." if scarce.min() == 1 else ""
    )
    return [
        f"kfold.n_splits={n_splits}: {len(scarce)} classes are not in each fold: "
        f"{listed(told, MAX_SHOWN)}.{alone}"
    ]


def large_group_note(table: pd.DataFrame) -> list[str]:
    """Say which group is so large that parts and folds cannot be even."""
    sizes = table["group"].value_counts()
    if sizes.max() <= LARGE_SHARE * len(table):
        return []
    largest = min(sizes.index[sizes == sizes.max()])
    glued = _ungroup_advice(table, sizes)
    return [
        f"the largest group holds {sizes.max()} rows ({sizes.max() / len(table):.0%}; "
        f"{describe_group(table, largest)}): parts and folds cannot be even"
        + (f". To undo that, {glued}" if glued else "")
    ]


def _ungroup_advice(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    """Say what would part the largest group: several of data.group, or pairs, that texts join."""
    rows = table[table["group"] == min(sizes.index[sizes == sizes.max()])]
    users = set(rows.get("user_group", [])) - {""}
    if len(users) == 1 or len(rows) == 1:
        return ""
    pairs = set(zip(rows["text"], rows["text_pair"], strict=True)) if "text_pair" in rows else set()
    ways = [PAIRS_ADVICE] if len(pairs) > 1 and rows["text_pair"].any() else []
    return ", or ".join([*ways, MIN_CHARS_ADVICE] if users else ways)


def _describe_single_group_classes(table: pd.DataFrame, lone: dict[str, str]) -> str:
    sizes = table["label"].value_counts()
    told = [
        f"'{c}' ({_count_things(sizes[c], 'row')}, {describe_group(table, g)})"
        for c, g in sorted(lone.items())[:MAX_SHOWN]
    ]
    if len(lone) == 1:
        return f"class {told[0]} stands in one group only"
    rest = f" and {len(lone) - MAX_SHOWN} more" if len(lone) > MAX_SHOWN else ""
    return f"{len(lone)} classes stand in one group only each: {'; '.join(told)}{rest}"


def _count_things(count: int, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"
