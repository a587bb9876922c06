"""Texts of more tokens than a model reads, and that all of it ends in one prediction a row."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.models import registry
from foldline.models.neural import scratch
from foldline.models.neural.long_text import LongTextReader
from tests.helpers.marks import mark_slow_except

WORDS = ["food", "sport", "match", "goal", "soup", "rain", "storm", "cloud", "lunch", "team"]


@pytest.fixture(scope="module")
def tokenizer(recipe) -> Any:
    """Knows ten words, each one token."""
    return scratch.train_tokenizer([" ".join(WORDS)] * 3, recipe())


def make_table(*texts: str | tuple[str, str]) -> pd.DataFrame:
    pairs = [text if isinstance(text, tuple) else (text, "") for text in texts]
    return pd.DataFrame(pairs, columns=["text", "text_pair"], dtype="str")


def make_long_text(
    how: str, max_length: int = 6, overlap: float = 0.5, pooling: str = "mean"
) -> LongTextReader:
    return LongTextReader(how, overlap, pooling, max_length)


def read_texts(
    tokenizer: Any, how: LongTextReader, *texts: Any
) -> tuple[list[str], list[int], list[bool]]:
    columns, owners, cut = how.read(tokenizer, make_table(*texts))
    names = {len(values) for values in columns.values()}
    assert names == {len(owners)}
    for ids, mask in zip(columns["input_ids"], columns["attention_mask"], strict=True):
        assert len(ids) == len(mask)
    shown = [
        " ".join(tokenizer.convert_ids_to_tokens(ids)).replace("[CLS] ", "<").replace(" [SEP]", ">")
        for ids in columns["input_ids"]
    ]
    return shown, owners.tolist(), cut.tolist()


LONG = " ".join(WORDS)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("head", ["<food sport match goal>"]),
        ("tail", ["<storm cloud lunch team>"]),
        ("head_tail", ["<food cloud lunch team>"]),
        (
            "window",
            [
                "<food sport match goal>",
                "<match goal soup rain>",
                "<soup rain storm cloud>",
                "<storm cloud lunch team>",
            ],
        ),
    ],
)
def test_each_way_by_hand(how, expected, tokenizer) -> None:
    shown, owners, cut = read_texts(tokenizer, make_long_text(how), LONG)
    assert shown == expected
    assert owners == [0] * len(expected)
    assert cut == [True]


@pytest.mark.parametrize("how", ["head", "tail", "head_tail", "window"])
def test_what_fits_is_read_whole(how, tokenizer) -> None:
    """Also a text that fits to the last token."""
    shown, owners, cut = read_texts(
        tokenizer, make_long_text(how), "food", "food sport match goal", "", LONG
    )
    assert shown[:3] == ["<food>", "<food sport match goal>", "<[SEP]"]
    assert owners[:4] == [0, 1, 2, 3]
    assert cut == [False, False, False, True]


def test_the_paper_keeps_128_and_382_tokens() -> None:
    """Sun et al. (2019), of 510."""
    sides: list[int | None] = [None, *[0] * 1000, None]
    (kept,) = make_long_text("head_tail", 512).piece_positions(sides)
    assert kept[0] == 0
    assert kept[-1] == 1001
    assert len(kept) == 512
    gap = next(i for i in range(1, len(kept)) if kept[i] != kept[i - 1] + 1)
    assert gap - 1 == 127  # a quarter of 510 is between 127 and 128


def test_the_longer_text_of_a_pair_gives_way(tokenizer) -> None:
    pair = ("soup rain", LONG)
    shown, _, cut = read_texts(tokenizer, make_long_text("head_tail", 9), pair)
    assert shown == ["<soup rain> food cloud lunch team>"]
    shown, owners, _ = read_texts(tokenizer, make_long_text("window", 9), pair, (LONG, "soup rain"))
    assert shown[:2] == ["<soup rain> food sport match goal>", "<soup rain> match goal soup rain>"]
    assert shown[4] == "<food sport match goal> soup rain>"
    assert owners == [0] * 4 + [1] * 4
    assert cut == [True]


def test_two_long_texts_of_a_pair_share_the_room(tokenizer) -> None:
    (shown,), _, _ = read_texts(tokenizer, make_long_text("head_tail", 11), (LONG, LONG))
    assert shown == "<food cloud lunch team> food cloud lunch team>"
    pieces, _, _ = read_texts(tokenizer, make_long_text("window", 11), (LONG, LONG))
    assert {piece.count(" ") for piece in pieces} == {7}


@pytest.mark.parametrize("overlap", [0.01, 0.25, 0.9])
@pytest.mark.parametrize("tokens", [7, 8, 20, 101])
def test_windows_leave_nothing_out(tokens, overlap) -> None:
    sides: list[int | None] = [None, *[0] * tokens, None]
    pieces = make_long_text("window", 8, overlap).piece_positions(sides)
    assert {place for piece in pieces for place in piece} == set(range(tokens + 2))
    assert all(len(piece) == 8 for piece in pieces)
    assert len({tuple(piece) for piece in pieces}) == len(pieces)


def test_pieces_are_pooled_by_hand() -> None:
    outputs = np.array([[1.0, 5.0], [3.0, -1.0], [7.0, 0.0]])
    owners = np.array([1, 1, 0])
    mean = make_long_text("window").pool(outputs, owners, 2)
    most = make_long_text("window", pooling="max").pool(outputs, owners, 2)
    assert mean.tolist() == [[7.0, 0.0], [2.0, 2.0]]
    assert most.tolist() == [[7.0, 0.0], [3.0, 5.0]]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", mark_slow_except(["mean", "max"], ["mean"]))
@pytest.mark.parametrize("how", mark_slow_except(["tail", "head_tail", "window"], ["window"]))
@pytest.mark.parametrize(("task", "pairs"), [("classification", True), ("regression", False)])
def test_a_model_reads_as_it_was_trained(
    task, pairs, how, pooling, fit, rows, labels, tmp_path
) -> None:
    table_ = rows(task, pairs)
    dotted = {"train.long_text": how, "train.window_pooling": pooling}
    found = fit(
        "scratch", table_.iloc[:20], table_.iloc[20:26], task, max_length=8, dotted=dotted, epochs=1
    )
    assert "more than max_length=8 tokens" in found.notes[-1]
    assert found.summary["cut_texts"] > 0.5
    held = table_.iloc[26:]
    together = found.model.predict(held)
    assert len(together) == len(held)
    alone = np.concatenate([found.model.predict(held.iloc[i : i + 1]) for i in range(len(held))])
    assert alone == pytest.approx(together, abs=1e-5)
    assert len(found.model.predict(held.iloc[:0])) == 0
    registry.save(found.model, "scratch", labels(task), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), together)


@pytest.mark.slow
def test_what_only_the_tail_tells_is_learnt_from_it(fit, rows) -> None:
    """Thirty words of no meaning, then those that tell the class."""
    plain = rows()
    long = plain.assign(text=["the and " * 15 + text for text in plain["text"]])
    right = {}
    for how in ("head", "tail", "head_tail"):
        dotted = {"train.long_text": how, "scratch.dropout": 0.0, "scratch.width": 32}
        found = fit(
            "scratch",
            long.iloc[:30],
            long.iloc[:0],
            "classification",
            max_length=16,
            epochs=15,
            lr=2e-2,
            dotted=dotted,
        )
        classes = np.array(sorted(set(plain["label"])))
        predicted = classes[found.model.predict(long.iloc[30:]).argmax(axis=1)]
        right[how] = float((predicted == long["label"].iloc[30:]).mean())
    assert right["head"] <= 0.5
    assert min(right["tail"], right["head_tail"]) >= 0.6
