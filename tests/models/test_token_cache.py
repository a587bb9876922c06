"""Token ids that folds share: what reading gives, in any order, with each text read once."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.models.neural import scratch, token_cache
from foldline.models.neural.long_text import LongTextReader
from foldline.models.neural.token_cache import TokenCache, encode_cached


@pytest.fixture
def tokenizer(rows, recipe) -> Any:
    return scratch.train_tokenizer(rows(n=40)["text"].tolist(), recipe())


@pytest.fixture
def texts_read(monkeypatch) -> list[str]:
    """Note the texts that are read."""
    token_cache._shared_cache.cache_clear()
    seen: list[str] = []
    read = LongTextReader.read

    def watched(self: Any, tokenizer: Any, rows: pd.DataFrame) -> Any:
        seen.extend(rows["text"])
        return read(self, tokenizer, rows)

    monkeypatch.setattr(LongTextReader, "read", watched)
    return seen


def assert_as_read(found: Any, expected: Any) -> None:
    (columns, owners, cut), (lists, own, long) = found, expected
    assert columns.keys() == lists.keys() or not len(own)
    for name, values in columns.items():
        assert [ids.tolist() for ids in values] == [list(ids) for ids in lists.get(name, [])]
    np.testing.assert_array_equal(owners, own)
    np.testing.assert_array_equal(cut, long)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("how", ["head", "tail", "head_tail", "window"])
def test_any_rows_in_any_order(how, pairs, rows, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(token_cache, "CHUNK", 7)
    table, reading, known = (
        rows(pairs=pairs, n=40),
        LongTextReader(how, 0.25, "mean", 8),
        TokenCache(),
    )
    rng = np.random.default_rng(0)
    for size in (12, 12, 30, 0, 40, 40):  # later ones hold texts that are known, and new ones
        part = table.iloc[rng.integers(0, len(table), size)]
        assert_as_read(known.encode(tokenizer, part, reading), reading.read(tokenizer, part))
    assert_as_read(TokenCache().encode(tokenizer, table, reading), reading.read(tokenizer, table))
    assert_as_read(
        TokenCache().encode(tokenizer, table[:0], reading), reading.read(tokenizer, table[:0])
    )


def test_each_text_is_read_once(rows, tokenizer, texts_read) -> None:
    table, reading = rows(n=40).drop_duplicates("text"), LongTextReader("head", 0.25, "mean", 8)
    for part in (table[:20], table[10:], table):
        encode_cached(tokenizer, part, reading, shared=True)
    assert texts_read == table["text"].tolist()
    encode_cached(tokenizer, table[:5], reading, shared=False)
    assert len(texts_read) == len(table) + 5


@pytest.mark.parametrize("change", ["tokenizer", "padding", "length"])
def test_another_reader_reads_for_itself(change, rows, recipe, tokenizer, texts_read) -> None:
    table, reading = rows(n=10), LongTextReader("head", 0.25, "mean", 8)
    first, _, _ = encode_cached(tokenizer, table, reading, shared=True)
    count = len(texts_read)
    if change == "tokenizer":
        own = recipe(**{"scratch.tokenizer": "character"})
        tokenizer = scratch.train_tokenizer(table["text"].tolist(), own)
    elif change == "padding":
        tokenizer.pad_token = "[SEP]"
    else:
        reading = LongTextReader("head", 0.25, "mean", 4)
    found, _, _ = encode_cached(tokenizer, table, reading, shared=True)
    assert len(texts_read) == 2 * count
    same = found["input_ids"].flat.tolist() == first["input_ids"].flat.tolist()
    assert same == (change == "padding")


def test_a_call_changes_nothing_that_counts(rows, tokenizer, texts_read) -> None:
    """The truncation of the last call stays in the tokenizer."""
    table, reading = rows(n=10), LongTextReader("head", 0.25, "mean", 8)
    encode_cached(tokenizer, table, reading, shared=True)
    tokenizer("a text", truncation=True, max_length=3, padding="max_length")
    count = len(texts_read)
    encode_cached(tokenizer, table, reading, shared=True)
    assert len(texts_read) == count


def test_what_stops_it_leaves_it_whole(rows, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(token_cache, "CHUNK", 4)
    table, reading, known = rows(n=20), LongTextReader("head", 0.25, "mean", 8), TokenCache()
    known.encode(tokenizer, table[:6], reading)
    read, calls = LongTextReader.read, []

    def stopped(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return read(*arguments)

    monkeypatch.setattr(LongTextReader, "read", stopped)
    with pytest.raises(KeyboardInterrupt):
        known.encode(tokenizer, table, reading)
    monkeypatch.setattr(LongTextReader, "read", read)
    assert_as_read(known.encode(tokenizer, table, reading), reading.read(tokenizer, table))


def test_two_folds_share_them(fit, rows, tiny_bert, texts_read) -> None:
    table = rows(n=40).drop_duplicates("text")
    none = table.iloc[:0]
    for part in (table[:30], table[10:]):
        fit(tiny_bert, part, none, "classification", epochs=1)
    assert sorted(texts_read) == sorted(table["text"])


def test_a_tokenizer_in_python_shares_nothing(rows, tokenizer, texts_read) -> None:
    class Slow:
        """A tokenizer without a backend."""

        def __init__(self) -> None:
            self.pad_token_id, self.truncation_side = tokenizer.pad_token_id, "right"

        def __call__(self, *arguments: Any, **how: Any) -> Any:
            return tokenizer(*arguments, **how)

    table, reading = rows(n=10), LongTextReader("head", 0.25, "mean", 8)
    for _ in range(2):
        encode_cached(Slow(), table, reading, shared=True)
    assert len(texts_read) == 2 * table["text"].nunique()
