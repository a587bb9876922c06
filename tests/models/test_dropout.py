"""Dropout that is drawn four places at a time: the same kind of masks, from torch's generator."""

import pytest
import torch
import torch.nn.functional as F

from foldline.models.neural.dropout import dropout_mask, fast_dropout

MANY = 400_000


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_the_share_that_falls(p) -> None:
    torch.manual_seed(3)
    falls = (dropout_mask(torch.empty(MANY), p) == 0).float()
    error = 4 * (p * (1 - p) / MANY) ** 0.5  # four standard errors
    assert float(falls.mean()) == pytest.approx(p, abs=error)
    for apart in (1, 2, 3, 4):  # places of one drawn number, and of two
        both = float((falls[apart:] * falls[:-apart]).mean())
        assert both == pytest.approx(p * p, abs=4 * p / MANY**0.5)
    for place in range(4):
        own = float(falls[place::4].mean())
        assert own == pytest.approx(p, abs=2 * error)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (0, 4)])
def test_what_stays_is_scaled(kind, shape) -> None:
    found = dropout_mask(torch.ones(shape, dtype=kind), 0.1)
    assert (found.dtype, found.shape) == (kind, shape)
    scale = torch.ones(1).to(kind).mul_(1 / 0.9).item()
    assert set(found.flatten().tolist()) <= {0.0, scale}


def test_gradients_go_where_the_values_went() -> None:
    torch.manual_seed(0)
    values = torch.full((50, 40), 2.0, requires_grad=True)
    with fast_dropout():
        found = torch.nn.Dropout(0.25)(values)
    found.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad * 2, found.detach())
    assert 0.1 < float((found == 0).float().mean()) < 0.4


def test_a_seed_gives_the_same_masks() -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(dropout_mask(torch.empty(1000), 0.3))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_none_where_none_is_asked_for() -> None:
    values = torch.rand(100)
    with fast_dropout():
        assert torch.equal(F.dropout(values, 0.0), values)
        assert torch.equal(F.dropout(values, 0.5, training=False), values)
        assert not F.dropout(values, 1.0).any()
        with pytest.raises(ValueError, match="between 0 and 1"):
            F.dropout(values, 1.5)
        own = values.clone()
        assert F.dropout(own, 0.5, inplace=True) is own


def test_as_before_after_it() -> None:
    before = F.dropout
    with pytest.raises(KeyboardInterrupt), fast_dropout():
        assert F.dropout is not before
        raise KeyboardInterrupt
    assert F.dropout is before
