"""A multilayer perceptron with one hidden layer as a head over dense features."""

import warnings
from dataclasses import dataclass

import numpy as np

from foldline.core.io.arrays import encode_name
from foldline.core.io.labels import Labels
from foldline.core.params import DenseHead
from foldline.models.one_vs_rest import LinearModel, expand_probabilities, one_vs_rest_targets
from foldline.models.scaling import balance_classes, mean_and_scale, softmax
from foldline.models.soft_labels import expand_soft_targets


@dataclass(frozen=True)
class MlpHead:
    """One hidden layer of ReLU units: `inner` (f, h) and `outer` (h, k), each with its bias."""

    mean: np.ndarray
    scale: np.ndarray
    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray
    codes: np.ndarray

    def predict(self, features: np.ndarray, labels: Labels) -> np.ndarray:
        """Return probabilities or values."""
        hidden = np.maximum((features - self.mean) / self.scale @ self.inner + self.inner_bias, 0)
        if labels.task != "classification" or self.outer.shape[1] == 1:
            linear = LinearModel(self.outer.T, self.outer_bias, self.codes)
            return linear.predict(hidden, labels)
        return expand_probabilities(
            softmax(hidden @ self.outer + self.outer_bias), self.codes, labels
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all weights."""
        names = ("mean", "scale", "inner", "inner_bias", "outer", "outer_bias", "codes")
        return {"head": encode_name("mlp")} | {name: getattr(self, name) for name in names}

    @classmethod
    def fit(
        cls,
        options: DenseHead,
        features: np.ndarray,
        target: np.ndarray,
        labels: Labels,
        weights: np.ndarray | None,
        seed: int,
    ) -> "MlpHead":
        """Train with Adam."""
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        mean, scale = mean_and_scale(features)
        rows = (features - mean) / scale
        codes = np.zeros(0, dtype=np.int64)
        if labels.task == "classification":
            targets = one_vs_rest_targets(target, labels, weights)
            target = expand_soft_targets(target)[1]
            rows, codes = rows[targets.rows], targets.codes
            weights = balance_classes(options.class_weights, target, targets.sample_weight)
        kind = MLPRegressor if labels.task == "regression" else MLPClassifier
        network = kind(
            hidden_layer_sizes=(options.hidden,),
            alpha=options.weight_decay,
            max_iter=options.epochs,
            n_iter_no_change=options.epochs,
            random_state=seed % 2**32,
        )
        with warnings.catch_warnings():  # params set the number of epochs
            warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
            network.fit(rows, target, sample_weight=weights)
        (inner, outer), (inner_bias, outer_bias) = network.coefs_, network.intercepts_
        return cls(mean, scale, inner, inner_bias, outer, outer_bias, codes)
