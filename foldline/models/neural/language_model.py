"""The language model that shares its encoder with a classifier."""

from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.params import Recipe
from foldline.encoders import hub


def load_language_model(recipe: Recipe, model: Any) -> tuple[Any, bool]:
    """Return a language model of the classifier's architecture, and whether it is causal.

    Its weights are the checkpoint's, including the language model head if there is one, or random
    for `scratch`.

    Raises:
        FoldlineError: if the architecture does not fit `pretrain.objective`.
    """
    from foldline.models.neural.expert_architectures import plain_config

    config = plain_config(model.config)
    objective = resolve_objective(config, recipe.pretrain.objective)
    auto_class = "AutoModelForCausalLM" if objective == "causal" else "AutoModelForMaskedLM"
    if recipe.model == "scratch":
        learner = hub.build_model(config, auto_class)
    else:
        learner = hub.load_model(recipe.model, auto_class)
    size = model.get_input_embeddings().num_embeddings
    if learner.get_input_embeddings().num_embeddings != size:  # a padding token was added
        learner.resize_token_embeddings(size)
    return learner, objective == "causal"


def resolve_objective(config: Any, objective: str) -> str:
    """Return `masked` or `causal` for an architecture and `pretrain.objective`.

    Raises:
        FoldlineError: if the architecture supports neither, or not the one requested.
    """
    from transformers.models.auto import modeling_auto as auto

    name = config.model_type
    supported = None
    if name in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        supported = "causal"
    if name in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False):
        supported = "masked"
    if supported is None:
        raise FoldlineError(
            f"pretrain: transformers has no language model for the architecture {name}; set "
            "pretrain.epochs to 0"
        )
    if objective not in ("auto", supported):
        reads = (
            "only the tokens before a token" if supported == "causal" else "both sides of a token"
        )
        raise FoldlineError(
            f"pretrain.objective: {objective} is not for {name}, which reads {reads}; set it to "
            f"{supported} or auto"
        )
    return supported


def copy_encoder(model: Any, learner: Any) -> None:
    """Copy the encoder's weights of a language model into a classifier; its pooler stays.

    Raises:
        FoldlineError: if the two encoders differ.
    """
    missing, unexpected = model.base_model.load_state_dict(
        learner.base_model.state_dict(), strict=False
    )
    differing = [name for name in missing if not name.startswith("pooler")] + unexpected
    if differing:
        raise FoldlineError(
            f"pretrain: {type(learner).__name__} and {type(model).__name__} share no encoder (they "
            f"differ in {differing[0]}); set pretrain.epochs to 0"
        )
