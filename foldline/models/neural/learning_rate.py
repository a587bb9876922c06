"""The learning rate of `lr: auto`, by the model's size and by what is trained of it."""

from typing import Any

import numpy as np

from foldline.core.params import Recipe
from foldline.encoders.model_sizes import find_embeddings

SCRATCH, SCRATCH_PRETRAINING = 1e-3, 5e-4
HEAD_ALONE = 1e-3
# Fine-tuning of MiniLM-L6, BERT-base and BERT-large, by their weights besides the embeddings;
# between them the line on logarithmic scales. Embeddings do not count, as those of a multilingual
# model are large and hardly trained.
WEIGHTS, RATES = (11e6, 86e6, 303e6), (1e-4, 5e-5, 2e-5)
LORA_FACTOR = 10.0
OPTIMIZER_FACTORS = {"adamw": 1.0, "adafactor": 1.0, "lion": 0.2, "sgd": 100.0}
HIGH = 5e-4  # from here on fine-tuning of all weights with AdamW often learns nothing


def resolve_lr(recipe: Recipe, model: Any) -> Recipe:
    """Return the recipe with a number as `lr`; `model` has all its weights, without adapters."""
    if recipe.lr != "auto":
        return recipe
    return recipe.model_copy(update={"lr": suggest_lr(recipe, model)})


def suggest_lr(recipe: Recipe, model: Any) -> float:
    """Return the peak learning rate that `auto` stands for, with two digits."""
    options = recipe.train
    if recipe.model == "scratch":
        rate = SCRATCH
    elif options.trainable_layers == "head":
        rate = HEAD_ALONE
    else:
        rate = fine_tuning_lr(model) * (LORA_FACTOR if options.lora else 1.0)
    return float(f"{rate * OPTIMIZER_FACTORS[options.optimizer]:.1e}")


def suggest_pretraining_lr(recipe: Recipe, model: Any) -> float:
    """Return the peak learning rate that `pretrain.lr: auto` stands for."""
    if recipe.model == "scratch":
        return SCRATCH_PRETRAINING
    return float(f"{fine_tuning_lr(model):.1e}")


def fine_tuning_lr(model: Any) -> float:
    """Return the learning rate for all weights of a pretrained model."""
    embeddings = find_embeddings(model)
    total = sum(weight.numel() for weight in model.parameters())
    size = total - (sum(weight.numel() for weight in embeddings.parameters()) if embeddings else 0)
    return float(np.exp(np.interp(np.log(max(size, 1)), np.log(WEIGHTS), np.log(RATES))))


def warn_of_high_lr(recipe: Recipe, model: Any) -> list[str]:
    """Return a warning about a number in params with which fine-tuning often learns nothing."""
    options = recipe.train
    tamed = options.lora or options.trainable_layers == "head" or options.optimizer == "sgd"
    if recipe.lr == "auto" or recipe.lr < HIGH or recipe.model == "scratch" or tamed:
        return []
    suggested = suggest_lr(recipe, model)
    return [
        f"lr={recipe.lr:g} is high for fine-tuning {recipe.model}, which may learn nothing; "
        f"`dvc exp run -S lr=auto` takes {suggested:g}"
    ]
