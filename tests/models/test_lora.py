"""LoRA: what is learnt, what is saved, what is refused."""

import sys
from typing import Any

import numpy as np
import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params import Train
from foldline.models import registry
from foldline.models.neural import lora
from tests.helpers.advice import read_settings
from tests.helpers.killed_training import kill_after_saves

RANK = 3
LORA: dict[str, Any] = {"train.lora": RANK, "train.lora_alpha": 6.0, "train.lora_dropout": 0.1}
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}


def build_model(family: str) -> Any:
    """Build a tiny random classifier of a family."""
    from transformers import (
        AutoModelForSequenceClassification,
        BertConfig,
        GPT2Config,
        LlamaConfig,
        ModernBertConfig,
        RobertaConfig,
        set_seed,
    )

    set_seed(0)
    marks = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    common: dict[str, Any] = {"vocab_size": 50, "num_labels": 3, **marks}
    sizes = SIZES | {"intermediate_size": 32}
    config = {
        "bert": lambda: BertConfig(**common, **sizes),
        "roberta": lambda: RobertaConfig(**common, **sizes, max_position_embeddings=40),
        "gpt2": lambda: GPT2Config(**common, n_embd=16, n_layer=2, n_head=2, n_positions=32),
        "llama": lambda: LlamaConfig(**common, **sizes),
        "modernbert": lambda: ModernBertConfig(
            **common, **sizes, cls_token_id=1, sep_token_id=2, attn_implementation="eager"
        ),
    }[family]()
    return AutoModelForSequenceClassification.from_config(config).eval()


# Matrices that are adapted in one layer, by what goes in and out, and the parameters of the head.
ADAPTED = {
    "bert": ([(16, 16)] * 2, 16 * 16 + 16 + 16 * 3 + 3),  # query and value; pooler and classifier
    "roberta": ([(16, 16)] * 2, 16 * 16 + 16 + 16 * 3 + 3),  # its dense layer is in the head
    "gpt2": ([(16, 48)], 16 * 3),
    "llama": ([(16, 16)] * 2, 16 * 3),
    # All: query, key and value in one, output, and the two of the gated layer. The head is a dense
    # layer and a norm, without biases, and a classifier.
    "modernbert": ([(16, 48), (16, 16), (16, 64), (32, 16)], 16 * 16 + 16 + 16 * 3 + 3),
}


@pytest.mark.parametrize("family", ADAPTED)
def test_adapters_and_the_head_alone_are_learnt(family, recipe) -> None:
    model = build_model(family)
    before = model.num_parameters()
    lora.add_adapters(model, recipe(LORA))
    matrices, head = ADAPTED[family]
    learnt = 2 * sum(RANK * (into + out) for into, out in matrices)
    assert model.num_parameters(only_trainable=True) == learnt + head
    assert model.num_parameters() == before + learnt


@pytest.mark.parametrize("family", ADAPTED)
def test_merged_weights_say_the_same(family, recipe) -> None:
    """Not what the model said before: the matrices are drawn so that they change it."""
    model = build_model(family)
    names = set(model.state_dict())
    inputs = {"input_ids": torch.arange(3, 23).reshape(2, 10)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    with torch.inference_mode():
        before = model(**inputs).logits
    tuner = lora.add_adapters(model, recipe(LORA))
    model.eval()
    with torch.no_grad():
        fresh = model(**inputs).logits
        torch.testing.assert_close(fresh, before)  # one of the two matrices begins as 0
        torch.manual_seed(1)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=10)
        apart = model(**inputs).logits
        lora.merge_adapters(tuner)
        together = model(**inputs).logits
    assert float((apart - before).abs().max()) > 1e-3
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)
    assert set(model.state_dict()) == names
    assert not hasattr(model, "peft_config")
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_what_is_saved_is_plain(task, fit, rows, labels, tmp_path, monkeypatch) -> None:
    """It opens where peft is not; the embeddings are those that the model came with."""
    from transformers import AutoModelForSequenceClassification

    table = rows(task)
    dotted = LORA | {"train.layer_decay": 0.9}
    found = fit("pretrained", table.iloc[:28], table.iloc[28:], task, dotted=dotted, lr=1e-2)
    assert found.run_info["trainable_parameters"] < 0.3 * found.summary["parameters"]
    expected = found.model.predict(table)
    assert np.isfinite(expected).all()
    registry.save(found.model, "x", labels(task), tmp_path / "m")
    for name in [name for name in sys.modules if name.partition(".")[0] == "peft"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "peft", None)
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "m")
    assert opened.num_parameters() == found.summary["parameters"]
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(table), expected)


def test_the_frozen_stays_and_the_adapted_moves(fit, parts, tiny_bert) -> None:
    from transformers import AutoModel

    first = AutoModel.from_pretrained(tiny_bert).state_dict()
    found = fit("pretrained", *parts, "classification", dotted=LORA, epochs=2, lr=1e-2)
    after = found.model.model.base_model.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, first[name])}
    assert any("query.weight" in name for name in moved)
    kept = ("query.weight", "value.weight", "pooler.dense.weight", "pooler.dense.bias")
    assert all(name.endswith(kept) for name in moved)


@pytest.mark.slow
@pytest.mark.parametrize("saves", [1, 2, 3])
def test_goes_on_exactly(saves, fit, parts, labels, tmp_path, monkeypatch) -> None:
    how: dict[str, Any] = {"epochs": 3, "lr": 1e-2}
    how["dotted"] = LORA | {"train.ema": 0.9, "pretrain.epochs": 1}
    whole = fit("pretrained", *parts, "classification", **how)
    with kill_after_saves(saves, monkeypatch):
        fit("pretrained", *parts, "classification", scratch=tmp_path / "c", **how)
    again = fit("pretrained", *parts, "classification", scratch=tmp_path / "c", **how)
    assert (whole.history, whole.summary) == (again.history, again.summary)
    for name, fitted in (("a", whole), ("b", again)):
        registry.save(fitted.model, "x", labels("classification"), tmp_path / name)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fgm", "awp"])
def test_adversaries_go_along(name, fit, parts) -> None:
    dotted = LORA | {"train.adversarial": name}
    found = fit("pretrained", *parts, "classification", dotted=dotted, epochs=1)
    assert np.isfinite(found.model.predict(parts[1])).all()


def test_without_the_package_the_next_step_is_told(fit, parts, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(FoldlineError, match=r"peft: `.*pip .*install .*peft`") as caught:
        fit("pretrained", *parts, "classification", dotted=LORA)
    (settings,) = read_settings(str(caught.value))
    assert fit("pretrained", *parts, "classification", dotted=LORA | settings, epochs=1)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("trainable_layers", "head", "trainable_layers=head has no effect"),
        ("trainable_layers", 1, "trainable_layers=1 has no effect"),
        ("reinit_layers", 2, "would freeze the 2 reinitialised layers"),
    ],
)
def test_what_makes_no_sense_is_refused(key, value, message, recipe) -> None:
    content = recipe().train.model_dump() | {"lora": 8, key: value}
    with pytest.raises(ValueError, match=message):
        Train.model_validate(content)
