"""Our losses against torch's and against numbers worked out by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from foldline.frame.labels import Labels
from foldline.modeling.neural.losses import balanced_weights, cross_entropy, loss_for, squared_error

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [0.0, 3.0, 1.0], [1.0, -1.0, 0.0]])
CODES = torch.tensor([0, 2, 1, 2])


def outputs(logits: torch.Tensor) -> Any:
    return SimpleNamespace(logits=logits)


def test_balanced_weights_by_hand() -> None:
    # 6 rows, 3 classes: 6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1); their mean over the rows is 1.
    target = np.array([0, 0, 0, 1, 1, 2])
    weights = balanced_weights(target, 3)
    assert weights == pytest.approx([2 / 3, 1.0, 2.0])
    assert weights[target].mean() == pytest.approx(1.0)
    assert np.isfinite(balanced_weights(target, 4)).all()  # a class without a row


def test_class_weights_by_hand() -> None:
    found = cross_entropy(np.array([1.0, 2.0, 3.0]), 0.0)(outputs(LOGITS), CODES)
    each = -np.log([np.exp(2) / (np.exp(2) + 1 + np.exp(-1)), 1 / 3])
    third = -np.log(np.exp(3) / (1 + np.exp(3) + np.e))
    fourth = -np.log(1 / (np.e + np.exp(-1) + 1))
    assert float(found) == pytest.approx((each[0] + 3 * each[1] + 2 * third + 3 * fourth) / 4)


def test_soft_targets_by_hand() -> None:
    # Of logits 2, 0, -1 and 0, 3, 1 under shares of 3/4, 1/4, 0 and 0, 1/2, 1/2.
    shares = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]])
    logits = LOGITS[[0, 2]]
    first = np.log(np.exp(2) + 1 + np.exp(-1)) - 0.75 * 2
    second = np.log(1 + np.exp(3) + np.e) - (0.5 * 3 + 0.5 * 1)
    found = cross_entropy(None, 0.0)(outputs(logits), shares)
    assert float(found) == pytest.approx((first + second) / 2)
    # A row weighs the mean of its classes' weights by share: 5/4 and 5/2.
    found = cross_entropy(np.array([1.0, 2.0, 3.0]), 0.0)(outputs(logits), shares)
    assert float(found) == pytest.approx((1.25 * first + 2.5 * second) / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_certain_shares_are_hard_targets(smoothing: float) -> None:
    weights = np.array([1.0, 2.0, 3.0])
    shares = torch.eye(3)[CODES]
    # Trainer counts every number of a batch's labels: three for each soft row.
    hard = cross_entropy(weights, smoothing)(outputs(LOGITS), CODES, torch.tensor(8))
    soft = cross_entropy(weights, smoothing)(outputs(LOGITS), shares, torch.tensor(24))
    assert float(soft) == pytest.approx(float(hard), abs=1e-6)
    assert balanced_weights(shares.numpy(), 3) == pytest.approx(balanced_weights(CODES.numpy(), 3))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_is_torchs(smoothing: float) -> None:
    found = cross_entropy(None, smoothing)(outputs(LOGITS), CODES)
    expected = torch.nn.functional.cross_entropy(LOGITS, CODES, label_smoothing=smoothing)
    assert float(found) == pytest.approx(float(expected))


def test_squared_error_by_hand() -> None:
    found = squared_error(outputs(torch.tensor([[1.0], [2.0], [4.0]])), torch.tensor([1, 0, 1]))
    assert float(found) == pytest.approx((0 + 4 + 9) / 3)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_parts_of_a_step_sum_to_the_whole(task: str, recipe) -> None:
    labels = Labels(task, ("a", "b", "c") if task == "classification" else ())
    options = recipe({"train.class_weights": "balanced", "train.label_smoothing": 0.1}).train
    loss = loss_for(labels, CODES.numpy(), options)
    logits = LOGITS if task == "classification" else LOGITS[:, :1]
    whole = loss(outputs(logits), CODES, num_items_in_batch=torch.tensor(4))
    parts = [
        loss(outputs(logits[i:j]), CODES[i:j], num_items_in_batch=torch.tensor(4))
        for i, j in ((0, 1), (1, 4))
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), abs=1e-6)
    assert float(loss(outputs(logits), CODES)) == pytest.approx(float(whole), abs=1e-6)
