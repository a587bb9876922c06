"""A small transformer and its tokenizer, both built from the training rows alone."""

from functools import partial
from typing import Any

import torch

from foldline.core.io.labels import Labels
from foldline.core.params import Recipe


def train_tokenizer(texts: list[str], recipe: Recipe) -> Any:
    """Train the tokenizer that the recipe names, and wrap it for transformers."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    from foldline.models.neural.tokenizer_training import END, MASK, PAD, START, TOKENIZERS, UNKNOWN

    trained = TOKENIZERS[recipe.scratch.tokenizer](texts, recipe.scratch.vocabulary)
    trained.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B:1 {END}:1",
        special_tokens=[(token, trained.token_to_id(token)) for token in (START, END)],
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    if recipe.scratch.pooling == "mean":
        names.remove("token_type_ids")  # ModernBERT separates two texts by [SEP] alone
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        model_max_length=recipe.max_length,
        model_input_names=names,
        unk_token=UNKNOWN,
        pad_token=PAD,
        cls_token=START,
        sep_token=END,
        mask_token=MASK,
    )


def build_model(
    vocabulary: int, labels: Labels, recipe: Recipe, label_names: dict[str, Any]
) -> Any:
    """Build an encoder with random weights, of the architecture that `scratch.pooling` implies.

    `cls` is BERT (Devlin et al., 2019): a layer over the first token. `mean` is ModernBERT (Warner
    et al., 2024): the mean over the tokens. Plain transformers opens both, but not with experts; it
    has no encoder with max pooling.
    """
    builder = {"cls": _build_bert, "mean": _build_modernbert}[recipe.scratch.pooling]
    return builder(recipe, vocab_size=vocabulary, num_labels=labels.outputs, **label_names)


def _build_bert(recipe: Recipe, **names: Any) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    options = recipe.scratch
    make_config, make_model = _add_experts(recipe, BertConfig, BertForSequenceClassification)
    config = make_config(
        hidden_size=options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        intermediate_size=4 * options.width,
        max_position_embeddings=recipe.max_length,
        hidden_dropout_prob=options.dropout,
        attention_probs_dropout_prob=options.dropout,
        pad_token_id=0,
        **names,
    )
    return make_model(config)


def _build_modernbert(recipe: Recipe, **names: Any) -> Any:
    from transformers import ModernBertConfig, ModernBertForSequenceClassification

    options = recipe.scratch
    make_config, make_model = _add_experts(
        recipe, ModernBertConfig, ModernBertForSequenceClassification
    )
    dropouts = ("embedding_dropout", "mlp_dropout", "attention_dropout", "classifier_dropout")
    config = make_config(
        classifier_pooling="mean",
        hidden_size=options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        # Its gated layer has two input matrices, so this matches BERT's number of weights.
        intermediate_size=8 * options.width // 3,
        max_position_embeddings=recipe.max_length,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        cls_token_id=2,
        sep_token_id=3,
        **dict.fromkeys(dropouts, options.dropout),
        **names,
    )
    model = make_model(config)
    # By default its initial logits have a standard deviation of 1, and the first loss is too high.
    torch.nn.init.normal_(model.classifier.weight, std=config.initializer_range)
    return model


def _add_experts(recipe: Recipe, make_config: Any, make_model: Any) -> tuple[Any, Any]:
    """Return what makes config and model: the plain classes, or those with experts."""
    options = recipe.scratch
    if options.experts == 1:
        return make_config, make_model
    from foldline.models.neural.expert_architectures import ARCHITECTURES

    config_class, model_class = ARCHITECTURES[options.pooling]
    numbers = {"experts": options.experts, "active_experts": options.active_experts}
    return partial(config_class, **numbers), model_class
