"""How predictions fill the sample submission of a competition: its ids, columns and notation.

`prepare` makes the plan, too, so that what `predict` cannot fill is told before any training.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data.cell_values import Column, clean_value, find_value, join_ids, match_ids, trim
from foldline.data.look_alikes import is_placeholder, look_alike_key
from foldline.data.number_notation import is_plain, is_quantity, parse_numbers
from foldline.data.raw_table import RawTable, is_number
from foldline.data.reading import read_raw

_PROBABILITY = re.compile(
    r"(?:^|[^a-z])(?:prob(?:a|s|ability|abilities)?|likelihood)(?:$|[^a-z])|확률", re.IGNORECASE
)
_KEY = "predict.sample_submission"


@dataclass(frozen=True)
class SubmissionPlan:
    """The columns of a submission, and the row to predict on each of its lines.

    `columns` are, by the sample's name, the class whose probability is written, or None for the
    answer. `spelling` are classes as the sample writes them. `decimal` is its decimal mark.
    """

    id_column: str
    ids: list[str]
    rows: list[int]
    columns: dict[str, str | None]
    spelling: dict[str, str] = field(default_factory=dict)
    decimal: str = "."
    notes: list[str] = field(default_factory=list)


def plan_sample(
    ids: list[str], labels: Labels, data: Data, path: str | None
) -> SubmissionPlan | None:
    """Read the sample and return how predictions of data.predict fill it; None without one.

    Raises:
        FoldlineError: where it cannot be read, or not be filled.
    """
    if path is None or data.predict is None:
        return None
    try:
        sample = read_raw(Path(path), data.encoding, data.quoting)
    except FoldlineError as error:
        raise FoldlineError(f"{_KEY}: {error}") from error
    return plan_submission(ids, labels, data, sample, data.predict)


def plan_submission(
    ids: list[str], labels: Labels, data: Data, sample: RawTable, file: str
) -> SubmissionPlan:
    """Return how predictions of rows with these ids, from `file`, fill the sample.

    Raises:
        FoldlineError: naming ids or columns of the sample that cannot be filled.
    """
    id_column, names = _find_id_column(sample, ids, data)
    plan = _match_rows(ids, data, sample, id_column, file)
    return _plan_columns(plan, names, labels, data, sample)


def classes_to_fill(labels: Labels, data: Data) -> list[str]:
    """Return the classes, and label columns that no training row has."""
    named = [] if isinstance(data.label, str) else [clean_value(name) for name in data.label]
    return list(dict.fromkeys([*named, *labels.classes]))


def _find_id_column(sample: RawTable, ids: list[str], data: Data) -> tuple[str, list[str]]:
    """Return the id column of a sample, by name or as the first one, and the others."""
    names = list(sample.columns)
    key = data.id if data.id in names else names[0]
    return key, [name for name in names if name != key]


def _match_rows(
    ids: list[str], data: Data, sample: RawTable, id_column: str, file: str
) -> SubmissionPlan:
    values = [trim(value or "") for value in sample.columns[id_column]]
    _check_sample_ids(sample, id_column, values)
    column = Column(sample, id_column, join_ids([Column(sample, id_column, values)]).apply(values))
    if data.id is None:
        rows, note = _match_by_order(ids, sample, column, file)
        return SubmissionPlan(id_column, values, rows, {}, notes=[note])
    own = Column(RawTable(Path(file), {}, []), data.id, ids)
    matched = match_ids(column, [own], "ids")
    row_of = {name: row for row, name in enumerate(ids)}
    found = [matched.spelling.get(value) for value in column.values]
    missing = [value for value, known in zip(values, found, strict=True) if known is None]
    extra = sorted(set(ids) - set(found))
    if missing or extra:
        raise FoldlineError(
            f"{_KEY} ({sample.path}) has {len(values)} ids, data.predict ({file}) has {len(ids)}; "
            f"only in the sample: {listing(missing) or 'none'}; only in data.predict: "
            f"{listing(extra) or 'none'}. {_ids_advice(missing, extra)}"
        )
    rows = [row_of[name] for name in found if name is not None]
    return SubmissionPlan(id_column, values, rows, {}, notes=matched.notes)


def _check_sample_ids(sample: RawTable, name: str, values: list[str]) -> None:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        rows[value].append(row)
    where = f"{_KEY} ({sample.path}"
    if "" in rows:
        raise FoldlineError(
            f"{where}, {sample.where(rows[''])}): column '{name}' is empty. Fill in the ids, or "
            "take the competition's own file"
        )
    repeated = [value for value, own in rows.items() if len(own) > 1]
    if repeated:
        raise FoldlineError(
            f"{where}, {sample.where(rows[repeated[0]])}): id '{repeated[0]}' occurs more than "
            f"once{f', and so do {len(repeated) - 1} others' if len(repeated) > 1 else ''}. Keep "
            "one line an id, or take the competition's own file"
        )


def _match_by_order(
    ids: list[str], sample: RawTable, column: Column, file: str
) -> tuple[list[int], str]:
    """Return the rows in order, where the sample only numbers them."""
    count = len(column.values)
    numbered = any(
        list(column.values) == [str(number) for number in range(start, start + count)]
        for start in (0, 1)
    )
    if not numbered or count != len(ids):
        raise FoldlineError(
            f"{_KEY} ({sample.path}) has {count} ids such as '{column.values[0]}', but data.id is "
            f"null, so the {len(ids)} rows of {file} have none to compare. Set data.id to the "
            "column with the ids, or set predict.sample_submission=null"
        )
    note = f"{sample.path}: data.id is null, so its lines 1, 2, ... are the rows of {file} in order"
    return list(range(count)), note


def _ids_advice(missing: list[str], extra: list[str]) -> str:
    alike = {look_alike_key(value): value for value in extra}
    twin = next((value for value in missing if look_alike_key(value) in alike), None)
    if twin:
        return (
            f"'{twin}' and '{alike[look_alike_key(twin)]}' differ only in case, white space or "
            "look-alike characters: write the ids in one way"
        )
    if any(re.search(r"\d[eE]\+\d", value) for value in missing):
        return "A spreadsheet rounded the ids of the sample: take the competition's own file"
    return "Both must be from the same competition"


def _plan_columns(
    plan: SubmissionPlan, names: list[str], labels: Labels, data: Data, sample: RawTable
) -> SubmissionPlan:
    classes = classes_to_fill(labels, data) if labels.task != "regression" else []
    if len(names) == 1 and isinstance(data.label, str):
        return _plan_answer(plan, names[0], labels, sample)
    meant = _match_classes(names, classes)
    if names and classes and sorted(map(str, meant.values())) == sorted(classes):
        return replace(plan, columns=meant, notes=plan.notes + _whole_note(sample, names))
    allowed = "two columns, id and label"
    if classes:
        allowed += f", or id and one for each class ({listing(classes)})"
    raise FoldlineError(
        f"{_KEY} ({sample.path}) has {len(names) + 1} columns (id and {listing(names) or 'none'}); "
        f"a sample submission has {allowed}. Add, remove or rename columns, or set "
        "predict.sample_submission=null"
    )


def _match_classes(names: list[str], classes: list[str]) -> dict[str, str | None]:
    """Return the class of each column, also without a first word that all share: `p_ham`."""
    own = [clean_value(name) for name in names]
    if not set(own) & set(classes) and len({name.partition("_")[0] for name in own}) == 1:
        own = [name.partition("_")[2] for name in own]
    return {name: find_value(label, classes) for name, label in zip(names, own, strict=True)}


def _plan_answer(
    plan: SubmissionPlan, name: str, labels: Labels, sample: RawTable
) -> SubmissionPlan:
    """Decide whether a sample of one column takes labels, or the second class's probability."""
    cells = {trim(value or "") for value in sample.columns[name]} - {""}
    values = sorted(value for value in cells if not is_placeholder(value))
    plan = replace(plan, columns={name: None}, decimal=_decimal_mark(values))
    if labels.task == "regression":
        return plan
    spelling = _spell_as(values, labels.classes) if labels.task == "classification" else {}
    fractions = _has_fractions(values) and not set(values) <= set(spelling.values())
    if fractions or _asks_for_probability(name, labels):
        return _plan_probability(plan, name, values, labels, sample)
    notes = [*plan.notes, *_answer_notes(name, values, spelling, labels, sample)]
    return replace(plan, spelling=spelling, notes=notes)


def _plan_probability(
    plan: SubmissionPlan, name: str, values: list[str], labels: Labels, sample: RawTable
) -> SubmissionPlan:
    example = values[0] if values else ""
    why = f"column '{name}' holds {example or 'nothing'}"
    fractions = _has_fractions(values)
    why += ", a fraction" if fractions else ", and its name asks for a probability"
    steps = ["write a class in its cells"] * fractions
    steps += ["rename the column"] * _asks_for_probability(name, labels)
    advice = " and ".join(steps)
    if labels.task != "classification" or len(labels.classes) != 2:
        numbers = "; if it wants numbers, set task=regression" * all(map(is_number, labels.classes))
        raise FoldlineError(
            f"{_KEY} ({sample.path}): {why}, so it wants a probability, but one column cannot hold "
            f"those of {len(labels.classes)} classes ({listing(labels.classes)}). Give the sample "
            f"a column for each class, or, to get labels, {advice}{numbers}"
        )
    note = (
        f"{sample.path}: {why}, so the submission holds the probability of class "
        f"'{labels.classes[1]}' (the second; data.classes sets the order). For labels, {advice}"
    )
    return replace(plan, columns={name: labels.classes[1]}, notes=[*plan.notes, note])


def _asks_for_probability(name: str, labels: Labels) -> bool:
    return bool(_PROBABILITY.search(name)) and len(labels.classes) == 2


def _answer_notes(
    name: str, values: list[str], spelling: dict[str, str], labels: Labels, sample: RawTable
) -> list[str]:
    if labels.task != "classification" or not values:
        return []
    changed = {label: own for label, own in spelling.items() if label != own}
    known = {*labels.classes, *spelling.values()}
    if changed:
        label, own = next(iter(changed.items()))
        return [f"{sample.path}: column '{name}' writes class '{label}' as '{own}', and so does "
                "the submission" + _float_hint(values, labels)]  # fmt: skip
    unknown = [value for value in values if value not in known]
    if unknown:
        return [
            f"{sample.path}: column '{name}' holds {listing(unknown, 3)}, which is no class "
            f"({listing(labels.classes, 4)}): the submission has the classes as the training rows "
            "write them. If the competition wants others, replace the labels of the files"
        ]
    return []


def _float_hint(values: list[str], labels: Labels) -> str:
    if len(labels.classes) != 2 or not all("." in value for value in values):
        return ""
    return ". If it wants probabilities, write 0.5 in its cells"


def _whole_note(sample: RawTable, names: Sequence[str]) -> list[str]:
    cells = [trim(value or "") for name in names for value in sample.columns[name]]
    if any(cells) and all(is_number(cell) for cell in cells if cell) and not _has_fractions(cells):
        return [
            f"{sample.path}: its columns of classes hold whole numbers; the submission has "
            "probabilities there. If the competition wants 0 and 1, round them"
        ]
    return []


def _has_fractions(values: Sequence[str]) -> bool:
    """Return whether values are numbers and some are not whole: `0.5`, `0,5`, `50 %`."""
    given = [value for value in values if value]
    if not given or not all(map(is_quantity, given)):
        return False
    notation = None if is_plain(given) else parse_numbers(given)
    numbers = [value if notation is None else notation.parse(value) or "" for value in given]
    return any(is_number(number) and float(number) % 1 != 0 for number in numbers)


def _decimal_mark(values: list[str]) -> str:
    notation = None if is_plain(values) else parse_numbers(values) if values else None
    return notation.decimal if notation and not notation.thousands else "."


def _spell_as(values: list[str], classes: Sequence[str]) -> dict[str, str]:
    """Return the classes as the sample writes them: by its cells, or like its other numbers."""
    spelling: dict[str, str] = {}
    for name in classes:
        alike = [value for value in values if look_alike_key(value) == look_alike_key(name)]
        exact = find_value(name, values)
        own = exact or (alike[0] if len(alike) == 1 else None)
        if own is not None:
            spelling[name] = own
    taken = set(spelling.values())
    if len(taken) < len(spelling) or not set(values) <= taken:
        return {}
    fractions = {re.sub(r"^[+-]?\d+", "", value) for value in values}
    if values and len(fractions) == 1 and re.fullmatch(r"\.0+", next(iter(fractions))):
        whole = [name for name in classes if re.fullmatch(r"[+-]?\d+", name)]
        spelling = {name: name + next(iter(fractions)) for name in whole} | spelling
    return spelling
