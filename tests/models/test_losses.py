"""Our losses against torch's and against numbers worked out by hand."""

from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from foldline.core.io.labels import Labels
from foldline.core.params import Train
from foldline.models.neural import losses
from foldline.models.neural.losses import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    balanced_weights,
    make_loss,
)
from foldline.testing import check_loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [0.0, 3.0, 1.0], [1.0, -1.0, 0.0]])
CODES = torch.tensor([0, 2, 1, 2])
BALANCED = {"class_weights": "balanced"}
WEIGHTS = [1.0, 2.0, 3.0]
TABLES: dict[str, Any] = {
    "classification": CLASSIFICATION_LOSSES,
    "multilabel": MULTILABEL_LOSSES,
    "regression": REGRESSION_LOSSES,
}


def make_outputs(logits: torch.Tensor) -> Any:
    return SimpleNamespace(logits=logits)


@pytest.fixture
def loss(recipe) -> Any:
    """Return a loss of params: `loss("focal", focal_gamma=1.0)`; balanced by `weighted`."""

    def make(name: str, weighted: list[float] | None = None, **options: Any) -> Any:
        dotted = {f"train.{key}": value for key, value in options.items()} | {"train.loss": name}
        train: Train = recipe(dotted).train
        task = "regression" if name in ("mse", "mae", "huber") else "classification"
        labels = Labels(task, ("a", "b", "c") if task == "classification" else ())
        if weighted is None:
            return make_loss(labels, CODES.numpy(), train)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(losses, "balanced_weights", lambda *_: np.array(weighted))
            return make_loss(labels, CODES.numpy(), train.model_copy(update=BALANCED))

    return make


def test_balanced_weights_by_hand() -> None:
    # 6 rows, 3 classes: 6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1); their mean over the rows is 1.
    target = np.array([0, 0, 0, 1, 1, 2])
    weights = balanced_weights(target, 3)
    assert weights == pytest.approx([2 / 3, 1.0, 2.0])
    assert weights[target].mean() == pytest.approx(1.0)
    assert np.isfinite(balanced_weights(target, 4)).all()  # a class without a row


def test_class_weights_by_hand(loss) -> None:
    found = loss("cross_entropy", WEIGHTS)(make_outputs(LOGITS), CODES)
    each = -np.log([np.exp(2) / (np.exp(2) + 1 + np.exp(-1)), 1 / 3])
    third = -np.log(np.exp(3) / (1 + np.exp(3) + np.e))
    fourth = -np.log(1 / (np.e + np.exp(-1) + 1))
    assert float(found) == pytest.approx((each[0] + 3 * each[1] + 2 * third + 3 * fourth) / 4)


def test_soft_targets_by_hand(loss) -> None:
    # Of logits 2, 0, -1 and 0, 3, 1 under shares of 3/4, 1/4, 0 and 0, 1/2, 1/2.
    shares = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]])
    logits = LOGITS[[0, 2]]
    first = np.log(np.exp(2) + 1 + np.exp(-1)) - 0.75 * 2
    second = np.log(1 + np.exp(3) + np.e) - (0.5 * 3 + 0.5 * 1)
    found = loss("auto")(make_outputs(logits), shares)
    assert float(found) == pytest.approx((first + second) / 2)
    # A row weighs the mean of its classes' weights by share: 5/4 and 5/2.
    found = loss("auto", WEIGHTS)(make_outputs(logits), shares)
    assert float(found) == pytest.approx((1.25 * first + 2.5 * second) / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
def test_certain_shares_are_hard_targets(name, smoothing, loss) -> None:
    shares = torch.eye(3)[CODES]
    own = loss(name, WEIGHTS, label_smoothing=smoothing)
    # Trainer counts every number of a batch's labels: three for each soft row.
    hard = own(make_outputs(LOGITS), CODES, torch.tensor(8))
    soft = own(make_outputs(LOGITS), shares, torch.tensor(24))
    assert float(soft) == pytest.approx(float(hard), abs=1e-6)
    assert balanced_weights(shares.numpy(), 3) == pytest.approx(balanced_weights(CODES.numpy(), 3))


@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
def test_shares_as_the_stages_give_them(name, loss) -> None:
    """In double precision, while a model's outputs are in single."""
    shares = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]], dtype=torch.float64)
    found = loss(name, WEIGHTS)(make_outputs(LOGITS[:2]), shares)
    single = loss(name, WEIGHTS)(make_outputs(LOGITS[:2]), shares.float())
    assert float(found) == pytest.approx(float(single), abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(("name", "gamma"), [("cross_entropy", 2.0), ("focal", 0.0)])
def test_smoothing_is_torchs(name, gamma, smoothing, loss) -> None:
    """And the focal loss of gamma 0 is cross-entropy."""
    found = loss(name, label_smoothing=smoothing, focal_gamma=gamma)(make_outputs(LOGITS), CODES)
    expected = torch.nn.functional.cross_entropy(LOGITS, CODES, label_smoothing=smoothing)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_focal_by_hand(loss) -> None:
    # A class of probability 1/3 costs (2/3)**2 ln 3; of e**2 / (e**2 + 1 + 1/e) = p, (1-p)**2 ...
    p = np.exp(2) / (np.exp(2) + 1 + np.exp(-1))
    expected = (-((1 - p) ** 2) * np.log(p) + (2 / 3) ** 2 * np.log(3)) / 2
    found = loss("focal")(make_outputs(LOGITS[:2]), CODES[:2])
    assert float(found) == pytest.approx(expected, abs=1e-6)
    # The paper's example: an example of p 0.9 costs 100 times less than by cross-entropy.
    easy = torch.log(torch.tensor([[0.9, 0.05, 0.05]]))
    plain = loss("cross_entropy")(make_outputs(easy), CODES[:1])
    assert float(loss("focal")(make_outputs(easy), CODES[:1])) == pytest.approx(float(plain) / 100)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_a_certain_row_has_no_slope(gamma, recipe) -> None:
    """Of p 1 to the last digit; the slope of (1 - p) ** .5 is endless there."""
    options = recipe({"train.loss": "focal", "train.focal_gamma": gamma}).train
    for task, labels in (("classification", CODES[:1]), ("multilabel", torch.tensor([[1, 0, 0]]))):
        logits = torch.tensor([[200.0, -200.0, -200.0]], requires_grad=True)
        own = make_loss(Labels(task, ("a", "b", "c")), labels.numpy(), options)
        own(make_outputs(logits), labels).backward()
        assert logits.grad is not None
        assert logits.grad[0].tolist() == pytest.approx([0.0] * 3)


@pytest.mark.parametrize("weights", [{}, BALANCED])
@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_smoothing_leaves_a_rare_label_rare(name, weights, recipe) -> None:
    """The best output for rows without a label that one row of 50 has says that they lack it."""
    dotted = {"train.loss": name, "train.label_smoothing": 0.2}
    options = recipe(dotted).train.model_copy(update=weights)
    target = np.zeros((50, 1))
    target[0] = 1
    own = make_loss(Labels("multilabel", ("rare",)), target, options)
    places = torch.linspace(-6, 6, 121)
    costs = [float(own(make_outputs(z.view(1, 1)), torch.zeros(1, 1))) for z in places]
    assert -2.5 < float(places[int(np.argmin(costs))]) < -0.5  # cross-entropy's: log(.1 / .9)


def test_ordinal_by_hand(loss) -> None:
    # Cumulative 0.2, 0.5, 1 against 0, 0, 1 (the last class), and against 1, 1, 1 (the first).
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5]]))
    last = loss("ordinal")(make_outputs(logits), torch.tensor([2]))
    first = loss("ordinal")(make_outputs(logits), torch.tensor([0]))
    assert float(last) == pytest.approx(0.2**2 + 0.5**2, abs=1e-6)
    assert float(first) == pytest.approx(0.8**2 + 0.5**2, abs=1e-6)
    soft = loss("ordinal")(make_outputs(logits), torch.tensor([[0.2, 0.3, 0.5]]))
    assert float(soft) == pytest.approx(0.0, abs=1e-6)


def test_ordinal_minds_how_far_off_a_class_is(loss) -> None:
    near, far = (torch.log(torch.tensor([p])) for p in ([0.1, 0.8, 0.1], [0.8, 0.1, 0.1]))
    target = torch.tensor([2])
    plain, order = loss("cross_entropy"), loss("ordinal")
    assert float(plain(make_outputs(near), target)) == pytest.approx(
        float(plain(make_outputs(far), target))
    )
    assert float(order(make_outputs(near), target)) < float(order(make_outputs(far), target))


@pytest.mark.parametrize(
    ("name", "expected"),
    # Errors 0.25, 2 and -3; Huber with delta 1: 0.5 * 0.25**2, 2 - 0.5, 3 - 0.5.
    [("mse", 0.0625 + 4 + 9), ("mae", 5.25), ("huber", 0.03125 + 1.5 + 2.5)],
)
def test_losses_of_numbers_by_hand(name, expected, loss) -> None:
    logits = torch.tensor([[1.25], [2.0], [1.0]])
    found = loss(name)(make_outputs(logits), torch.tensor([1.0, 0.0, 4.0]))
    assert float(found) == pytest.approx(expected / 3, abs=1e-6)


@pytest.mark.parametrize("name", [*CLASSIFICATION_LOSSES, "mse", "mae", "huber"])
def test_parts_of_a_step_sum_to_the_whole(name, loss) -> None:
    own = loss(name, **({"label_smoothing": 0.1} if name in CLASSIFICATION_LOSSES else {}))
    logits = LOGITS if name in CLASSIFICATION_LOSSES else LOGITS[:, :1]
    whole = own(make_outputs(logits), CODES, num_items_in_batch=torch.tensor(4))
    parts = [
        own(make_outputs(logits[i:j]), CODES[i:j], num_items_in_batch=torch.tensor(4))
        for i, j in ((0, 1), (1, 4))
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), abs=1e-6)
    assert float(own(make_outputs(logits), CODES)) == pytest.approx(float(whole), abs=1e-6)


@pytest.mark.parametrize(
    ("task", "name"),
    [(task, name) for task, names in TABLES.items() for name in names],
)
def test_contract(task, name, recipe) -> None:
    options = recipe({"train.loss": name}).train
    own = (
        MULTILABEL_LOSSES[name](options, None)
        if task == "multilabel"
        else TABLES[task][name](options)
    )
    check_loss(own, task)


def test_every_loss_of_params_is_known(recipe) -> None:
    named = set(get_args(get_args(Train.model_fields["loss"].annotation)[0]))
    assert set(CLASSIFICATION_LOSSES) | set(REGRESSION_LOSSES) == named
