"""Regression targets transformed for training, and the inverse for every prediction."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.models.interface import FitResult, Job, Model

QUANTILES = 1000
MAX_LOSS = 1e-3  # of precision, as a share of the range
EDGE = 1e-7  # the first and last rank have no finite normal score
# A linear model may predict far outside the training range, where an inverse explodes or ends.
MARGIN = 0.1


@dataclass(frozen=True)
class TargetTransform:
    """A monotone transform fitted to training targets, and their range.

    Powers apply to (y - center) / scale: far from 0, as with years, those of y are lost in
    rounding.
    """

    name: str
    low: float
    high: float
    center: float = 0.0
    scale: float = 1.0
    power: float = 0.0
    quantiles: tuple[float, ...] = ()

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return (n,) transformed targets."""
        return np.asarray(FORWARD[self.name]((values - self.center) / self.scale, self))

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Return (n,) predictions in the target's units, at most MARGIN outside of its range."""
        with np.errstate(over="ignore"):  # infinite values are clipped
            labels = INVERSE[self.name](values, self) * self.scale + self.center
        margin = MARGIN * (self.high - self.low)
        return np.asarray(np.clip(labels, self.low - margin, self.high + margin))


@dataclass(frozen=True)
class TransformedModel:
    """A model trained on transformed targets; its predictions are in the target's units."""

    model: Model
    transform: TargetTransform

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n,) values."""
        return self.transform.inverse(self.model.predict(rows))

    def save(self, folder: Any) -> None:
        """Write the model; the registry writes the transform to its card."""
        self.model.save(folder)


def fit_target_transform(name: str, values: np.ndarray) -> TargetTransform:
    """Fit a transform to (n,) targets.

    log is log(1 + y). Box-Cox (Box and Cox, 1964) transforms y over its geometric mean, Yeo-Johnson
    (Yeo and Johnson, 2000) y less its minimum, over the median of that; both powers maximise the
    likelihood. quantile maps ranks to a normal distribution.

    Raises:
        FoldlineError: if the transform is undefined for a value, or loses too much precision.
    """
    from scipy import stats

    lower_bound = {"log": -1.0, "box-cox": 0.0}.get(name)
    if lower_bound is not None and values.min() <= lower_bound:
        raise FoldlineError(
            f"target.transform={name} needs labels above {lower_bound:g}, but the lowest training "
            f"label is {values.min():g}. Set target.transform to yeo-johnson, quantile or none"
        )
    low, high = float(values.min()), float(values.max())
    if name != "quantile" and low == high:
        raise FoldlineError(
            f"target.transform={name}: all training labels are {low:g}. Set target.transform to "
            "none, and check data.label"
        )
    fitted = TargetTransform(name, low, high)
    if name == "box-cox":
        scale = float(np.exp(np.log(values).mean()))
        power = float(stats.boxcox_normmax(values / scale, method="mle"))
        fitted = TargetTransform(name, low, high, 0.0, scale, power)
    elif name == "yeo-johnson":
        center, scale = low, float(np.median(values - low)) or float(values.std())
        power = float(stats.yeojohnson_normmax((values - center) / scale))
        fitted = TargetTransform(name, low, high, center, scale, power)
    elif name == "quantile":
        ranks = np.linspace(0, 1, min(QUANTILES, len(values)))
        fitted = TargetTransform(
            name, low, high, quantiles=tuple(np.quantile(values, ranks).tolist())
        )
    error = float(np.abs(fitted.inverse(fitted.forward(values)) - values).max())
    if name != "quantile" and not error <= MAX_LOSS * (high - low):
        raise FoldlineError(
            f"target.transform={name} would change labels by up to {error:g} in the round trip "
            f"(range {low:g} to {high:g}). Set target.transform to quantile or none"
        )
    return fitted


def fit_transformed(job: Job, fit: Callable[[Job], FitResult]) -> FitResult:
    """Fit a model to transformed targets; the transform is fitted to the training rows only."""
    target = job.labels.encode(job.train["label"])
    transform = fit_target_transform(job.recipe.target.transform, target)
    parts = {}
    for part, rows in (("train", job.train), ("valid", job.valid)):
        # Early stopping uses these: a target outside the training range may have no image.
        clipped = np.clip(job.labels.encode(rows["label"]), target.min(), target.max())
        parts[part] = rows.assign(label=[repr(v) for v in transform.forward(clipped).tolist()])
    fitted = fit(replace(job, train=parts["train"], valid=parts["valid"]))
    summary = {"skew_before": skewness(target), "skew_after": skewness(transform.forward(target))}
    return replace(
        fitted,
        model=TransformedModel(fitted.model, transform),
        summary=fitted.summary | summary,
        samples={
            epoch: transform.inverse(predictions) for epoch, predictions in fitted.samples.items()
        },
    )


def describe_transform(model: Model) -> dict[str, Any] | None:
    """Return the transform of a model as a dict for its card, or None if it has none."""
    return asdict(model.transform) if isinstance(model, TransformedModel) else None


def restore_transform(model: Model, description: dict[str, Any] | None) -> Model:
    """Wrap a model in the transform that its card describes."""
    transform = make_transform(description)
    return model if transform is None else TransformedModel(model, transform)


def make_transform(description: dict[str, Any] | None) -> TargetTransform | None:
    """Return the transform that a card describes, or None."""
    if description is None:
        return None
    return TargetTransform(**description | {"quantiles": tuple(description["quantiles"])})


def skewness(values: np.ndarray) -> float:
    """Return the skewness of (n,) values; 0 is symmetric."""
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread else 0.0


def _yeo_johnson(values: np.ndarray, power: float) -> np.ndarray:
    from scipy.special import boxcox1p

    up, down = boxcox1p(np.maximum(values, 0), power), boxcox1p(np.maximum(-values, 0), 2 - power)
    return np.asarray(np.where(values >= 0, up, -down))


def _inverse_yeo_johnson(values: np.ndarray, power: float) -> np.ndarray:
    from scipy.special import inv_boxcox1p

    up = inv_boxcox1p(_clip_to_image(np.maximum(values, 0), power), power)
    down = inv_boxcox1p(_clip_to_image(np.maximum(-values, 0), 2 - power), 2 - power)
    return np.asarray(np.where(values >= 0, up, -down))


def _box_cox(values: np.ndarray, power: float) -> np.ndarray:
    from scipy.special import boxcox

    return np.asarray(boxcox(values, power))


def _inverse_box_cox(values: np.ndarray, power: float) -> np.ndarray:
    from scipy.special import inv_boxcox

    return np.asarray(inv_boxcox(values, power))


def _clip_to_image(values: np.ndarray, power: float) -> np.ndarray:
    """Clip values to where power * z + 1 is positive: beyond, no target maps to them."""
    if power == 0:
        return values
    edge = -1 / power * (1 - 1e-9)
    return np.asarray((np.maximum if power > 0 else np.minimum)(values, edge))


def _normal_scores(values: np.ndarray, transform: TargetTransform) -> np.ndarray:
    """Return normal scores; tied values get the middle of their ranks."""
    from scipy.stats import norm

    quantiles = np.array(transform.quantiles)
    grid = np.linspace(0, 1, len(quantiles))
    up = np.interp(values, quantiles, grid)
    down = -np.interp(-values, -quantiles[::-1], -grid[::-1])
    return np.asarray(norm.ppf(EDGE + (1 - 2 * EDGE) * (up + down) / 2))


def _inverse_normal_scores(values: np.ndarray, transform: TargetTransform) -> np.ndarray:
    from scipy.stats import norm

    quantiles = np.array(transform.quantiles)
    ranks = (norm.cdf(values) - EDGE) / (1 - 2 * EDGE)
    return np.asarray(np.interp(ranks, np.linspace(0, 1, len(quantiles)), quantiles))


FORWARD: dict[str, Callable[[np.ndarray, TargetTransform], np.ndarray]] = {
    "log": lambda values, _: np.asarray(np.log1p(values)),
    "box-cox": lambda values, found: _box_cox(values, found.power),
    "yeo-johnson": lambda values, found: _yeo_johnson(values, found.power),
    "quantile": _normal_scores,
}
INVERSE: dict[str, Callable[[np.ndarray, TargetTransform], np.ndarray]] = {
    "log": lambda values, _: np.asarray(np.expm1(values)),
    "box-cox": lambda values, found: _inverse_box_cox(
        _clip_to_image(values, found.power), found.power
    ),
    "yeo-johnson": lambda values, found: _inverse_yeo_johnson(values, found.power),
    "quantile": _inverse_normal_scores,
}
