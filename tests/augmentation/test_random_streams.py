"""Random numbers of many copies at once, and the words of a batch: cases worked out by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldline.augmentation.random_streams import RandomStreams, apply_swaps
from foldline.augmentation.word_tokenizer import Words


@pytest.mark.parametrize("n", [1, 2, 6, 1000, 2**32])
def test_numbers_are_uniform(n) -> None:
    streams = RandomStreams.create(0, ["n", "m"], [0, 0])
    found = np.array([streams.integers(np.array([n, n])) for _ in range(2000)]).ravel()
    assert found.min() >= 0
    assert found.max() < n
    assert abs(found.mean() - (n - 1) / 2) <= 4 * n / np.sqrt(12 * 4000)


def test_streams_are_those_of_splitmix64() -> None:
    # The first numbers of the published generator, seeded with 1234567
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = RandomStreams(np.array([1234567], dtype=np.uint64)).random(np.array([3]))
    assert found.tolist() == [(number >> 11) / 2.0**53 for number in published]


def test_a_copy_has_one_stream_for_ever() -> None:
    found = RandomStreams.create(7, ["row1", "행2"], [0, 3]).random(np.array([1, 1]))
    assert found.tolist() == [0.3400495925407945, 0.3861718335422054]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.integers(0, 99))
def test_a_stream_knows_no_other_one(asked, seed) -> None:
    names, sizes = [f"r{n}" for n in range(len(asked))], np.array(asked)
    counts = np.minimum(sizes[:, 0], sizes[:, 1])

    def drawn(rows):
        streams = RandomStreams.create(seed, [names[row] for row in rows], [2] * len(rows))
        one = np.split(streams.sample(sizes[rows, 0], counts[rows]), np.cumsum(counts[rows])[:-1])
        then = streams.integers(sizes[rows, 1] + 1).tolist()
        return [(own.tolist(), next_) for own, next_ in zip(one, then, strict=True)]

    every_row = np.arange(len(asked))
    assert drawn(every_row[::-1])[::-1] == drawn(every_row)
    assert [drawn(every_row[[row]])[0] for row in every_row] == drawn(every_row)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(0, 99))
def test_places_differ(sizes, seed) -> None:
    names, sizes = [str(n) for n in range(len(sizes))], np.array(sizes)
    for share in (0.0, 0.3, 1.0):
        counts = (share * sizes).astype(np.int64)
        found = RandomStreams.create(seed, names, [0] * len(names)).sample(sizes, counts)
        for own, size in zip(np.split(found, np.cumsum(counts)[:-1]), sizes, strict=True):
            assert len(set(own.tolist())) == len(own)
            assert set(own.tolist()) <= set(range(size))


def test_every_place_is_as_likely() -> None:
    streams = RandomStreams.create(0, [str(n) for n in range(2000)], [0] * 2000)
    found = Counter(streams.sample(np.full(2000, 5), np.full(2000, 2)).tolist())
    assert all(abs(found[place] - 800) < 5 * np.sqrt(2000 * 0.4 * 0.6) for place in range(5))


def test_swaps_follow_each_other() -> None:
    # Of the first row's three, 0 and 2, then 2 and 1; of the second's two, 0 and 1.
    ones, others = np.array([0, 2, 0]), np.array([2, 1, 1])
    assert apply_swaps(np.array([3, 2]), np.array([2, 1]), ones, others).tolist() == [2, 0, 1, 4, 3]


def test_words_are_put_in_order() -> None:
    words = Words(["a 🙂 ㄱ", "낱말", "x  y\u3000z\n"])
    assert words.sizes.tolist() == [3, 1, 3]
    assert words.first.tolist() == [0, 4, 6]
    assert len(words) == 10
    assert words.reorder(np.arange(10)) == ["a 🙂 ㄱ", "낱말", "x y z"]
    # Two words exchanged and one dropped; the ends are 3, 5 and 9.
    assert words.reorder(np.array([2, 1, 0, 3, 4, 5, 6, 8, 9])) == ["ㄱ 🙂 a", "낱말", "x z"]
    added = words.insert(np.array([9, 0, 4, 4]), ["그 뒤", "!", "1", "2"])
    assert added == ["! a 🙂 ㄱ", "1 2 낱말", "x y z 그 뒤"]


@given(
    st.lists(st.text(st.sampled_from("a🙂가é \t\n\u2003\u3000\x85\x1c"), min_size=1), min_size=1)
)
def test_words_are_those_of_split(texts) -> None:
    texts = [text for text in texts if text.strip()] or ["a"]
    words = Words(texts)
    assert words.sizes.tolist() == [len(text.split()) for text in texts]
    assert words.reorder(np.arange(len(words))) == [" ".join(text.split()) for text in texts]
