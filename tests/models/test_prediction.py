"""Batches of predictions: as the tokenizer pads, within their size, each row back at its place."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from foldline.models.neural import prediction, scratch
from foldline.models.neural.prediction import Padding
from foldline.models.text_encoding import encode


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_the_tokenizers(side, rows, recipe) -> None:
    table = rows("classification", pairs=True)
    tokenizer = scratch.train_tokenizer(table["text"].tolist(), recipe())
    tokenizer.padding_side = side
    columns = encode(tokenizer, table, 24)
    places = np.array([3, 0, 17])
    chosen = {name: [values[place] for place in places] for name, values in columns.items()}
    expected = tokenizer.pad(chosen, return_tensors="np")
    found = Padding.from_tokenizer(tokenizer).pad(columns, places)
    assert found.keys() == dict(expected).keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name])


def test_batches_hold_each_row_once_within_their_size() -> None:
    lengths = np.random.default_rng(0).integers(1, 600, 500).tolist()
    columns = {"input_ids": [[1] * length for length in [*lengths, 9000]]}
    found = list(prediction.batch_by_length(columns))
    assert sorted(place for batch in found for place in batch) == list(range(501))
    for batch in found:
        longest = max(len(columns["input_ids"][place]) for place in batch)
        assert len(batch) * longest <= prediction.MAX_POSITIONS or len(batch) == 1
    assert list(prediction.batch_by_length({"input_ids": []})) == []


def test_little_is_filled_up_and_few_batches_start() -> None:
    """Short texts: far more to a batch than of long ones, cut where a length ends."""
    lengths = np.repeat(np.arange(60, 2, -1), np.arange(2, 118, 2))  # few long, many short
    columns = {"input_ids": [[1] * length for length in lengths]}
    found = [lengths[batch] for batch in prediction.batch_by_length(columns)]
    for batch in found:
        filled = (batch.max() - batch).sum()
        assert filled <= prediction.MAX_PADDING or len(set(batch)) == 2
    full = [len(batch) * batch.max() > prediction.MAX_POSITIONS - batch.max() for batch in found]
    for batch, following, by_size in zip(found, found[1:], full, strict=False):
        assert by_size or batch.min() > following.max()
    assert len(found) < len(lengths) / 64
    assert sum(len(batch) * batch.max() for batch in found) < 1.05 * lengths.sum()


def test_outputs_come_back_to_their_rows() -> None:
    class Echo(torch.nn.Module):
        config, device = SimpleNamespace(num_labels=1), torch.device("cpu")

        def forward(self, input_ids: torch.Tensor) -> Any:
            return SimpleNamespace(logits=input_ids.max(dim=1, keepdim=True).values.float())

    order = np.random.default_rng(1).permutation(300)
    columns = {"input_ids": [[int(n)] * (1 + int(n) % 70) for n in order]}
    found = prediction.predict_logits(Echo(), columns, Padding({"input_ids": -1}, False))
    np.testing.assert_array_equal(found[:, 0], order)


def test_bfloat16_is_of_weights_alone_and_not_of_the_head() -> None:
    sizes: dict[str, Any] = {"num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
    config = LlamaConfig(hidden_size=16, intermediate_size=32, num_labels=3, **sizes)
    model = LlamaForSequenceClassification(config)
    half = prediction.to_bfloat16(model)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert half.score.weight.dtype == torch.float32
    assert {p.dtype for p in half.model.parameters()} == {torch.bfloat16}
    assert {b.dtype for b in half.buffers()} == {torch.float32}  # the angles by place
    assert half(torch.tensor([[1, 2, 3]])).logits.dtype == torch.float32
