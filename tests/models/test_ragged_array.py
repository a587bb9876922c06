"""Token ids in flat arrays: the same lists, little memory, batches as transformers pads them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foldline.models.neural import scratch, token_cache, transformer
from foldline.models.neural.dataset import INDICES, TokenDataset, make_collator
from foldline.models.neural.long_text import LongTextReader
from foldline.models.neural.ragged_array import RaggedArray

LISTS = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), max_size=8)


@given(LISTS, LISTS, st.randoms())
def test_lists_come_back_as_they_were(one, other, random):
    made = RaggedArray.concatenate([RaggedArray.from_lists(one), RaggedArray.from_lists(other)])
    whole = one + other
    places = [random.randrange(len(whole)) for _ in whole]

    assert [ids.tolist() for ids in made] == whole
    assert made.lengths.tolist() == [len(ids) for ids in whole]
    taken = made.take(np.array(places, dtype=np.int64))
    assert [ids.tolist() for ids in taken] == [whole[place] for place in places]


@pytest.mark.parametrize("place", [-1, 2])
def test_there_is_nothing_beyond_the_last_list(place):
    with pytest.raises(IndexError):
        RaggedArray.from_lists([[1], [2, 3]])[place]


def read(rows, labels, recipe, how="head", pairs=False, n=40):
    table = rows(pairs=pairs, n=n)
    tokenizer = scratch.train_tokenizer(table["text"].tolist(), recipe())
    reading = LongTextReader(how, 0.25, "mean", 8)
    return transformer.encode_rows(tokenizer, table, labels("classification"), reading)[
        0
    ], tokenizer


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("how", ["head", "window"])
def test_texts_read_a_few_at_a_time_are_the_same(how, pairs, rows, labels, recipe, monkeypatch):
    whole, _ = read(rows, labels, recipe, how, pairs)
    monkeypatch.setattr(token_cache, "CHUNK", 7)
    parts, _ = read(rows, labels, recipe, how, pairs)

    assert whole.columns.keys() == parts.columns.keys()
    for name, values in whole.columns.items():
        assert [ids.tolist() for ids in parts.columns[name]] == [ids.tolist() for ids in values]
    np.testing.assert_array_equal(parts.piece_rows, whole.piece_rows)
    np.testing.assert_array_equal(parts.target, whole.target)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pairs", [False, True])
def test_batches_are_those_of_the_tokenizer(pairs, side, rows, labels, recipe):
    """Without the lists of Python that its own padding goes through."""
    found, tokenizer = read(rows, labels, recipe, pairs=pairs)
    tokenizer.padding_side = side
    pieces = [TokenDataset(found)[place] for place in (3, 0, 17, 39)]
    batch = make_collator(tokenizer)(pieces)
    lists = [{k: v.tolist() for k, v in p.items() if k in found.columns} for p in pieces]
    expected = tokenizer.pad(lists, return_tensors="pt")

    assert batch.keys() == {*expected.keys(), "labels", INDICES}
    for name, values in expected.items():
        torch.testing.assert_close(batch[name], values, rtol=0, atol=0)
    assert batch[INDICES].tolist() == [3, 0, 17, 39]
    assert batch["labels"].tolist() == found.target[[3, 0, 17, 39]].tolist()


def test_a_token_takes_four_bytes(rows, labels, recipe):
    """Ids alone: the mask of texts that are not padded, and the types of single ones, are one."""
    found, _ = read(rows, labels, recipe, n=120)
    flats = [values.flat for values in found.columns.values()]
    memory = sum(flat.nbytes if flat.strides != (0,) else flat.itemsize for flat in flats)

    assert set(found.columns) == {"input_ids", "attention_mask", "token_type_ids"}
    assert memory <= 4 * sum(found.lengths) + 8
