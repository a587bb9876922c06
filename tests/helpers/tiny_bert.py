"""A small BERT, a batch of three rows, and their plain loss."""

from typing import Any

import torch
import torch.nn.functional as F


def build_tiny_bert(dropout: float = 0.0) -> Any:
    from transformers import BertConfig, BertForSequenceClassification, set_seed

    set_seed(1)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 30, "num_labels": 3}
    drops = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    config: Any = BertConfig
    made = BertForSequenceClassification(
        config(hidden_size=16, intermediate_size=32, **sizes, **drops)
    )
    return made.train()


BATCH = {
    "input_ids": torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0], [2, 9, 8, 3]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]),
}
LABELS = torch.tensor([0, 1, 0])


def mean_cross_entropy(outputs: Any, labels: Any, items: Any = None, weights: Any = None) -> Any:
    return F.cross_entropy(outputs.logits, labels, reduction="sum") / (items or len(labels))
