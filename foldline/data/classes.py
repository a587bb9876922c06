"""The classes of the training rows, and checks for labels that no model could learn."""

import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data.cell_values import clean_value, find_value
from foldline.data.look_alikes import describe_characters, look_alike_key
from foldline.data.multilabel import explode_labels, label_column_names
from foldline.data.raw_table import label_sort_key
from foldline.data.rows import Part

MIN_CLASS_ROWS = 10  # scores of smaller classes are not reliable


def find_labels(task: str, data: Data, parts: list[Part], rows: pd.DataFrame) -> Labels:
    """Return the task's labels; classes are in the order of data.classes, else sorted.

    `rows` are the usable rows of all parts; the first part is train.

    Raises:
        FoldlineError: where there is one class only, or a part has a class that train lacks.
    """
    if task == "regression":
        return Labels(task)
    count = int((rows["part"] == "train").sum())
    rows = explode_labels(rows, task)
    train = rows["label"][rows["part"] == "train"]
    classes = sorted(set(train), key=label_sort_key)
    where = f"{data.train}, {label_column_names(data)}"
    if data.classes is not None:
        known = set(rows["label"])
        spelt = (find_value(name, known) or name for name in map(clean_value, data.classes))
        named = list(dict.fromkeys(spelt))
        problem = "data.classes does not list it"
        advice = "Correct the labels, or add the class to data.classes"
        _check_known_labels(parts[:1], rows, named, problem, advice)
        advice += ", and rows of it to train"
        _check_known_labels(parts[1:], rows, named, problem, advice)
        classes = [name for name in named if name in set(classes)]
    if len(classes) < 2:
        raise FoldlineError(
            f"{where}: {task} needs at least two classes, found {listing(classes) or 'none'} in "
            f"{count} rows. Check data.label and the file"
        )
    if len(classes) > max(50, len(train) // 2):
        between = " and data.separator" if task == "multilabel" else ""
        raise FoldlineError(
            f"{where}: {len(classes)} classes in {count} rows ({listing(classes, 5)}). If these "
            f"are numbers to predict, set task=regression; else check data.label{between}"
        )
    problem = f"{data.train} has no row of it, so no model could learn it"
    advice = "Correct the labels, or move rows of that class to train"
    _check_known_labels(parts[1:], rows, classes, problem, advice)
    return Labels(task, tuple(classes))


def select_auxiliary_labels(rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return `id` and `label` of the training and validation rows with an auxiliary label.

    Raises:
        FoldlineError: where training rows have one class only, or almost as many as rows.
    """
    known = rows[(rows["part"] != "test") & (rows["auxiliary_label"] != "")]
    table = known.drop(columns="label").rename(columns={"auxiliary_label": "label"})
    if data.auxiliary_label is None:
        return table
    train = table["label"][table["part"] == "train"]
    classes = sorted(set(train), key=label_sort_key)
    if not 2 <= len(classes) <= max(50, len(train) // 2):
        raise FoldlineError(
            f"{data.train}, column '{data.auxiliary_label}': {len(classes)} classes "
            f"({listing(classes, 5) or 'none'}) in {len(train)} training rows that have one, but "
            "a model must learn them from several rows each. Name another column as "
            "data.auxiliary_label, or set it to null"
        )
    return table


def label_notes(data: Data, labels: Labels, counts: dict[str, int]) -> list[str]:
    """Return notes on classes that are rare or absent."""
    notes = []
    rare = [f"{name} ({count})" for name, count in counts.items() if count < MIN_CLASS_ROWS]
    if rare:
        notes.append(
            f"classes with fewer than {MIN_CLASS_ROWS} rows have no reliable score: {listing(rare)}"
        )
    absent = [
        name for name in data.classes or [] if find_value(clean_value(name), labels.classes) is None
    ]
    if absent and labels.classes:
        notes.append(f"data.classes: no training row has label {listing(absent)}, so it is ignored")
    return notes


def _check_known_labels(
    parts: list[Part], rows: pd.DataFrame, allowed: list[str], problem: str, advice: str
) -> None:
    for part in parts:
        own = set(rows["label"][rows["part"] == part.name])
        unknown = sorted(own - set(allowed), key=label_sort_key)
        if not unknown:
            continue
        ids = rows["id"][(rows["part"] == part.name) & (rows["label"] == unknown[0])]
        matching = part.table["id"].isin(set(ids)).to_numpy().nonzero()[0].tolist()
        alike = [name for name in allowed if look_alike_key(name) == look_alike_key(unknown[0])]
        close = alike[0] if alike else closest_name(unknown[0], allowed)
        hint = f" (did you mean '{close}'{_describe_forms(unknown[0], close)}?)" if close else ""
        others = f" Other such labels: {listing(unknown[1:])}." if len(unknown) > 1 else ""
        raise FoldlineError(
            f"{part.where(matching)}: label '{unknown[0]}'{hint}, but {problem}.{others} "
            f"Known: {listing(allowed)}. {advice}"
        )


def _describe_forms(label: str, known: str) -> str:
    """Return the unusual characters of two labels that look alike, for a message."""
    own, other = describe_characters(label), describe_characters(known)
    return f", with {other or 'plain characters'} instead of {own or 'plain ones'}" * (own != other)
