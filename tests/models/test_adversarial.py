"""Training on the worst small change: of embeddings (FGM), of weights (AWP)."""

import copy
from typing import Any

import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.models.neural.adversarial import (
    EmbeddingPerturbation,
    WeightPerturbation,
    scale_gradient,
)
from tests.helpers.tiny_bert import BATCH, LABELS, build_tiny_bert, mean_cross_entropy


def test_fgm_changes_each_row_by_the_same_length() -> None:
    gradient = torch.randn(4, 3, 5)
    found = scale_gradient(gradient, 0.7)
    assert found.flatten(1).norm(dim=1).tolist() == pytest.approx([0.7] * 4)
    # Along its own gradient, whatever that of the other rows is.
    torch.testing.assert_close(scale_gradient(gradient[:1] * 1000, 0.7), found[:1])
    assert not scale_gradient(torch.zeros(2, 3, 5), 0.7).any()


def test_fgm_raises_the_loss_and_leaves_the_model() -> None:
    model = build_tiny_bert()
    before = copy.deepcopy(model.state_dict())
    fgm = EmbeddingPerturbation(model, 0.1)  # of about .02
    with fgm.record() as seen:
        loss = mean_cross_entropy(model(**BATCH), LABELS)
    loss.backward()
    with fgm.perturb(seen):
        worse = mean_cross_entropy(model(**BATCH), LABELS)
    # To the first order, by the change's length times the sum of the rows' gradient lengths.
    spread = float(model.get_input_embeddings().weight.detach().std())
    expected = 0.1 * spread * float(seen[0].grad.flatten(1).norm(dim=1).sum())
    assert (worse - loss).item() == pytest.approx(expected, rel=0.1)
    assert mean_cross_entropy(model(**BATCH), LABELS).item() == loss.item()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def config_widths(kind: str) -> dict[str, Any]:
    if kind == "Bart":
        heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
        inner = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
        return {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, **heads, **inner}
    if kind == "T5":
        return {"d_model": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 32}
    return {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 32}


@pytest.mark.parametrize("kind", ["Bart", "T5", "XLNet"])
def test_fgm_changes_each_row_by_one_length(kind) -> None:
    """BART calls its encoder's embeddings, not its own; XLNet reads (tokens, n)."""
    import transformers

    transformers.set_seed(1)
    marks = {"pad_token_id": 0, "decoder_start_token_id": 2, "bos_token_id": 2, "eos_token_id": 3}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=30, num_labels=3, **marks, **config_widths(kind)
    )
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()
    fgm, plainly, then = EmbeddingPerturbation(model, 0.1), [], []
    with fgm.record() as seen:
        loss = mean_cross_entropy(model(**BATCH), LABELS)
    loss.backward()
    plainly = [one.detach() for one in seen]
    with fgm.perturb(seen):
        hook = fgm.layer.register_forward_hook(lambda m, i, output: then.append(output.detach()))
        worse = mean_cross_entropy(model(**BATCH), LABELS)
        hook.remove()
    assert worse.item() > loss.item()
    change = then[0] - plainly[0]
    rows = change.transpose(0, 1) if kind == "XLNet" else change
    assert rows.shape == (3, 4, 16)
    assert rows.flatten(1).norm(dim=1).tolist() == pytest.approx([fgm.size] * 3, rel=1e-3)


def test_fgm_of_embeddings_that_are_not_read_is_refused() -> None:
    fgm = EmbeddingPerturbation(build_tiny_bert(), 0.1)
    refused = pytest.raises(FoldlineError, match=r"fgm .* BertForSequenceClassification.* use awp")
    with refused, fgm.perturb([]):
        pass


def test_fgm_counts_in_standard_deviations_of_the_embeddings() -> None:
    """Miyato et al. (2017) normalise embeddings before they change them."""
    model = build_tiny_bert()
    before = EmbeddingPerturbation(model, 1.0).size
    model.get_input_embeddings().weight.data.mul_(10)
    assert EmbeddingPerturbation(model, 1.0).size == pytest.approx(10 * before, rel=1e-6)
    assert before == pytest.approx(model.config.initializer_range, rel=0.15)


def test_awp_moves_each_matrix_by_a_share_of_its_length() -> None:
    model = build_tiny_bert()
    before = copy.deepcopy(dict(model.named_parameters()))
    awp = WeightPerturbation(model, 10.0)
    loss = mean_cross_entropy(model(**BATCH), LABELS)
    awp.apply(lambda: mean_cross_entropy(model(**BATCH), LABELS).backward())
    assert mean_cross_entropy(model(**BATCH), LABELS).item() > loss.item()
    moved = 0
    for name, parameter in model.named_parameters():
        length = (parameter - before[name]).norm().item()
        if parameter.ndim > 1 and length:
            assert length == pytest.approx(0.01 * before[name].norm().item(), rel=1e-3), name
            moved += 1
        assert parameter.ndim > 1 or not length
        assert parameter.grad is None or not parameter.grad.any()
    assert moved > 10
    awp.restore()
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
