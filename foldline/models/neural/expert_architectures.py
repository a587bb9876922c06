"""BERT and ModernBERT with experts before the classifier, by names of their own in transformers.

Plain transformers does not know these names, so it refuses such a folder instead of leaving the
experts out.
"""

from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
)

from foldline.models.neural.experts import Experts


class BertExpertsConfig(BertConfig):
    """The config of BERT with experts; transformers needs a default for each value."""

    model_type = "bert_experts"
    experts: int = 2
    active_experts: int = 2


class BertExpertsForSequenceClassification(BertForSequenceClassification):
    """BERT with experts between its pooler and the dropout before the classifier."""

    config_class = BertExpertsConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout: Any = _put_experts_before(self.dropout, config)
        _initialise(self)


class ModernBertExpertsConfig(ModernBertConfig):
    """The config of ModernBERT with experts; transformers needs a default for each value."""

    model_type = "modernbert_experts"
    experts: int = 2
    active_experts: int = 2


class ModernBertExpertsForSequenceClassification(ModernBertForSequenceClassification):
    """ModernBERT with experts between its head and the dropout before the classifier."""

    config_class = ModernBertExpertsConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.drop: Any = _put_experts_before(self.drop, config)
        _initialise(self)


def _put_experts_before(dropout: Any, config: Any) -> Any:
    experts = Experts(config.hidden_size, config.experts, config.active_experts, dropout.p)
    return torch.nn.Sequential(experts, dropout)


def _initialise(model: Any) -> None:
    """Draw the weights that the constructor of the plain architecture has not drawn."""
    model.post_init()


# Config and model by `scratch.pooling`.
ARCHITECTURES: dict[str, tuple[Any, Any]] = {
    "cls": (BertExpertsConfig, BertExpertsForSequenceClassification),
    "mean": (ModernBertExpertsConfig, ModernBertExpertsForSequenceClassification),
}


def register_architectures() -> None:
    """Let transformers' auto classes open both architectures in this process."""
    for config, model in ARCHITECTURES.values():
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoModelForSequenceClassification.register(config, model, exist_ok=True)


def plain_config(config: Any) -> Any:
    """Return the config of the architecture without experts; of another one the config itself."""
    if type(config) not in (own for own, _ in ARCHITECTURES.values()):
        return config
    own = ("model_type", "experts", "active_experts")
    values = {name: value for name, value in config.to_dict().items() if name not in own}
    return type(config).__bases__[0](**values)
