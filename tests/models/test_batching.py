"""Batches of similar length: every row once, the same by seed and epoch, little padding."""

from types import SimpleNamespace

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.models.neural.batching import BucketSampler, make_sampler

LENGTHS = [int(n) for n in np.random.default_rng(0).integers(3, 60, size=1003)]


def make_epoch(
    n: int = 1003, batch: int = 8, accumulation: int = 1, seed: int = 1, **top: int
) -> BucketSampler:
    arguments = {
        "world_size": 1,
        "process_index": 0,
        "gradient_accumulation_steps": accumulation,
        "seed": seed,
    }
    return make_sampler(LENGTHS[:n], SimpleNamespace(**(arguments | top)), batch * accumulation)


def padding_share(batches: list[list[int]]) -> float:
    """Return the share of a batch's places that hold no token."""
    places = sum(len(b) * max(LENGTHS[i] for i in b) for b in batches)
    return 1 - sum(LENGTHS[i] for b in batches for i in b) / places


@pytest.mark.parametrize("accumulation", [1, 2, 4, 7])
@pytest.mark.parametrize("n", [1, 3, 8, 9, 33, 130, 1003])
def test_every_row_once_an_epoch(n: int, accumulation: int) -> None:
    own = make_epoch(n, accumulation=accumulation)
    batches = list(own)
    assert sorted(i for b in batches for i in b) == list(range(n))
    assert len(batches) == len(own)
    assert all(batches)


def test_seed_and_epoch_decide() -> None:
    own, again, other = make_epoch(), make_epoch(), make_epoch(seed=2)
    first = list(own)
    assert first == list(again)
    assert first != list(other)
    own.set_epoch(1)
    second = list(own)
    assert second != first
    other.set_epoch(0)
    assert second != list(other)  # epoch 1 of a seed is not epoch 0 of the next


@pytest.mark.parametrize("n", [100, 1003])
def test_rows_meet_others_in_another_epoch(n: int) -> None:
    own = make_epoch(n)
    first = {frozenset(b) for b in own}
    own.set_epoch(1)
    same = sum(frozenset(b) in first for b in own)
    assert same < len(first) / 10


def test_pads_little() -> None:
    order = np.random.default_rng(0).permutation(len(LENGTHS)).tolist()
    at_random = [order[i : i + 8] for i in range(0, len(order), 8)]
    assert padding_share(list(make_epoch())) < padding_share(at_random) / 4


@pytest.mark.parametrize("accumulation", [1, 2, 4])
@pytest.mark.parametrize("n", [34, 37, 64])
def test_processes_share_a_step(n: int, accumulation: int) -> None:
    ranks = [
        make_epoch(n, 16 // accumulation, accumulation, world_size=2, process_index=rank)
        for rank in range(2)
    ]
    batches = [list(own) for own in ranks]
    assert len(batches[0]) == len(batches[1]) == len(ranks[0])
    assert sorted(i for own in batches for b in own for i in b) == list(range(n))
    step = {i for own in batches for b in own[:accumulation] for i in b}
    alone = list(make_epoch(n, 16 // accumulation, accumulation))
    assert step == {i for b in alone[:accumulation] for i in b}  # as many rows, and the same


def test_fewer_rows_than_processes_are_a_batch_of_each() -> None:
    ranks = [make_epoch(18, 8, world_size=3, process_index=rank) for rank in range(3)]
    batches = [list(own) for own in ranks]
    first, *others = [own[-1] for own in batches]
    assert len(first) == 2
    assert others == [first, first]
    assert len(batches[0]) == len(ranks[0]) == 3


def test_a_step_with_fewer_rows_than_processes_is_refused() -> None:
    with pytest.raises(FoldlineError, match=r"learns from 4 rows, cut into 1 for each of 8 proc"):
        make_epoch(34, 4, world_size=8)


# Tokens of film reviews in Korean, and the percentiles that they stand at.
TOKENS = [3, 5, 7, 10, 15, 24, 39, 55, 68, 73, 88, 107]
PERCENTILES = [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.9, 100]


@pytest.mark.parametrize(("n", "most"), [(1000, 1.09), (1300, 1.08), (3000, 1.04), (20_000, 1.03)])
def test_short_reviews_are_padded_by_less_than_eight_percent(n: int, most: float) -> None:
    """A single sort of 1,000 rows pads 7 % in batches of 32, so they may have a little more."""
    shares = np.random.default_rng(n).permutation((np.arange(n) + 0.5) / n)
    lengths = np.interp(100 * shares, PERCENTILES, TOKENS).round().astype(int).tolist()
    one = SimpleNamespace(world_size=1, process_index=0, gradient_accumulation_steps=1, seed=1)
    own, places = make_sampler(lengths, one, 32), 0
    for epoch in range(4):
        own.set_epoch(epoch)
        places += sum(len(batch) * max(lengths[i] for i in batch) for batch in own)
    assert places <= most * 4 * sum(lengths)


def test_what_fills_no_step_is_not_always_the_longest() -> None:
    own, lengths = make_epoch(1003, batch=32), []
    for epoch in range(20):
        own.set_epoch(epoch)
        lengths.append(min(LENGTHS[i] for i in list(own)[-1]))
    assert min(lengths) < 20 < 40 < max(lengths)
