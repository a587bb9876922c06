"""A model kind from components/: a module with `fit(job)` and `load(folder, labels)`.

`STOPS_EARLY = True` in the module says that `fit` looks at the validation rows, `USES_WEIGHTS =
True` that it follows the column `weight` of the training rows, so that it can be boosted.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.components import check_component, component_path, report_errors
from foldline.core.io.labels import Labels
from foldline.models.interface import FitResult, Job, Kind, Model

FLAGS = ("STOPS_EARLY", "USES_WEIGHTS")


@dataclass(frozen=True)
class ComponentModel:
    """A component's model, whose mistakes are reported with the component's file."""

    model: Model
    name: str
    labels: Labels

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) float64 probabilities, or (n,) numbers, in the order of the rows."""
        with report_errors(self.name):
            predictions = np.asarray(self.model.predict(rows), dtype=np.float64)
        shape = (
            (len(rows),)
            if self.labels.task == "regression"
            else (
                len(rows),
                len(self.labels.classes),
            )
        )
        if predictions.shape != shape or not np.isfinite(predictions).all():
            found = "values that are not finite"
            if predictions.shape != shape:
                found = f"an array of shape {predictions.shape}"
            raise FoldlineError(
                f"`predict` of the model of {component_path(self.name)} returned {found}; it "
                f"must return finite numbers of shape {shape}. Check it with "
                "`python run.py test -k components`"
            )
        return predictions

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder."""
        with report_errors(self.name):
            self.model.save(folder)


def load_kind(name: str) -> Kind:
    """Return the kind that a component defines.

    Raises:
        FoldlineError: where its file or one of its functions is missing.
    """
    module = check_component(name, "model")

    def fit(job: Job) -> FitResult:
        with report_errors(name):
            fitted = module.fit(job)
        if not isinstance(fitted, FitResult):
            raise FoldlineError(
                f"`fit` of {component_path(name)} returned {type(fitted).__name__}; it must "
                f"return {FitResult.__name__}(model) of foldline.models.interface"
            )
        return replace(fitted, model=ComponentModel(fitted.model, name, job.labels))

    def load(folder: Path, labels: Labels) -> Model:
        with report_errors(name):
            return ComponentModel(module.load(folder, labels), name, labels)

    flags = {name.lower(): bool(getattr(module, name, False)) for name in FLAGS}
    return Kind(fit, load, **flags)
