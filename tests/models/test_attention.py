"""Attention by plain products: the same numbers and gradients, and only where it is asked for."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, set_seed

from foldline.models.neural import precision
from foldline.models.neural.attention import (
    SHORT_TEXT,
    eager_attention,
    inputs_cast_once,
    training_attention,
)
from foldline.models.neural.trainer import TextTrainer
from tests.helpers.marks import mark_slow_except
from tests.helpers.tiny_models import CONFIGS, outputs_and_gradients


@pytest.mark.parametrize("family", mark_slow_except(CONFIGS, ["bert", "llama"]))
def test_plain_products_learn_the_same(family) -> None:
    set_seed(0)
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS[family]()).eval()
    fused, change = outputs_and_gradients(model)
    before = model.config._attn_implementation
    with eager_attention(model):
        assert (before, model.config._attn_implementation) == ("sdpa", "eager")
        found, other = outputs_and_gradients(model)
    assert model.config._attn_implementation == before
    assert found == pytest.approx(fused, abs=1e-5)
    assert other == pytest.approx(change, abs=1e-5)
    assert float(change.abs().max()) > 1e-3


def bfloat16_gradients(model: Any) -> tuple[torch.Tensor, torch.Tensor, list[set[Any]]]:
    """Return outputs, gradients, and of each attention the tokens that its three layers read."""
    seen: list[set[Any]] = []
    hooks: list[Any] = []
    for module in model.modules():
        if not hasattr(module, "query"):
            continue
        read: set[Any] = set()
        seen.append(read)
        for layer in (module.query, module.key, module.value):
            hooks.append(
                layer.register_forward_pre_hook(
                    lambda _, given, own=read: own.add((id(given[0]), given[0].dtype))
                )
            )
    with torch.autocast("cpu", torch.bfloat16):
        found, change = outputs_and_gradients(model)
    for hook in hooks:
        hook.remove()
    return found, change, seen


def dtypes(read: set[Any]) -> set[torch.dtype]:
    return {kind for _, kind in read}


@pytest.mark.parametrize("family", CONFIGS)
def test_tokens_are_cast_once(family) -> None:
    set_seed(0)
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS[family]()).eval()
    thrice, change, before = bfloat16_gradients(model)
    with inputs_cast_once(model):
        found, other, seen = bfloat16_gradients(model)
    assert torch.equal(found, thrice)
    assert float((other - change).norm()) <= 2**-7 * float(change.norm())
    assert float(change.abs().max()) > 1e-3
    if family in ("bert", "roberta", "xlm-roberta", "camembert", "electra"):
        # ELECTRA's tokens come from a product, and are in lower precision from there on.
        assert (dtypes(before[1]) == {torch.float32}) == (family != "electra")
        assert [dtypes(read) for read in seen] == [{torch.bfloat16}] * 2
        assert [len(read) for read in seen] == [1, 1]
    else:
        assert torch.equal(other, change)
    *_, after = bfloat16_gradients(model)
    assert [dtypes(read) for read in after] == [dtypes(read) for read in before]


def test_nothing_is_cast_in_float32() -> None:
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS["bert"]()).eval()
    whole, change = outputs_and_gradients(model)
    with inputs_cast_once(model):
        found, other = outputs_and_gradients(model)
    assert torch.equal(found, whole)
    assert torch.equal(other, change)


@pytest.mark.parametrize(
    ("number", "longest", "gpu", "used"),
    [
        ("bfloat16", SHORT_TEXT, False, "eager"),
        ("auto", SHORT_TEXT, False, "eager"),
        ("float32", SHORT_TEXT, False, "sdpa"),
        ("bfloat16", SHORT_TEXT + 1, False, "sdpa"),
        ("bfloat16", SHORT_TEXT, True, "sdpa"),
    ],
)
def test_used_for_short_texts_in_bfloat16_on_a_cpu(
    number, longest, gpu, used, recipe, monkeypatch
) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    own = recipe(max_length=longest, **{"train.precision": number})
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS["bert"]())
    with training_attention(model, own):
        assert model.config._attn_implementation == used
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("stopped", [False, True])
def test_a_training_uses_it_and_leaves_the_model_as_it_was(
    stopped, fit, rows, tiny_bert, monkeypatch
) -> None:
    seen: list[Any] = []
    step = TextTrainer.training_step

    def watched(self: Any, *arguments: Any, **how: Any) -> Any:
        seen.append((self.model, self.model.config._attn_implementation))
        if stopped:
            raise KeyboardInterrupt
        return step(self, *arguments, **how)

    monkeypatch.setattr(TextTrainer, "training_step", watched)
    table = rows()
    own = {"epochs": 1, "train.precision": "bfloat16"}
    try:
        fit(tiny_bert, table, table.iloc[:0], "classification", **own)
    except KeyboardInterrupt:
        assert stopped
    assert {how for _, how in seen} == {"eager"}
    assert {model.config._attn_implementation for model, _ in seen} == {"sdpa"}
