"""All ensemble methods by name, their cross-fitted predictions, and the check of their states."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from foldline.core.errors import listing
from foldline.ensembling.methods.gate import GATE
from foldline.ensembling.methods.greedy import GREEDY
from foldline.ensembling.methods.interface import Context, Members, Method, State, StateError
from foldline.ensembling.methods.rank import RANK
from foldline.ensembling.methods.stacking import STACKING
from foldline.ensembling.methods.voting import HARD, SOFT
from foldline.ensembling.methods.weights import SIMPLEX, WEIGHTED

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "soft": SOFT,
        "hard": HARD,
        "rank": RANK,
        "weighted": WEIGHTED,
        "simplex": SIMPLEX,
        "greedy": GREEDY,
        "stacking": STACKING,
        "gate": GATE,
    }
)


def combine_out_of_fold(
    method: str, members: Members, target: np.ndarray, task: str, context: Context
) -> np.ndarray:
    """Return combined out-of-fold predictions, each fold by what was fitted to the other folds."""
    own, combined = METHODS[method], np.zeros_like(next(iter(members.values())))
    for others, held_out in context.split():
        training = {name: values[others] for name, values in members.items()}
        state = own.fit(training, target[others], task, context.select(others))
        new = {name: values[held_out] for name, values in members.items()}
        combined[held_out] = own.combine(state, new, task, context.select(held_out))
    return combined


def check_state(state: State, members: Sequence[str]) -> None:
    """Refuse a state of other members.

    Raises:
        StateError: naming the key, the members, and what was found.
    """
    for key, values in state.items():
        if isinstance(values, dict) and set(values) != set(members):
            raise StateError(
                f"state.{key}: must be of {listing(members)}, which `members` names (found "
                f"{listing(values) or 'none'})"
            )
    if "weights" in state and not any(state["weights"].values()):
        raise StateError("state.weights: must not all be 0")
