"""The user's columns become the pipeline's rows: checked, in normal form, with stable ids."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.params import Data, Prepare
from foldline.data import reading
from foldline.data.annotations import relabel
from foldline.data.cell_parsing import is_number, moment
from foldline.data.columns import by_role, check_same, known_after_notes
from foldline.data.multilabel import in_words, joined
from foldline.data.normalization import normalise
from foldline.data.raw import Raw
from foldline.data.text_cleaner import Cleaner

TEXTS = ["text", "text_pair"]


@dataclass
class Part:
    """The rows of one file, their originals, and what was dropped or noticed (row numbers)."""

    name: str
    raw: Raw
    table: pd.DataFrame
    originals: pd.DataFrame
    dropped: dict[str, list[int]] = field(default_factory=dict)
    kept_empty: list[int] = field(default_factory=list)

    def where(self, rows: list[int]) -> str:
        """Name rows of this part by file and line."""
        return f"{self.raw.path}, {self.raw.where(rows)}"

    @property
    def gone(self) -> set[int]:
        """Give the rows that were dropped."""
        return {row for rows in self.dropped.values() for row in rows}

    def kept(self) -> pd.DataFrame:
        """Give the rows that were not dropped, indexed by their number in the file."""
        return self.table.drop(index=sorted(self.gone))


def load_part(
    name: str,
    path: str,
    task: str,
    data: Data,
    prepare: Prepare,
    made: dict[str, str],
    clean: Cleaner,
) -> Part:
    """Read one file into rows; `made` are labels that judgements of people give, by id.

    Raises:
        FoldlineError: naming file, column and lines of what cannot be used.
    """
    raw = reading.read(Path(path), data.encoding, data.quoting)
    table = pd.DataFrame(by_role(raw, data, name), dtype="str")
    originals = table[TEXTS].copy()
    for role in TEXTS:
        table[role] = _normal(table[role], clean)
    table["part"] = name
    if data.id is None:
        table["id"] = content_ids(table)
    # Of labels and groups only what cannot be seen is changed: a submission gives them back.
    table["label"] = _normal(table["label"], _visible)
    if task == "multilabel" and name != "predict":
        table["label"] = joined(raw, table["label"].tolist(), data)
    table["group"] = _normal(table["group"], _visible)
    late = known_after_notes(raw, data) if name == "train" else []
    part = Part(name, replace(raw, columns={}, notes=raw.notes + late), table, originals)
    _check_ids(part, data)
    if name != "predict":
        if task == "classification":
            check_same(table["label"].tolist(), made, path, in_words(data))
        tied = relabel(table, made)
        if tied:
            part.dropped["annotators tie, and no label of its own"] = tied
        _check_labels(part, task, data, prepare)
    table["time"] = _times(part, data)
    table["weight"] = _weights(part, data)
    _check_empty(part, prepare, pair=data.text_pair is not None)
    if len(part.kept()) == 0:
        raise FoldlineError(
            f"{raw.path}: none of its {len(raw)} rows can be used "
            f"({' or '.join(part.dropped)}). Check data.text and data.label"
        )
    return part


def changed_originals(part: Part) -> pd.DataFrame:
    """Give id, part and original texts of the rows whose texts the normal form changed."""
    changed = (part.originals != part.table[TEXTS]).any(axis=1)
    return part.originals[changed].assign(id=part.table["id"][changed], part=part.name)


def content_ids(table: pd.DataFrame) -> list[str]:
    """Make ids from the content of rows, so that adding or moving a row changes no other id.

    Rows that are equal in every column are told apart by a number. What a row counts is no content.
    """
    names = [name for name in table.columns if name not in ("id", "weight")]
    seen: Counter[str] = Counter()
    ids = []
    for values in zip(*(table[name].tolist() for name in names), strict=True):
        digest = hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:16]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def _visible(text: str) -> str:
    return normalise(text, "NFC")


def _normal(column: "pd.Series[str]", form: Cleaner) -> list[str]:
    """Bring a column to its normal form; a value that comes again costs nothing."""
    known: dict[str, str] = {}
    return [
        known[text] if text in known else known.setdefault(text, form(text))
        for text in column.tolist()
    ]


def _check_ids(part: Part, data: Data) -> None:
    ids = part.table["id"]
    empty = [row for row, name in enumerate(ids.tolist()) if not name or name.isspace()]
    if empty:
        raise FoldlineError(
            f"{part.where(empty)}: column '{data.id}' is empty. Give every row an id, "
            "or set data.id=null to have them made"
        )
    doubled = ids[ids.duplicated(keep=False)]
    if len(doubled):
        name = doubled.iloc[0]
        more = doubled.nunique() - 1
        others = f", and so do {more} other ids" if more else ""
        raise FoldlineError(
            f"{part.where(list(doubled[doubled == name].index))}: id '{name}' stands more than "
            f"once{others}. Make ids unique, or set data.id=null to have them made"
        )


def _check_labels(part: Part, task: str, data: Data, prepare: Prepare) -> None:
    labels = part.table["label"].tolist()
    if task == "multilabel":
        return  # a row of no label is one, too
    gone = part.gone
    missing = [row for row, label in enumerate(labels) if not label and row not in gone]
    if missing and prepare.missing_label == "error":
        hint = ""
        if len(missing) == len(labels) and part.name != "train":
            hint = ". A file without labels belongs into data.predict"
        raise FoldlineError(
            f"{part.where(missing)}: {len(missing)} of {len(labels)} labels are missing "
            f"({in_words(data)}). Fill them in, or set prepare.missing_label=drop{hint}"
        )
    if missing:
        part.dropped["missing label"] = missing
    if task == "regression":
        wrong = [row for row, label in enumerate(labels) if label and not is_number(label)]
        if wrong:
            raise FoldlineError(
                f"{part.where(wrong)}: label {labels[wrong[0]]!r} is not a finite number, which "
                "task=regression needs. Mend the labels, or set task=classification"
            )


def _check_empty(part: Part, prepare: Prepare, pair: bool) -> None:
    columns = [part.table[role].tolist() for role in (TEXTS if pair else TEXTS[:1])]
    gone = part.gone
    empty = [
        row
        for row, texts in enumerate(zip(*columns, strict=True))
        if not all(texts)
        if row not in gone
    ]
    if not empty:
        return
    if part.name in ("test", "predict"):
        part.kept_empty = empty  # every row of these is scored, whatever it holds
    elif prepare.empty_text == "error":
        raise FoldlineError(
            f"{part.where(empty)}: {len(empty)} texts are empty (after normal form). "
            "Fill them in, or set prepare.empty_text=drop"
        )
    else:
        part.dropped["empty text"] = empty


def _weights(part: Part, data: Data) -> list[float]:
    """Give (n,) numbers above 0: 1 where no column says."""
    texts = part.table["weight"].tolist()
    if data.weight is None or part.name == "predict" or (part.name != "train" and not any(texts)):
        return [1.0] * len(texts)
    wrong = [r for r, text in enumerate(texts) if not is_number(text) or float(text) <= 0]
    if wrong:
        raise FoldlineError(
            f"{part.where(wrong)}: weight {texts[wrong[0]]!r} in column '{data.weight}' is not a "
            "number above 0. Mend the column (take out rows that should count nothing), or set "
            "data.weight=null"
        )
    return [float(text) for text in texts]


def _times(part: Part, data: Data) -> list[float]:
    """Give (n,) numbers that grow with time: numbers as they are, dates as seconds from 1970."""
    texts = part.table["time"].tolist()
    if data.time is None or part.name == "predict":
        return [0.0] * len(texts)
    if part.name != "train" and not any(texts):
        return [0.0] * len(texts)  # an official file without the column
    numbers = [row for row, text in enumerate(texts) if is_number(text)]
    if len(numbers) == len(texts):
        return [float(text) for text in texts]
    known: dict[str, float | None] = {text: moment(text) for text in dict.fromkeys(texts)}
    wrong = [row for row, text in enumerate(texts) if known[text] is None and not is_number(text)]
    if wrong:
        raise FoldlineError(
            f"{part.where(wrong)}: {texts[wrong[0]]!r} in column '{data.time}' is neither a "
            "number nor a date like 2024-01-31 or 2024-01-31T12:00:00+09:00. Mend the column, or "
            "set data.time=null"
        )
    if numbers:
        raise FoldlineError(
            f"{part.where(numbers)}: {texts[numbers[0]]!r} in column '{data.time}' is a number, "
            "but other rows hold dates: which is older cannot be told. Write all in one way"
        )
    return [seconds for text in texts if (seconds := known[text]) is not None]
