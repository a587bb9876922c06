"""What is added to a loss: R-Drop, contrast, dropout samples."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foldline.core.errors import FoldlineError
from foldline.models.neural.objective import (
    HeadRecorder,
    Objective,
    contrastive_losses,
    rdrop_divergence,
)
from tests.helpers.tiny_bert import BATCH, LABELS, build_tiny_bert, mean_cross_entropy

ONE = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
OTHER = torch.tensor([[1.0, 1.0, -2.0], [0.5, 1.5, 0.0]])


def test_r_drop_is_the_published_code() -> None:
    """`compute_kl_loss` of the paper's repository (dropreg/R-Drop), summed over classes."""
    there = F.kl_div(F.log_softmax(ONE, -1), F.softmax(OTHER, -1), reduction="none").sum(-1)
    back = F.kl_div(F.log_softmax(OTHER, -1), F.softmax(ONE, -1), reduction="none").sum(-1)
    torch.testing.assert_close(rdrop_divergence(ONE, OTHER), (there + back) / 2)
    assert float(rdrop_divergence(ONE, ONE).sum()) == pytest.approx(0.0, abs=1e-6)


def test_r_drop_of_numbers_is_their_squared_difference() -> None:
    assert rdrop_divergence(ONE[:, :1], OTHER[:, :1]).tolist() == [1.0, 0.0]


def test_r_drop_adds_to_the_mean_of_two_passes(recipe) -> None:
    model = build_tiny_bert(0.3)
    objective = Objective(
        model, mean_cross_entropy, recipe({"train.rdrop": 2.0}).train, "classification"
    )
    torch.manual_seed(5)
    found, _ = objective(model, BATCH, LABELS, torch.tensor(6))
    torch.manual_seed(5)
    one, other = model(**BATCH), model(**BATCH)
    both = (mean_cross_entropy(one, LABELS, 6) + mean_cross_entropy(other, LABELS, 6)) / 2
    expected = both + 2.0 * rdrop_divergence(one.logits, other.logits).sum() / 6
    torch.testing.assert_close(found, expected)


def test_contrast_by_hand() -> None:
    # Unit vectors at 0, 90 and 180 degrees; the first and the last are of one class; T = 0.5.
    features = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    found = contrastive_losses(features, torch.tensor([1, 0, 1]), 0.5)
    expected = -np.log(np.exp(-2) / (np.exp(0) + np.exp(-2)))
    assert found.tolist() == pytest.approx([expected, 0.0, expected], abs=1e-6)


def test_contrast_is_the_papers_sum() -> None:
    """Equation 2 of Khosla et al. (L_out), term by term."""
    torch.manual_seed(0)
    features, codes = torch.randn(7, 5), [0, 1, 0, 2, 1, 0, 1]
    unit = F.normalize(features, dim=1)
    expected = []
    for i in range(7):
        others = [a for a in range(7) if a != i]
        below = sum(torch.exp(unit[i] @ unit[a] / 0.3) for a in others)
        alike = [p for p in others if codes[p] == codes[i]]
        terms = [torch.log(torch.exp(unit[i] @ unit[p] / 0.3) / below) for p in alike]
        expected.append(-float(sum(terms)) / max(1, len(alike)))
    assert contrastive_losses(features, torch.tensor(codes), 0.3).tolist() == pytest.approx(
        expected, abs=1e-5
    )


def test_contrast_is_mixed_with_the_loss(recipe) -> None:
    model = build_tiny_bert()
    objective = Objective(
        model, mean_cross_entropy, recipe({"train.contrastive": 0.25}).train, "classification"
    )
    found, outputs = objective(model, BATCH, LABELS, torch.tensor(3))
    pooled = model.bert(**BATCH).pooler_output
    expected = (
        0.75 * mean_cross_entropy(outputs, LABELS)
        + 0.25 * contrastive_losses(pooled, LABELS, 0.3).sum() / 3
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rdrop", [0.0, 2.0])
def test_contrast_keeps_its_share_beside_r_drop(rdrop, recipe) -> None:
    """Without dropout both passes are one, and agree."""
    model, options = (
        build_tiny_bert(),
        recipe({"train.contrastive": 0.8, "train.rdrop": rdrop}).train,
    )
    found, outputs = Objective(model, mean_cross_entropy, options, "classification")(
        model, BATCH, LABELS, torch.tensor(3)
    )
    rows = contrastive_losses(model.bert(**BATCH).pooler_output, LABELS, 0.3)
    torch.testing.assert_close(
        found, 0.2 * mean_cross_entropy(outputs, LABELS) + 0.8 * rows.sum() / 3
    )


def test_features_of_decoders_are_of_the_last_token() -> None:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 30, "pad_token_id": 0}
    config: Any = GPT2Config
    model: Any = GPT2ForSequenceClassification(config(num_labels=3, **sizes)).eval()
    head = HeadRecorder(model)
    logits = model(**BATCH).logits
    torch.testing.assert_close(model.score(head.features(BATCH["attention_mask"])), logits)


def test_dropout_samples_are_averaged(recipe) -> None:
    """Inoue (2019): one pass below, several draws of the dropout before the head."""
    model = build_tiny_bert(0.4)
    objective = Objective(
        model, mean_cross_entropy, recipe({"train.dropout_samples": 3}).train, "classification"
    )
    torch.manual_seed(5)
    found, outputs = objective(model, BATCH, LABELS, None)
    torch.manual_seed(5)
    pooled = model.bert(**BATCH).pooler_output
    drawn = [model.classifier(F.dropout(pooled, 0.4)) for _ in range(3)]
    torch.testing.assert_close(outputs.logits, drawn[0])
    losses = [mean_cross_entropy(SimpleNamespace(logits=logits), LABELS) for logits in drawn]
    assert len({one.item() for one in losses}) == 3
    torch.testing.assert_close(found, sum(losses) / 3)


def test_dropout_samples_need_a_dropout(recipe) -> None:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 30, "pad_token_id": 0}
    config: Any = GPT2Config
    model: Any = GPT2ForSequenceClassification(config(num_labels=3, **sizes)).train()
    objective = Objective(
        model, mean_cross_entropy, recipe({"train.dropout_samples": 2}).train, "classification"
    )
    with pytest.raises(FoldlineError, match="no dropout before its head; set it to 1"):
        objective(model, BATCH, LABELS, None)


def test_validation_rows_have_the_loss_alone(recipe) -> None:
    model = build_tiny_bert(0.4).eval()
    dotted = {"train.rdrop": 3.0, "train.contrastive": 0.5, "train.dropout_samples": 4}
    objective = Objective(model, mean_cross_entropy, recipe(dotted).train, "classification")
    found, outputs = objective(model, BATCH, LABELS, None)
    torch.testing.assert_close(found, mean_cross_entropy(outputs, LABELS))
    objective.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
