"""The user's rows: where they are, how they are cleaned and shared."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foldline.core.params import value_types
from foldline.core.params.base import Section
from foldline.core.params.value_types import CleanerComponent, RawFile, Share


class Annotations(Section):
    """Single judgements of several people, in a file of their own."""

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
    text_pair: str | None
    label: str | Annotated[list[str], Field(min_length=2), AfterValidator(value_types.different)]
    separator: Annotated[str, Field(min_length=1)]
    group: str | None
    weight: str | None
    time: str | None
    classes: Annotated[list[str], Field(min_length=2), AfterValidator(value_types.different)] | None
    encoding: Annotated[str, AfterValidator(value_types.encoding)]
    quoting: Literal["auto", "standard", "none"]
    known_after: Annotated[list[str], AfterValidator(value_types.different)]
    annotations: Annotations

    @property
    def label_columns(self) -> list[str]:
        """Give the column of labels, or the columns of 0 and 1 that stand for one label each."""
        return [self.label] if isinstance(self.label, str) else self.label

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        """Refuse one file or column in two roles that must differ."""
        value_types.told_apart({name: getattr(self, name) for name in type(self).model_fields})
        return self

    @model_validator(mode="after")
    def _known_before(self) -> Self:
        """Refuse to learn or split by what nobody knows when a prediction is made."""
        late = {name.strip() for name in self.known_after}
        for role in ("id", "text", "text_pair", "group", "time"):
            name = getattr(self, role)
            if name is not None and name.strip() in late:
                raise ValueError(
                    f"{role}: is column {name!r}, which data.known_after says is known only after "
                    "the fact, so no row to predict would have it; name another column, or take "
                    "it out of data.known_after"
                )
        return self


class Duplicates(Section):
    """Which rows are one text, so that no split may part them."""

    match: Literal["exact", "skeleton", "near"]
    threshold: Annotated[float, Field(ge=0.5, le=1)]
    pairs: Literal["both", "either"]
    min_chars: Annotated[int, Field(ge=1)]


class Prepare(Section):
    """How texts become their normal form, and what happens to rows that cannot be used."""

    unicode: Literal["NFKC", "NFC", "none"]
    clean: CleanerComponent | None
    empty_text: Literal["drop", "error"]
    missing_label: Literal["drop", "error"]
    conflicts: Literal["keep", "drop", "majority"]
    duplicates: Duplicates


class Split(Section):
    """How rows are shared between train, valid and test."""

    method: Literal["auto", "stratified", "grouped", "time"]
    ratios: Literal["auto"] | Annotated[list[Share], Field(min_length=3, max_length=3)]
    max_leak_share: Share
    drop_from_train: bool
    compare: bool

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if self.ratios != "auto" and (abs(sum(self.ratios) - 1) > 1e-6 or self.ratios[0] == 0):
            raise ValueError(
                f"ratios: train, valid and test must sum to 1, and train not be 0 "
                f"(found {self.ratios}, sum {sum(self.ratios):g})"
            )
        return self
