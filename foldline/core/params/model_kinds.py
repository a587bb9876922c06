"""Options of single model kinds; every kind has its section, used or not."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foldline.core.params.base import Section
from foldline.core.params.value_types import (
    Count,
    Positive,
    RawFile,
    check_hypothesis,
    check_local_model,
    check_tracked_file,
)


class Keywords(Section):
    """Keywords of each class, from a file."""

    file: RawFile | None
    """Each class with a list of words or /patterns/. Where it is named, the rules are a baseline,
    too."""


class LinearOptions(Section):
    """A linear head over dense features."""

    c: Positive
    alpha: Positive
    class_weights: Literal["none", "balanced"]


class DenseHead(LinearOptions):
    """A head over dense features."""

    head: Literal["linear", "knn", "mlp"]
    neighbours: Count
    hidden: Count
    epochs: Count
    weight_decay: Annotated[float, Field(ge=0)]


class Gbdt(Section):
    """Gradient-boosted trees."""

    dimensions: Count
    iterations: Count
    lr: Positive
    leaves: Annotated[int, Field(ge=2)]
    min_leaf: Count
    l2: Annotated[float, Field(ge=0)]
    patience: Count
    class_weights: Literal["none", "balanced"]


class Static(LinearOptions):
    """Averaged word vectors, read from a file or trained on the training rows."""

    vectors: str | None
    """word2vec or GloVe text (also .gz) under data/raw/ or models/pretrained/; null: learnt from
    the training rows. `c`, `alpha` and `class_weights` are those of the linear head over vectors.
    """
    vocabulary: Annotated[int, Field(ge=0)]
    dimensions: Count
    words: Count
    chars: Annotated[list[Count], Field(min_length=2, max_length=2)]
    min_df: Count
    buckets: Count
    epochs: Literal["auto"] | Count
    """`auto`: until 500,000 rows are seen, 10 to 50."""
    lr: Positive

    @model_validator(mode="after")
    def _check_vectors(self) -> Self:
        if self.vectors is not None:
            check_tracked_file("vectors", self.vectors)
        if self.chars[0] > self.chars[1]:
            raise ValueError(f"chars: must go from the smaller to the larger (found {self.chars})")
        return self


class Embed(DenseHead):
    """A frozen sentence encoder with a small head."""

    encoder: str | None

    @model_validator(mode="after")
    def _check_encoder(self) -> Self:
        if self.encoder is not None:
            check_local_model("encoder", self.encoder)
        return self


class External(Section):
    """Predictions made outside Foldline."""

    file: RawFile | None
    """csv under data/raw/ with id and p_<class> columns, or id and predicted for regression;
    every row once, those of train by a model that has not seen them, which cannot be proven here.
    """


class ZeroShot(Section):
    """An NLI model, asked whether a text fits each class's description."""

    model: str | None
    """A natural language inference model: a folder under models/pretrained/ or a Hugging Face id.
    Where it is named, it is a baseline, too."""
    hypothesis: Annotated[str, AfterValidator(check_hypothesis)]
    descriptions: dict[str, str]
    """A class that is not named is called by its name."""

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if self.model is not None:
            check_local_model("model", self.model)
        return self


# Required options of kinds, and unsupported tasks.
NEEDED = {
    "keywords": ("keywords", "file", "a YAML file under data/raw/ with the words of each class"),
    "embed": ("embed", "encoder", "a folder under models/pretrained/ or a Hugging Face id"),
    "external": ("external", "file", "a csv file under data/raw/ with id and predictions"),
    "zero-shot": ("zero_shot", "model", "a folder under models/pretrained/ or a Hugging Face id"),
}
CLASSES_ONLY = ("keywords", "zero-shot")
UNWEIGHTED = ("zero-shot", "external")  # they learn nothing, so they cannot be boosted
CLASSIFIERS = ("svm", "nbsvm", "complement_nb")
CONSTANT = ("majority", "random", "uniform")  # they read no text
WITH_FEATURES = ("tfidf", "gbdt", "embed")  # to which those of a chain can be appended


def check_kind(
    model: str, task: str, head: str, settings: Mapping[str, Section], name: str = "model"
) -> None:
    """Raise for a kind that lacks a required option, or does not support the task.

    `name` is the key that selects the kind.

    Raises:
        ValueError: naming the key.
    """
    if model in NEEDED:
        section, key, what = NEEDED[model]
        if getattr(settings[section], key) is None:
            raise ValueError(f"{section}.{key}: is null, but {name}={model} needs it: name {what}")
    if task == "multilabel":
        _check_weights(model, settings)
    if task != "regression":
        return
    if model in CLASSES_ONLY:
        raise ValueError(
            f"{name}: {model} supports only classification; use length, tfidf, gbdt, static, "
            "embed, external or a transformer for task=regression"
        )
    if head in CLASSIFIERS:
        raise ValueError(
            f"tfidf.head: {head} needs classes; use ridge (or logistic, which then is ridge) for "
            "task=regression"
        )


def check_chain(first: str, model: str, chained_input: str, head: str) -> None:
    """Raise for kinds that cannot be the first or the second of a chain.

    Raises:
        ValueError: naming the key.
    """
    if first in CONSTANT:
        raise ValueError(
            f"chain.first: {first} reads no text, so its predictions say nothing; use length, "
            "tfidf, gbdt, static, embed or a transformer"
        )
    if model in (*CONSTANT, *UNWEIGHTED):
        raise ValueError(
            f"chain.first: model={model} learns nothing from a first model's predictions; set "
            "chain.first to null, or use tfidf, gbdt, static, embed or a transformer as model"
        )
    if chained_input != "features":
        return
    if model not in WITH_FEATURES:
        raise ValueError(
            f"chain.input: features are for {', '.join(WITH_FEATURES)}, and model={model} reads "
            "texts alone; use prefix"
        )
    if model == "tfidf" and head == "complement_nb":
        raise ValueError(
            "chain.input: tfidf.head=complement_nb counts words and reads no other features; use "
            "prefix, or the head logistic, svm, nbsvm or ridge"
        )


def _check_weights(model: str, settings: Mapping[str, Any]) -> None:
    """Raise for class weights that would be ignored."""
    section = settings["static"] if model == "static" else settings["embed"]
    unweighted = (model == "static" and section.vectors is None) or (
        model == "embed" and section.head == "mlp"
    )
    if unweighted and section.class_weights != "none":
        raise ValueError(
            f"{model}.class_weights: {section.class_weights} needs one class a row here; set it to "
            "none for task=multilabel"
        )
