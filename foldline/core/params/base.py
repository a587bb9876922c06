"""The base class of the sections of params.yaml."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

KINDS = (
    "majority", "random", "uniform", "length", "decision-list", "keywords", "tfidf", "gbdt",
    "static", "embed", "scratch", "zero-shot", "external",
)  # fmt: skip

# Options of modules in components/, by name.
Components = dict[str, dict[str, Any]]
Task = Literal["classification", "multilabel", "regression"]


class Section(BaseModel):
    """A section of params.yaml: unknown keys are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
