"""LoRA (Hu et al., 2022): low-rank adapters beside the frozen weights of an encoder."""

from typing import Any

import torch

from foldline.core.environment import install_command
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.models import device

ADAPTER = "default"


def add_adapters(model: Any, recipe: Recipe) -> Any:
    """Freeze the encoder and add adapters; return what `merge_adapters` needs, None if off.

    The adapters are trained, and the whole head with the pooler before it, which many checkpoints
    lack.

    Raises:
        FoldlineError: if peft is not installed.
    """
    options = recipe.train
    if not options.lora:
        return None
    lora_config, lora_model = _import_peft()
    device.set_seed(derive_seed(recipe.seed, "lora") % 2**31)
    config = lora_config(
        r=options.lora,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=target_modules(model),
        # GPT-2's matrices are transposed.
        fan_in_fan_out=any(type(m).__name__ == "Conv1D" for m in model.modules()),
    )
    tuner = lora_model(model, config, ADAPTER)
    for parameter in head_parameters(model):
        parameter.requires_grad_(True)
    return tuner


def merge_adapters(tuner: Any) -> None:
    """Merge the adapters into the weights, leaving a plain transformers model."""
    if tuner is None:
        return
    tuner.merge_and_unload().requires_grad_(True)


def target_modules(model: Any) -> list[str]:
    """Return the layers to adapt: peft's defaults for the architecture, else all linear ones."""
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as CHOICES

    from foldline.models.neural.expert_architectures import plain_config

    chosen = CHOICES.get(plain_config(model.config).model_type)
    if chosen:
        return list(chosen)
    base = {id(m) for m in model.base_model.modules()}
    pooler_module = getattr(model.base_model, "pooler", None)
    pooler = set() if pooler_module is None else {id(m) for m in pooler_module.modules()}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) in base - pooler
    ]


def head_parameters(model: Any) -> list[Any]:
    """Return the parameters of head and pooler."""
    pooler = getattr(model.base_model, "pooler", None)
    pooler_parameters = {id(p) for p in pooler.parameters()} if pooler is not None else set()
    base = {id(p) for p in model.base_model.parameters()} - pooler_parameters
    return [p for p in model.parameters() if id(p) not in base]


def _import_peft() -> tuple[Any, Any]:
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise FoldlineError(
            f"train.lora needs the package peft: `{install_command('peft')}`, or add it to the "
            "dependencies in pyproject.toml, which run.py installs; or set train.lora to 0"
        ) from error
    return LoraConfig, LoraModel
