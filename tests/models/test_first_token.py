"""The last layer for the first token alone: the same outputs and gradients, only where it may."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, set_seed

from foldline.models.neural.attention import FAMILIES, find_last_layer, first_token_only
from foldline.models.neural.prediction import Padding, predict_logits, to_bfloat16
from tests.helpers.marks import mark_slow_except
from tests.helpers.tiny_models import CONFIGS, outputs_and_gradients

SHORTENED = {"bert", "roberta", "xlm-roberta", "camembert", "electra"}


def build_model(family: str) -> Any:
    set_seed(0)
    return AutoModelForSequenceClassification.from_config(CONFIGS[family]()).eval()


def test_every_family_that_is_shortened_is_tried() -> None:
    assert {
        family for family in CONFIGS if find_last_layer(build_model(family)) is not None
    } == SHORTENED
    assert len(SHORTENED) == len(FAMILIES)


@pytest.mark.parametrize("family", mark_slow_except(CONFIGS, ["bert", "electra", "gpt2"]))
def test_the_same_is_learnt(family) -> None:
    model = build_model(family)
    whole, change = outputs_and_gradients(model)
    with first_token_only(model):
        found, other = outputs_and_gradients(model)
    assert found == pytest.approx(whole, abs=1e-6)
    assert other == pytest.approx(change, abs=1e-5)
    assert float(change.abs().max()) > 1e-3


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", sorted(SHORTENED))
def test_one_token_goes_through_the_last_layer(family, attention) -> None:
    model = build_model(family)
    model.set_attn_implementation(attention)
    seen: list[Any] = []
    dense = model.base_model.encoder.layer[-1].intermediate
    dense.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    outputs_and_gradients(model)
    with first_token_only(model), first_token_only(model):
        outputs_and_gradients(model)
    outputs_and_gradients(model)
    assert seen == [(2, 6, 16), (2, 1, 16), (2, 6, 16)]


def test_left_as_it_was_after_an_error() -> None:
    model = build_model("bert")
    with pytest.raises(RuntimeError, match="stopped"), first_token_only(model):
        raise RuntimeError("stopped")
    assert "forward" not in vars(find_last_layer(model))


def test_the_layer_under_an_adapter_is_found() -> None:
    peft = pytest.importorskip("peft")
    model = build_model("bert")
    own = find_last_layer(model)
    adapted = peft.get_peft_model(model, peft.LoraConfig(target_modules=["query", "value"]))
    assert find_last_layer(adapted) is own


def test_a_language_model_reads_every_token() -> None:
    from transformers import AutoModelForMaskedLM

    assert find_last_layer(AutoModelForMaskedLM.from_config(CONFIGS["bert"]())) is None


def test_predictions_are_made_of_it() -> None:
    model = build_model("bert")
    columns = {"input_ids": [np.arange(4, n) for n in (12, 8, 9)]}
    columns["attention_mask"] = [np.ones_like(ids) for ids in columns["input_ids"]]
    padding = Padding({"input_ids": 0}, left=False)
    given = {name: torch.from_numpy(v) for name, v in padding.pad(columns, [0, 1, 2]).items()}
    with torch.no_grad():
        whole = model(**given).logits.numpy()
    seen: list[Any] = []
    find_last_layer(model).output.register_forward_hook(lambda *_: seen.append(_[2].shape[1]))
    assert predict_logits(model, columns, padding) == pytest.approx(whole, abs=1e-6)
    assert seen
    assert set(seen) == {1}


def test_a_copy_made_within_it_is_shortened_by_its_own_weights() -> None:
    model = build_model("bert")
    inputs = torch.arange(4, 16).reshape(2, 6)
    with first_token_only(model):
        half = to_bfloat16(model)
    with torch.no_grad():
        found = half(input_ids=inputs).logits
        for parameter in find_last_layer(model).parameters():
            parameter.fill_(9.0)
        assert torch.equal(half(input_ids=inputs).logits, found)
        for parameter in find_last_layer(half).parameters():
            parameter.fill_(9.0)
        assert not torch.equal(half(input_ids=inputs).logits, found)
