"""The sections data, prepare and split of params.yaml."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foldline.core.params import value_types
from foldline.core.params.base import Section
from foldline.core.params.value_types import CleanerComponent, RawFile, Share


class Annotations(Section):
    """Labels of several annotators a row, in a file of their own."""

    file: RawFile | None
    item: str
    annotator: str
    label: str
    scale: Literal["nominal", "ordinal", "interval"]
    aggregate: Literal["none", "majority", "mean", "soft"]


class Data(Section):
    """Where the user's rows are and what their columns are called."""

    train: RawFile
    valid: RawFile | None
    test: RawFile | None
    predict: RawFile | None
    id: str | None
    text: str
    """`data.text` is the field `text` of the objects in column `data`; so with the other columns.
    """
    text_pair: str | None
    label: str | Annotated[list[str], Field(min_length=2), AfterValidator(value_types.check_unique)]
    auxiliary_label: str | None
    """The first model of a chain predicts it, see `chain`. Test rows and rows to predict need none.
    """
    separator: Annotated[str, Field(min_length=1)]
    """Lists in the notations of JSON, Python and numpy are read, too."""
    group: str | None
    weight: str | None
    time: str | None
    classes: (
        Annotated[list[str], Field(min_length=2), AfterValidator(value_types.check_unique)] | None
    )
    encoding: Annotated[str, AfterValidator(value_types.check_encoding)]
    quoting: Literal["auto", "standard", "none"]
    known_after: Annotated[list[str], AfterValidator(value_types.check_unique)]
    annotations: Annotations

    @property
    def label_columns(self) -> list[str]:
        """Return the column of labels, or the columns of 0 and 1 with one label each."""
        return [self.label] if isinstance(self.label, str) else self.label

    @model_validator(mode="after")
    def _check_distinct_roles(self) -> Self:
        """Raise for a file or column in two roles that must differ."""
        value_types.check_distinct_columns(
            {name: getattr(self, name) for name in type(self).model_fields}
        )
        return self

    @model_validator(mode="after")
    def _check_known_after(self) -> Self:
        """Raise for roles of columns that are unknown when a prediction is made."""
        known_after = {name.strip() for name in self.known_after}
        for role in ("id", "text", "text_pair", "group", "time"):
            name = getattr(self, role)
            if name is not None and name.strip() in known_after:
                raise ValueError(
                    f"{role}: column {name!r} is in data.known_after, so rows to predict do not "
                    "have it; name another column, or remove it from data.known_after"
                )
        return self


class Duplicates(Section):
    """Which rows are duplicates, which a split keeps together."""

    match: Literal["exact", "skeleton", "near"]
    threshold: Annotated[float, Field(ge=0.5, le=1)]
    pairs: Literal["auto", "both", "either"]
    """`auto`: pairs are duplicates where both sentences are. Those that share one sentence stay
    together as far as the sizes of parts and folds allow; reports/split.json counts what crosses.
    `both` ignores shared sentences. `either`: pairs are duplicates where one sentence is, so that
    official files that share one leak."""
    min_chars: Annotated[int, Field(ge=1)]


class Prepare(Section):
    """How texts are normalized, and what happens to rows that cannot be used."""

    unicode: Literal["NFKC", "NFC", "none"]
    clean: CleanerComponent | None
    empty_text: Literal["drop", "error"]
    missing_label: Literal["drop", "error"]
    conflicts: Literal["keep", "drop", "majority"]
    """Equal texts, or skeletons, with different labels; `majority` drops ties. This comes before
    the split, so a test part that is taken from train is cleaned, too; an official one is not.
    """
    duplicates: Duplicates


class Split(Section):
    """How rows are divided into train, valid and test."""

    method: Literal["auto", "stratified", "grouped", "time"]
    """`auto` is `time` where data.time is named, else `grouped` where data.group is, else
    `stratified`."""
    ratios: Literal["auto"] | Annotated[list[Share], Field(min_length=3, max_length=3)]
    """`auto` is 6:2:2 below 10,000 rows, 8:1:1 below 1,000,000, then 98:1:1. Where a part has an
    official file, the others share the rest in this proportion. Without test rows (`[1, 0, 0]`)
    scores are out of fold; without valid rows a tenth of train stops a training early."""
    max_leak_share: Share
    """The run stops where a larger share of valid or test has a duplicate or its group in train.
    """
    drop_from_train: bool
    """Training rows that share a text or a group with valid or test are dropped. Where duplicates
    of several users' groups cross a split of our own, equal ones are dropped in any case."""
    compare: bool

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if self.ratios != "auto" and (abs(sum(self.ratios) - 1) > 1e-6 or self.ratios[0] == 0):
            raise ValueError(
                f"ratios: train, valid and test must sum to 1, and train must be above 0 "
                f"(found {self.ratios}, sum {sum(self.ratios):g})"
            )
        return self
