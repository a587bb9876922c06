"""Tiny models of each family, of random weights, and what they learn from two texts."""

from typing import Any

import torch
from transformers import (
    AlbertConfig,
    BertConfig,
    BertForSequenceClassification,
    CamembertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    LlamaConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
    XLNetConfig,
)

WIDE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES = WIDE | {"intermediate_size": 32, "vocab_size": 50, "pad_token_id": 0}
CONFIGS: dict[str, Any] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES),
    "xlm-roberta": lambda: XLMRobertaConfig(**SIZES),
    "camembert": lambda: CamembertConfig(**SIZES),
    "albert": lambda: AlbertConfig(**SIZES, embedding_size=8),
    "electra": lambda: ElectraConfig(**SIZES),
    "distilbert": lambda: DistilBertConfig(
        dim=16, n_layers=2, n_heads=2, hidden_dim=32, vocab_size=50, pad_token_id=0
    ),
    "modernbert": lambda: ModernBertConfig(**SIZES),
    "gpt2": lambda: GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50, pad_token_id=0),
    "llama": lambda: LlamaConfig(**SIZES, num_key_value_heads=1),
}
# As DeBERTa v3: places count by their distance alone, and two texts are told apart by [SEP].
DISENTANGLED: dict[str, Any] = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
# Those whose attention transformers computes in one way alone.
EAGER_ONLY: dict[str, Any] = {
    "deberta-v2": lambda: DebertaV2Config(**SIZES, **DISENTANGLED),
    "xlnet": lambda: XLNetConfig(d_model=16, n_layer=2, n_head=2, d_inner=32),
}


def build_bert(layers: int) -> Any:
    """Return a classifier of three classes."""
    return BertForSequenceClassification(
        BertConfig(**SIZES | {"num_hidden_layers": layers, "num_labels": 3})
    )


def outputs_and_gradients(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs and all gradients over two texts, of which one is padded."""
    model.zero_grad()
    tokens = torch.arange(4, 16).reshape(2, 6)
    mask = torch.ones_like(tokens)
    mask[1, 4:] = 0
    found = model(input_ids=tokens * mask, attention_mask=mask).logits
    found.square().sum().backward()
    return found.detach(), torch.cat([p.grad.flatten() for p in model.parameters()])
