"""The classes that the training rows hold, and labels that no model could learn."""

import pandas as pd

from foldline.core.errors import FoldlineError, listed, nearest
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data.cell_parsing import is_number, label_sort_key
from foldline.data.multilabel import explode_labels, label_column_names
from foldline.data.normalization import normalize_text
from foldline.data.rows import Part

MIN_CLASS_ROWS = 10  # rows; fewer cannot be judged


def find_labels(task: str, data: Data, parts: list[Part], rows: pd.DataFrame) -> Labels:
    """Give the task's labels; classes stand in the order of data.classes, else sorted.

    `rows` are the parts' usable rows, the training rows are the first part's.

    Raises:
        FoldlineError: where there is nothing to tell apart, or a part has a label of its own.
    """
    if task == "regression":
        return Labels(task)
    count = int((rows["part"] == "train").sum())
    rows = explode_labels(rows, task)
    train = rows["label"][rows["part"] == "train"]
    found = sorted(set(train), key=label_sort_key)
    where = f"{data.train}, {label_column_names(data)}"
    if data.classes is not None:
        named = [normalize_text(name, "NFC") for name in data.classes]
        advice = "Correct the labels, or add the class to data.classes"
        _check_known_labels(parts, rows, named, "data.classes does not name it", advice)
        found = [name for name in named if name in set(found)]
    if len(found) < 2:
        raise FoldlineError(
            f"{where}: {task} needs two classes at least, found {listed(found) or 'none'} in "
            f"{count} rows. Check data.label and the file"
        )
    if len(found) > max(50, len(train) // 2):
        between = " and data.separator" if task == "multilabel" else ""
        raise FoldlineError(
            f"{where}: {len(found)} classes in {count} rows ({listed(found, 5)}). If these "
            f"are numbers to predict, set task=regression; else check data.label{between}"
        )
    complaint = f"{data.train} has no row of it, so no model could learn it"
    advice = "Correct the labels, or move rows of that class to train"
    _check_known_labels(parts[1:], rows, found, complaint, advice)
    return Labels(task, tuple(found))


def label_notes(data: Data, labels: Labels, counts: dict[str, int]) -> list[str]:
    """Give notes on classes that are rare, absent, or look like one class written twice."""
    notes = []
    rare = [f"{name} ({count})" for name, count in counts.items() if count < MIN_CLASS_ROWS]
    if rare:
        notes.append(
            f"classes with fewer than {MIN_CLASS_ROWS} rows cannot be judged: {listed(rare)}"
        )
    absent = [
        name for name in data.classes or [] if normalize_text(name, "NFC") not in labels.classes
    ]
    if absent and labels.classes:
        notes.append(f"data.classes: no training row has label {listed(absent)}: left out")
    alike: dict[str, list[str]] = {}
    for name in labels.classes:
        alike.setdefault(_spelling_key(name), []).append(name)
    twins = [" = ".join(names) for names in alike.values() if len(names) > 1]
    if twins:
        notes.append(f"labels that differ by case, white space or form only: {listed(twins)}")
    return notes


def _check_known_labels(
    parts: list[Part], rows: pd.DataFrame, known: list[str], complaint: str, advice: str
) -> None:
    for part in parts:
        own = set(rows["label"][rows["part"] == part.name])
        strange = sorted(own - set(known), key=label_sort_key)
        if not strange:
            continue
        ids = rows["id"][(rows["part"] == part.name) & (rows["label"] == strange[0])]
        there = part.table["id"].isin(set(ids)).to_numpy().nonzero()[0].tolist()
        alike = [name for name in known if _spelling_key(name) == _spelling_key(strange[0])]
        close = alike[0] if alike else nearest(strange[0], known)
        hint = f" (did you mean '{close}'?)" if close else ""
        others = f" Other such labels: {listed(strange[1:])}." if len(strange) > 1 else ""
        raise FoldlineError(
            f"{part.where(there)}: label '{strange[0]}'{hint}, but {complaint}.{others} "
            f"Known: {listed(known)}. {advice}"
        )


def _spelling_key(label: str) -> str:
    """Give what labels share that were meant to be one: Spam and spam, 1 and 1.0."""
    if is_number(label):
        return str(float(label))
    return "".join(normalize_text(label).casefold().split())
