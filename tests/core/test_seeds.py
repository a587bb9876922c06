"""Seeds by name: no draw depends on the order in which things run."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.io.seeds import derive_seed, generator, rank_keys


def test_a_name_has_one_seed_for_ever():
    assert derive_seed(42, "fold", 3) == 1346193212251175445


def test_names_and_seeds_are_told_apart():
    seeds = {
        derive_seed(s, *names)
        for s in (0, 1)
        for names in [(), ("a",), ("a", 1), ("a", "b"), ("ab",)]
    }

    assert len(seeds) == 10
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_generator_repeats():
    assert generator(1, "a").random() == generator(1, "a").random()
    assert generator(1, "a").random() != generator(1, "b").random()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), unique=True), st.integers(0, 2**32 - 1), st.randoms())
def test_the_key_of_a_name_does_not_depend_on_the_others(names, seed, random):
    keys = dict(zip(names, rank_keys(seed, names).tolist(), strict=True))
    some = [name for name in names if random.random() < 0.5]
    random.shuffle(some)

    assert rank_keys(seed, some).tolist() == [keys[name] for name in some]


def test_keys_are_spread_evenly():
    keys = rank_keys(7, [str(n) for n in range(4000)]) / 2.0**64

    assert np.abs(np.histogram(keys, bins=10, range=(0, 1))[0] - 400).max() < 100
