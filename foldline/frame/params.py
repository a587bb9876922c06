"""The types of params.yaml. There are no defaults here: the file holds every value of a run."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from foldline.frame import checks
from foldline.frame.checks import Count, OpenShare, Positive, Range, RawFile, Share

KINDS = ("majority", "random", "tfidf", "scratch")

Task = Literal["classification", "regression"]


class Section(BaseModel):
    """Keys of params.yaml that belong together: unknown ones are refused, values stay as read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(Section):
    """Where the user's rows are and what their columns are called."""

    train: RawFile
    valid: RawFile | None
    test: RawFile | None
    predict: RawFile | None
    id: str | None
    text: str
    text_pair: str | None
    label: str
    group: str | None
    time: str | None
    classes: Annotated[list[str], Field(min_length=2), AfterValidator(checks.different)] | None
    encoding: Annotated[str, AfterValidator(checks.encoding)]
    quoting: Literal["auto", "standard", "none"]

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        """Refuse one file or column in two roles that must differ."""
        checks.told_apart({name: getattr(self, name) for name in type(self).model_fields})
        return self


class Prepare(Section):
    """How texts become their normal form, and what happens to rows that cannot be used."""

    unicode: Literal["NFKC", "NFC", "none"]
    empty_text: Literal["drop", "error"]
    missing_label: Literal["drop", "error"]


class Split(Section):
    """How rows are shared between train, valid and test."""

    method: Literal["auto", "stratified", "grouped", "time"]
    ratios: Literal["auto"] | Annotated[list[Share], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if self.ratios != "auto" and (abs(sum(self.ratios) - 1) > 1e-6 or self.ratios[0] == 0):
            raise ValueError(
                f"ratios: train, valid and test must sum to 1, and train not be 0 "
                f"(found {self.ratios}, sum {sum(self.ratios):g})"
            )
        return self


class WordShare(Section):
    """An augmenter's strength."""

    share: OpenShare


class Nlpaug(Section):
    """An augmenter of nlpaug by its class name, with its own arguments."""

    name: str
    options: dict[str, Any]


class Augment(Section):
    """How the training rows are balanced."""

    undersample: Literal["none", "random"]
    max_ratio: Annotated[float, Field(ge=1)]
    method: Literal["none", "aeda", "swap", "delete", "nlpaug"]
    classes: Literal["balance", "all"]
    copies: Annotated[int, Field(ge=1, le=100)]
    aeda: WordShare
    swap: WordShare
    delete: WordShare
    nlpaug: Nlpaug


class Train(Section):
    """How a transformer is trained."""

    schedule: Literal["constant", "linear", "cosine"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    max_grad_norm: Positive
    accumulation: Count
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"]
    patience: Count
    precision: Literal["float32", "bfloat16"]
    threads: Count


class Tfidf(Section):
    """The TF-IDF model."""

    words: Range
    chars: Range
    min_df: Count
    c: Positive
    alpha: Positive
    class_weights: Literal["none", "balanced"]


class Scratch(Section):
    """The transformer that is built and trained from nothing."""

    vocabulary: Annotated[int, Field(ge=50)]
    layers: Count
    width: Count
    heads: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width: must be a multiple of heads, {self.heads} (found {self.width})"
            )
        return self


class Kfold(Section):
    """Cross-validation."""

    n_splits: Annotated[int, Field(ge=2)]
    inner_valid: OpenShare
    keep_models: bool


class Ensemble(Section):
    """Which members vote, and how."""

    members: Annotated[
        list[Literal["train", "folds", "tfidf"]],
        Field(min_length=1),
        AfterValidator(checks.different),
    ]
    method: Literal["soft", "hard", "weighted"]


class Evaluate(Section):
    """How scores get their intervals."""

    resamples: Annotated[int, Field(ge=100)]
    level: OpenShare


class Predict(Section):
    """What a submission looks like."""

    sample_submission: RawFile | None


class Runner(Section):
    """How work is carried out; no value here can change a result."""

    jobs: Count


class Recipe(Section):
    """Every key that makes a model, whichever kind it is."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    task: Task
    model: Annotated[str, Field(min_length=1)]
    lr: Positive
    epochs: Count
    batch_size: Count
    max_length: Annotated[int, Field(ge=4)]
    train: Train
    tfidf: Tfidf
    scratch: Scratch


class Settings(Recipe):
    """The whole of params.yaml."""

    data: Data
    prepare: Prepare
    split: Split
    augment: Augment
    kfold: Kfold
    ensemble: Ensemble
    evaluate: Evaluate
    predict: Predict
    runner: Runner

    @model_validator(mode="after")
    def _known_model(self) -> Self:
        checks.known_model(self.model, KINDS)
        return self

    @model_validator(mode="after")
    def _somebody_votes(self) -> Self:
        members = self.ensemble.members
        if "folds" in members and not self.kfold.keep_models:
            raise ValueError(
                "ensemble.members: 'folds' cannot vote, as kfold.keep_models is false; take it "
                "out of the list, or keep the models"
            )
        if self.model == "tfidf" and members == ["tfidf"]:
            raise ValueError(
                "ensemble.members: with model=tfidf name 'train' or 'folds': they are TF-IDF"
            )
        return self

    @model_validator(mode="after")
    def _split_needs_a_column(self) -> Self:
        needed = {"time": "time", "grouped": "group"}.get(self.split.method)
        if needed and getattr(self.data, needed) is None:
            raise ValueError(
                f"split.method: {self.split.method} needs the column that data.{needed} names, "
                "which is null"
            )
        return self

    @model_validator(mode="after")
    def _balance_needs_classes(self) -> Self:
        augment = self.augment
        if self.task == "regression" and augment.undersample != "none":
            raise ValueError("augment.undersample: needs classes; set it to none for regression")
        if self.task == "regression" and augment.method != "none" and augment.classes != "all":
            raise ValueError("augment.classes: 'balance' needs classes; use 'all' for regression")
        return self
