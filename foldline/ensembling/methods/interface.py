"""The one interface that all ensemble methods share, and what they need of predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

# Predictions by member: (n, c) probabilities or (n,) numbers. Multilabel: (n, c) probabilities,
# each a decision of its own.
Members = Mapping[str, np.ndarray]
State = dict[str, Any]
Number = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MIN_PROBABILITY = 1e-6  # lower ones are raised to it: one certain mistake must not outweigh all


@dataclass(frozen=True)
class Context:
    """What a method may use besides predictions: folds (n,) and surface features (n, f) of rows.

    New rows have no folds; only a method that `reads_texts` needs surface features.
    """

    seed: int = 0
    folds: np.ndarray | None = None
    surface: np.ndarray | None = None

    def select(self, rows: np.ndarray) -> "Context":
        """Return the context of some rows, by a mask or positions."""
        return Context(
            self.seed,
            None if self.folds is None else self.folds[rows],
            None if self.surface is None else self.surface[rows],
        )

    def split(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each fold the masks (n,) of the other rows and of its own."""
        assert self.folds is not None, "a method is fitted to rows that have folds"
        return [(self.folds != fold, self.folds == fold) for fold in np.unique(self.folds)]


@dataclass(frozen=True)
class Method:
    """How members are combined.

    `fit(members, target, task, context)` returns a state of JSON values; `state` has the type of
    each key. Where that is a dict, it has a value for each member.
    `combine(state, members, task, context)` returns predictions of the members' shape; those of a
    row depend on no other row. `share(state, members, task, context)` returns each member's share
    of the combination; they sum to 1.
    """

    state: Mapping[str, Any]
    fit: Callable[[Members, np.ndarray, str, Context], State]
    combine: Callable[[State, Members, str, Context], np.ndarray]
    share: Callable[[State, Members, str, Context], dict[str, float]]
    reads_texts: bool = False


class StateError(ValueError):
    """A state that does not fit the members: an edited file."""


def read_array(state: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a value of a state as an array.

    Raises:
        StateError: if it has another shape.
    """
    try:
        array = np.asarray(state[key], dtype=np.float64)
    except ValueError:
        array = np.empty(0)  # a ragged list
    if array.shape != shape:
        raise StateError(f"state: {key} must have the shape {shape} (found {array.shape})")
    return array


def stack_members(members: Members) -> tuple[list[str], np.ndarray]:
    """Return the names in alphabetical order, and the predictions (m, n, c) or (m, n)."""
    names = sorted(members)
    return names, np.stack([members[name] for name in names])


def share_equally(state: State, members: Members, task: str, context: Context) -> dict[str, float]:
    """Return the same share for each member."""
    return dict.fromkeys(members, 1 / len(members))


def split_decisions(values: np.ndarray) -> np.ndarray:
    """Return (..., n, c) decisions as the two classes yes and no, (..., n * c, 2).

    Yes comes first, so that it wins a tie, as in `Labels.decode`.
    """
    flat = values.reshape(*values.shape[:-2], -1)
    return np.stack([flat, 1 - flat], axis=-1)


def target_probabilities(stacked: np.ndarray, target: np.ndarray, task: str) -> np.ndarray:
    """Return the probability of what is true by each member, (m, n, 1); multilabel (m, n, c)."""
    if task == "multilabel":
        true = np.where(target == 1, stacked, 1 - stacked)
    else:
        true = stacked[:, np.arange(len(target)), target][..., None]
    return np.asarray(np.clip(true, MIN_PROBABILITY, 1.0))


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return finite logarithms."""
    return np.asarray(np.log(np.clip(probabilities, MIN_PROBABILITY, 1.0)))


def softmax(logs: np.ndarray) -> np.ndarray:
    """Return probabilities (n, c) from logits."""
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
