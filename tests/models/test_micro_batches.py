"""Batches read in parts: the same gradient, fewer padded places, no part that does not pay."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from foldline.models.neural.batching import make_sampler
from foldline.models.neural.micro_batches import PASS_COST, split_batch, split_lengths


def make_batch(lengths: list[int], left: bool = False) -> dict[str, Any]:
    """Return rows whose tokens are 100 times their number and up, padded with 0."""
    longest = max(lengths)
    ids = torch.zeros(len(lengths), longest, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        places = slice(longest - length, None) if left else slice(0, length)
        ids[row, places] = 100 * row + torch.arange(length) + 1
        mask[row, places] = 1
    rows = torch.arange(len(lengths))
    # As many labels a row as there are tokens: they are no tokens all the same.
    shares = torch.rand(len(lengths), longest)
    return {"input_ids": ids, "attention_mask": mask, "labels": shares, "indices": rows}


def test_cuts_by_hand() -> None:
    # 30 rows of 10 tokens beside 2 of 100: apart they spare 30 * 90 places.
    lengths = np.array([10] * 15 + [100] + [10] * 15 + [100])
    few, many = sorted(split_lengths(lengths), key=len)
    assert few.tolist() == [15, 31]
    assert sorted(many.tolist()) == [i for i in range(32) if i not in (15, 31)]
    # Apart, 16 rows would spare (PASS - 16) places, then PASS, then one more each: only that pays.
    for longer, count in ((PASS_COST // 16 - 1, 1), (PASS_COST // 16, 1), (PASS_COST // 16 + 1, 2)):
        assert len(split_lengths(np.array([5] * 16 + [5 + longer] * 16))) == count
    assert len(split_lengths(np.array([5] * 10 + [40] * 10 + [90] * 10))) == 3
    assert [one.tolist() for one in split_lengths(np.array([7]))] == [[0]]


def test_a_batch_that_is_not_cut_is_handed_on() -> None:
    own = make_batch([3, 4, 5])
    assert split_batch(own)[0] is own


@pytest.mark.parametrize("left", [False, True])
def test_parts_hold_every_token_once(left: bool) -> None:
    lengths = [60, 3, 5, 80, 4, 4, 5, 60, 2, 3] * 3
    own = make_batch(lengths, left)
    found = split_batch(own)
    assert len(found) > 1
    rows = torch.cat([part["indices"] for part in found])
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    for part in found:
        mask, places = part["attention_mask"], part["indices"]
        assert places.tolist() == sorted(places.tolist())
        assert mask.shape[1] == int(mask.sum(dim=1).max())  # no longer than its longest row
        assert torch.equal(part["labels"], own["labels"][places])
        for ids, real, place in zip(part["input_ids"], mask.bool(), places, strict=True):
            assert torch.equal(ids[real], own["input_ids"][place][own["attention_mask"][place] > 0])
            assert not ids[~real].any()
            assert bool(real[-1] if left else real[0])


def test_saves_more_places_than_its_passes_cost() -> None:
    draw = np.random.default_rng(0)
    for _ in range(200):
        lengths = np.minimum(draw.geometric(1 / 20, size=int(draw.integers(1, 65))) + 2, 128)
        found = split_lengths(lengths)
        places = sum(len(rows) * int(lengths[rows].max()) for rows in found)
        whole = len(lengths) * int(lengths.max())
        assert places + PASS_COST * (len(found) - 1) <= whole
        assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))


def make_long_and_short(rows: Any, task: str = "classification") -> Any:
    """Return rows of which every fourth is some twelve times as long."""
    table = rows(task).iloc[:24].copy()
    table.loc[table.index[::4], "text"] = [" ".join([text] * 12) for text in table["text"][::4]]
    return table


ALIKE: dict[str, dict[str, Any]] = {
    "plain": {},
    "weights and focal": {"train.class_weights": "balanced", "train.loss": "focal"},
    "r-drop, two dropouts": {"train.rdrop": 1.0, "train.dropout_samples": 2},
    "fgm": {"train.adversarial": "fgm"},
    "awp": {"train.adversarial": "awp", "train.adversarial_size": 20.0},
}


@pytest.mark.parametrize("name", ALIKE)
def test_learns_what_whole_batches_teach(name, fit, rows, monkeypatch) -> None:
    table = make_long_and_short(rows)
    sizes = {"scratch.dropout": 0.0, "train.warmup": 0.0, "scratch.pooling": "mean"}
    how: dict[str, Any] = {"batch_size": 24, "max_length": 128, "epochs": 12, "lr": 1e-2}
    parts = (table, table.iloc[:0], "classification")
    in_parts = fit("scratch", *parts, dotted=ALIKE[name] | sizes, **how)
    monkeypatch.setattr("foldline.models.neural.trainer.split_batch", lambda batch: [batch])
    whole = fit("scratch", *parts, dotted=ALIKE[name] | sizes, **how)
    assert in_parts.summary["padding"] < 1.5 < 2.5 < whole.summary["padding"]
    for one, other in zip(in_parts.history, whole.history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)
    assert in_parts.history[0]["loss"] != pytest.approx(in_parts.history[-1]["loss"], rel=0.02)
    one, other = (found.model.predict(table) for found in (in_parts, whole))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_contrast_keeps_a_batch_together(fit, rows) -> None:
    table = make_long_and_short(rows)
    how: dict[str, Any] = {"batch_size": 24, "max_length": 128, "epochs": 1}
    dotted = {"train.contrastive": 0.3}
    found = fit("scratch", table, table.iloc[:0], "classification", dotted=dotted, **how)
    assert found.summary["padding"] > 2.5


def test_a_thousand_rows_pad_little() -> None:
    """The lengths of short texts and a few long ones, as of reviews: 1,000 rows, ten seeds."""
    lengths = np.clip(np.random.default_rng(0).lognormal(2.75, 0.6, size=1000), 3, 128).astype(int)
    alone = {"world_size": 1, "process_index": 0, "gradient_accumulation_steps": 1}
    for seed in range(10):
        batches = make_sampler(lengths.tolist(), SimpleNamespace(**alone, seed=seed), 32)
        read = [lengths[b][rows] for b in batches for rows in split_lengths(lengths[b])]
        padding = sum(len(part) * part.max() for part in read) / lengths.sum()
        assert padding <= 1.08
