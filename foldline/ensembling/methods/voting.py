"""Soft and hard voting: every member counts the same, and nothing is fitted."""

import numpy as np

from foldline.ensembling.methods.interface import (
    Context,
    Members,
    Method,
    State,
    share_equally,
    split_decisions,
    stack_members,
)


def fit_nothing(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return an empty state."""
    return {}


def soft_vote(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the mean of the members."""
    return np.asarray(np.mean(stack_members(members)[1], axis=0))


def hard_vote(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return each class's share of the votes; a tie goes to the higher mean probability.

    Numbers: the median.
    """
    stacked = stack_members(members)[1]
    if task == "regression":
        return np.asarray(np.median(stacked, axis=0))
    if task == "multilabel":
        return _count_votes(split_decisions(stacked))[:, 0].reshape(stacked.shape[1:])
    return _count_votes(stacked)


def _count_votes(stacked: np.ndarray) -> np.ndarray:
    votes = np.eye(stacked.shape[2])[stacked.argmax(axis=2)].mean(axis=0)
    # Mean probabilities count for less than half a vote, so they only break ties.
    tie = 0.5 / (len(stacked) + 1)
    return np.asarray((votes + tie * stacked.mean(axis=0)) / (1 + tie))


SOFT = Method({}, fit_nothing, soft_vote, share_equally)
HARD = Method({}, fit_nothing, hard_vote, share_equally)
