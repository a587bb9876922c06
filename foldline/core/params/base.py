"""What every section of params.yaml obeys."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

KINDS = (
    "majority", "random", "length", "keywords", "tfidf", "gbdt", "static", "embed", "scratch",
    "zero-shot", "external",
)  # fmt: skip

# Options of modules in components/, by their names.
Components = dict[str, dict[str, Any]]
Task = Literal["classification", "multilabel", "regression"]


class Section(BaseModel):
    """Keys of params.yaml that belong together: unknown ones are refused, values stay as read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
