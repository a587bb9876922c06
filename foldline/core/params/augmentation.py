"""How training rows are resampled and augmented."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foldline.core.params.base import Section
from foldline.core.params.value_types import (
    AugmenterComponent,
    Count,
    OpenShare,
    Positive,
    RawFile,
    Share,
    check_local_model,
    check_prompt,
    check_server,
    check_tracked_file,
    check_variable,
)

Method = Literal[
    "aeda", "swap", "delete", "insert", "synonym", "eda", "noise", "pairswap", "nlpaug",
    "backtranslation", "llm",
]  # fmt: skip
Strategy = Literal["none", "balance", "ratio", "n_per_row"]


class WordShare(Section):
    """The share of words that an augmenter changes."""

    share: OpenShare


class Nlpaug(Section):
    """An nlpaug augmenter by its class name, with its own arguments."""

    name: str
    options: dict[str, Any]

    @model_validator(mode="after")
    def _check_tracked_files(self) -> Self:
        for name, value in self.options.items():
            if isinstance(value, str) and (name.endswith("path") or Path(value).exists()):
                check_tracked_file(f"options.{name}", value)
        return self


class Synonym(Section):
    """The source of synonyms, and the share of words that they replace."""

    share: OpenShare
    source: Literal["tsv", "wordnet", "kiwi"]
    path: RawFile | None


class Backtranslation(Section):
    """Two translation models, to another language and back: local folders or hub ids."""

    there: str | None
    back: str | None
    languages: Annotated[list[str], Field(min_length=2, max_length=2)] | None
    beams: Count
    temperature: Annotated[float, Field(ge=0)]
    batch_size: Count
    max_length: Count

    @model_validator(mode="after")
    def _check_translation(self) -> Self:
        """Raise for sampling with several beams, and for a folder that DVC does not track."""
        if self.temperature and self.beams > 1:
            raise ValueError(
                f"temperature: must be 0 where beams is above 1 (found {self.temperature} and "
                f"{self.beams}): translations are searched by beams or sampled by a temperature"
            )
        for name in ("there", "back"):
            if getattr(self, name):
                check_local_model(name, getattr(self, name))
        return self


class Llm(Section):
    """A language model on an OpenAI-compatible server; answers are recorded and replayed."""

    mode: Literal["replay", "record", "off"]
    url: Annotated[str, AfterValidator(check_server)]
    model: str
    key_variable: Annotated[str, AfterValidator(check_variable)]
    temperature: Annotated[float, Field(ge=0)]
    max_tokens: Count
    prompt: Annotated[str, AfterValidator(check_prompt)]


class Gates(Section):
    """Filters of copies; those that fail are dropped and counted."""

    min_length_ratio: Annotated[float, Field(gt=0, le=1)]
    max_length_ratio: Annotated[float, Field(ge=1)]
    near: Annotated[float, Field(ge=0.5, le=1)]
    """Jaccard similarity to a row other than its source at which a copy is refused."""
    min_agreement: Share
    """By a model that has not seen the source. Regression: 1 less the change of its prediction,
    as a share of the target's range."""


class Undersample(Section):
    """How rows of larger classes are dropped."""

    method: Literal["none", "random", "nearmiss1", "nearmiss2", "nearmiss3", "tomek", "enn", "ncr"]
    max_ratio: Annotated[float, Field(ge=1)]
    features: Literal["svd", "embeddings"]
    dimensions: Count
    encoder: str | None
    neighbours: Count
    memory_gb: Positive

    @model_validator(mode="after")
    def _check_encoder(self) -> Self:
        if self.features == "embeddings" and self.encoder is None:
            raise ValueError(
                "encoder: is null, but features=embeddings needs one: a folder under "
                "models/pretrained/ or a Hugging Face id"
            )
        if self.encoder is not None:
            check_local_model("encoder", self.encoder)
        return self


class Augment(Section):
    """Resampling and augmentation of the training rows."""

    undersample: Undersample
    method: Literal["none", "mix"] | Method | AugmenterComponent
    """`none`, `mix`, `aeda`, `swap`, `delete`, `insert`, `synonym`, `eda`, `noise`, `pairswap`,
    `nlpaug`, `backtranslation`, `llm` or `components.<name>`."""
    mix: Annotated[dict[Method | AugmenterComponent, Positive], Field(min_length=1)]
    strategy: Strategy
    """`balance` copies each class up to the largest one, `ratio` up to that share of it,
    `n_per_row` makes `copies` of each row."""
    per_class: dict[str, Strategy]
    """From the command line: `-S +augment.per_class.spam=n_per_row`."""
    ratio: Annotated[float, Field(gt=0, le=1)]
    copies: Annotated[int, Field(ge=1, le=100)]
    bins: Annotated[int, Field(ge=2)]
    gates: Gates
    aeda: WordShare
    swap: WordShare
    delete: WordShare
    insert: WordShare
    noise: WordShare
    synonym: Synonym
    nlpaug: Nlpaug
    backtranslation: Backtranslation
    llm: Llm

    def check_numbers(self) -> None:
        """Raise for options that need classes, in regression.

        Raises:
            ValueError: naming the key.
        """
        if self.undersample.method in ("tomek", "enn", "ncr"):
            raise ValueError(
                f"augment.undersample.method: {self.undersample.method} needs classes; use none, "
                "random or nearmiss1 to 3 for regression"
            )
        if self.per_class:
            raise ValueError(
                f"augment.per_class: names classes ({', '.join(self.per_class)}), but regression "
                "has none; set it to {}"
            )
