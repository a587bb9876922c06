"""Attention by plain products: the same numbers and gradients, and only where it is asked for."""

from typing import Any

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    LlamaConfig,
    ModernBertConfig,
    RobertaConfig,
    set_seed,
)

from foldline.modeling.neural import precision
from foldline.modeling.neural.attention import SHORT, plain, to_learn
from foldline.modeling.neural.trainer import TextTrainer

WIDE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES = WIDE | {"intermediate_size": 32, "vocab_size": 50, "pad_token_id": 0}
CONFIGS: dict[str, Any] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES),
    "albert": lambda: AlbertConfig(**SIZES, embedding_size=8),
    "electra": lambda: ElectraConfig(**SIZES),
    "distilbert": lambda: DistilBertConfig(
        dim=16, n_layers=2, n_heads=2, hidden_dim=32, vocab_size=50, pad_token_id=0
    ),
    "modernbert": lambda: ModernBertConfig(**SIZES),
    "gpt2": lambda: GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50, pad_token_id=0),
    "llama": lambda: LlamaConfig(**SIZES, num_key_value_heads=1),
}


def learnt_from(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Give outputs and all gradients over two texts, of which one is padded."""
    model.zero_grad()
    tokens = torch.arange(4, 16).reshape(2, 6)
    mask = torch.ones_like(tokens)
    mask[1, 4:] = 0
    found = model(input_ids=tokens * mask, attention_mask=mask).logits
    found.square().sum().backward()
    return found.detach(), torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize("family", CONFIGS)
def test_plain_products_learn_the_same(family) -> None:
    set_seed(0)
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS[family]()).eval()
    fused, change = learnt_from(model)
    before = model.config._attn_implementation
    with plain(model):
        assert (before, model.config._attn_implementation) == ("sdpa", "eager")
        found, other = learnt_from(model)
    assert model.config._attn_implementation == before
    assert found == pytest.approx(fused, abs=1e-5)
    assert other == pytest.approx(change, abs=1e-5)
    assert float(change.abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("number", "longest", "gpu", "used"),
    [
        ("bfloat16", SHORT, False, "eager"),
        ("auto", SHORT, False, "eager"),
        ("float32", SHORT, False, "sdpa"),
        ("bfloat16", SHORT + 1, False, "sdpa"),
        ("bfloat16", SHORT, True, "sdpa"),
    ],
)
def test_used_for_short_texts_in_bfloat16_on_a_cpu(
    number, longest, gpu, used, recipe, monkeypatch
) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    own = recipe(max_length=longest, **{"train.precision": number})
    model: Any = AutoModelForSequenceClassification.from_config(CONFIGS["bert"]())
    with to_learn(model, own):
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
