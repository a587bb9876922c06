"""What is added to a loss: R-Drop, contrast, dropout samples, adversaries, averaged weights."""

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from foldline.frame.errors import FoldlineError
from foldline.modeling.neural.adversarial import EmbeddingChange, WeightChange, changed
from foldline.modeling.neural.averaging import Averages
from foldline.modeling.neural.objective import Head, Objective, contrast, disagreement
from tests.marks import fast_first

ONE = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
OTHER = torch.tensor([[1.0, 1.0, -2.0], [0.5, 1.5, 0.0]])
# Options that change the training of a step of any cut, and what they need.
METHODS: dict[str, dict[str, Any]] = {
    "focal": {"train.loss": "focal"},
    "ordinal": {"train.loss": "ordinal"},
    "fgm": {"train.adversarial": "fgm"},
    "awp": {"train.adversarial": "awp", "train.adversarial_size": 50.0},
    "ema": {"train.ema": 0.9},
    "lion": {"train.optimizer": "lion"},
}
OF_NUMBERS = {"focal": {"train.loss": "mae"}, "ordinal": {"train.loss": "huber"}}


def bert(dropout: float = 0.0) -> Any:
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


def plain(outputs: Any, labels: Any, items: Any = None, weights: Any = None) -> Any:
    return F.cross_entropy(outputs.logits, labels, reduction="sum") / (items or len(labels))


def test_r_drop_is_the_published_code() -> None:
    """`compute_kl_loss` of the paper's repository (dropreg/R-Drop), summed over classes."""
    there = F.kl_div(F.log_softmax(ONE, -1), F.softmax(OTHER, -1), reduction="none").sum(-1)
    back = F.kl_div(F.log_softmax(OTHER, -1), F.softmax(ONE, -1), reduction="none").sum(-1)
    torch.testing.assert_close(disagreement(ONE, OTHER), (there + back) / 2)
    assert float(disagreement(ONE, ONE).sum()) == pytest.approx(0.0, abs=1e-6)


def test_r_drop_of_numbers_is_their_squared_difference() -> None:
    assert disagreement(ONE[:, :1], OTHER[:, :1]).tolist() == [1.0, 0.0]


def test_r_drop_adds_to_the_mean_of_two_passes(recipe) -> None:
    model = bert(0.3)
    objective = Objective(model, plain, recipe({"train.rdrop": 2.0}).train, "classification")
    torch.manual_seed(5)
    found, _ = objective(model, BATCH, LABELS, torch.tensor(6))
    torch.manual_seed(5)
    one, other = model(**BATCH), model(**BATCH)
    both = (plain(one, LABELS, 6) + plain(other, LABELS, 6)) / 2
    expected = both + 2.0 * disagreement(one.logits, other.logits).sum() / 6
    torch.testing.assert_close(found, expected)


def test_contrast_by_hand() -> None:
    # Unit vectors at 0, 90 and 180 degrees; the first and the last are of one class; T = 0.5.
    features = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    found = contrast(features, torch.tensor([1, 0, 1]), 0.5)
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
    assert contrast(features, torch.tensor(codes), 0.3).tolist() == pytest.approx(
        expected, abs=1e-5
    )


def test_contrast_is_mixed_with_the_loss(recipe) -> None:
    model = bert()
    objective = Objective(model, plain, recipe({"train.contrastive": 0.25}).train, "classification")
    found, outputs = objective(model, BATCH, LABELS, torch.tensor(3))
    pooled = model.bert(**BATCH).pooler_output
    expected = 0.75 * plain(outputs, LABELS) + 0.25 * contrast(pooled, LABELS, 0.3).sum() / 3
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rdrop", [0.0, 2.0])
def test_contrast_keeps_its_share_beside_r_drop(rdrop, recipe) -> None:
    """Without dropout both passes are one, and agree."""
    model, options = bert(), recipe({"train.contrastive": 0.8, "train.rdrop": rdrop}).train
    found, outputs = Objective(model, plain, options, "classification")(
        model, BATCH, LABELS, torch.tensor(3)
    )
    rows = contrast(model.bert(**BATCH).pooler_output, LABELS, 0.3)
    torch.testing.assert_close(found, 0.2 * plain(outputs, LABELS) + 0.8 * rows.sum() / 3)


def test_features_of_decoders_are_of_the_last_token() -> None:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 30, "pad_token_id": 0}
    config: Any = GPT2Config
    model: Any = GPT2ForSequenceClassification(config(num_labels=3, **sizes)).eval()
    head = Head(model)
    logits = model(**BATCH).logits
    torch.testing.assert_close(model.score(head.features(BATCH["attention_mask"])), logits)


def test_dropout_samples_are_averaged(recipe) -> None:
    """Inoue (2019): one pass below, several draws of the dropout before the head."""
    model = bert(0.4)
    objective = Objective(
        model, plain, recipe({"train.dropout_samples": 3}).train, "classification"
    )
    torch.manual_seed(5)
    found, outputs = objective(model, BATCH, LABELS, None)
    torch.manual_seed(5)
    pooled = model.bert(**BATCH).pooler_output
    drawn = [model.classifier(F.dropout(pooled, 0.4)) for _ in range(3)]
    torch.testing.assert_close(outputs.logits, drawn[0])
    losses = [plain(SimpleNamespace(logits=logits), LABELS) for logits in drawn]
    assert len({one.item() for one in losses}) == 3
    torch.testing.assert_close(found, sum(losses) / 3)


def test_dropout_samples_need_a_dropout(recipe) -> None:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 30, "pad_token_id": 0}
    config: Any = GPT2Config
    model: Any = GPT2ForSequenceClassification(config(num_labels=3, **sizes)).train()
    objective = Objective(
        model, plain, recipe({"train.dropout_samples": 2}).train, "classification"
    )
    with pytest.raises(FoldlineError, match="no dropout before its head; set it to 1"):
        objective(model, BATCH, LABELS, None)


def test_validation_rows_have_the_loss_alone(recipe) -> None:
    model = bert(0.4).eval()
    dotted = {"train.rdrop": 3.0, "train.contrastive": 0.5, "train.dropout_samples": 4}
    objective = Objective(model, plain, recipe(dotted).train, "classification")
    found, outputs = objective(model, BATCH, LABELS, None)
    torch.testing.assert_close(found, plain(outputs, LABELS))
    objective.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_fgm_changes_each_row_by_the_same_length() -> None:
    gradient = torch.randn(4, 3, 5)
    found = changed(gradient, 0.7)
    assert found.flatten(1).norm(dim=1).tolist() == pytest.approx([0.7] * 4)
    # Along its own gradient, whatever that of the other rows is.
    torch.testing.assert_close(changed(gradient[:1] * 1000, 0.7), found[:1])
    assert not changed(torch.zeros(2, 3, 5), 0.7).any()


def test_fgm_raises_the_loss_and_leaves_the_model() -> None:
    model = bert()
    before = copy.deepcopy(model.state_dict())
    fgm = EmbeddingChange(model, 0.1)  # of about .02
    with fgm.watched() as seen:
        loss = plain(model(**BATCH), LABELS)
    loss.backward()
    with fgm.applied(seen):
        worse = plain(model(**BATCH), LABELS)
    # To the first order, by the change's length times the sum of the rows' gradient lengths.
    spread = float(model.get_input_embeddings().weight.detach().std())
    expected = 0.1 * spread * float(seen[0].grad.flatten(1).norm(dim=1).sum())
    assert (worse - loss).item() == pytest.approx(expected, rel=0.1)
    assert plain(model(**BATCH), LABELS).item() == loss.item()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def widths_of(kind: str) -> dict[str, Any]:
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
        vocab_size=30, num_labels=3, **marks, **widths_of(kind)
    )
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()
    fgm, plainly, then = EmbeddingChange(model, 0.1), [], []
    with fgm.watched() as seen:
        loss = plain(model(**BATCH), LABELS)
    loss.backward()
    plainly = [one.detach() for one in seen]
    with fgm.applied(seen):
        hook = fgm.layer.register_forward_hook(lambda m, i, output: then.append(output.detach()))
        worse = plain(model(**BATCH), LABELS)
        hook.remove()
    assert worse.item() > loss.item()
    change = then[0] - plainly[0]
    rows = change.transpose(0, 1) if kind == "XLNet" else change
    assert rows.shape == (3, 4, 16)
    assert rows.flatten(1).norm(dim=1).tolist() == pytest.approx([fgm.size] * 3, rel=1e-3)


def test_fgm_of_embeddings_that_are_not_read_is_refused() -> None:
    fgm = EmbeddingChange(bert(), 0.1)
    refused = pytest.raises(FoldlineError, match=r"fgm .* BertForSequenceClassification .* use awp")
    with refused, fgm.applied([]):
        pass


def test_fgm_counts_in_standard_deviations_of_the_embeddings() -> None:
    """Miyato et al. (2017) normalise embeddings before they change them."""
    model = bert()
    before = EmbeddingChange(model, 1.0).size
    model.get_input_embeddings().weight.data.mul_(10)
    assert EmbeddingChange(model, 1.0).size == pytest.approx(10 * before, rel=1e-6)
    assert before == pytest.approx(model.config.initializer_range, rel=0.15)


def test_awp_moves_each_matrix_by_a_share_of_its_length() -> None:
    model = bert()
    before = copy.deepcopy(dict(model.named_parameters()))
    awp = WeightChange(model, 10.0)
    loss = plain(model(**BATCH), LABELS)
    awp.apply(lambda: plain(model(**BATCH), LABELS).backward())
    assert plain(model(**BATCH), LABELS).item() > loss.item()
    moved = 0
    for name, parameter in model.named_parameters():
        length = (parameter - before[name]).norm().item()
        if parameter.ndim > 1 and length:
            assert length == pytest.approx(0.01 * before[name].norm().item(), rel=1e-3), name
            moved += 1
        assert parameter.ndim > 1 or not length
        assert parameter.grad is None or not parameter.grad.any()
    assert moved > 10
    awp.undo()
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("task", fast_first(["classification", "regression"], ["classification"]))
def test_one_batch_of_sixteen_is_four_of_four(name, task, fit, rows) -> None:
    dotted, table = METHODS[name], rows(task)
    if task == "regression" and name in OF_NUMBERS:
        dotted = OF_NUMBERS[name]
    one, four = (
        fit(
            "scratch",
            table.iloc[:34],
            table.iloc[:0],
            task,
            batch_size=16 // count,
            dotted=dotted
            | {"scratch.dropout": 0.0, "train.warmup": 0.0, "train.accumulation": count},
        )
        for count in (1, 4)
    )
    for found in (one, four):
        assert len(found.history) == 6
    losses = [[row["loss"] for row in found.history] for found in (one, four)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert one.model.predict(table) == pytest.approx(four.model.predict(table), abs=2e-3)


@pytest.mark.parametrize("options", [{"train.ema": 0.8}, {"train.swa": 0.4}], ids=["ema", "swa"])
def test_averages_are_torchs(options, recipe) -> None:
    model = bert()
    own = Averages(model, recipe(options).train)
    own.begin = 6 if "train.swa" in options else 0
    how = get_ema_avg_fn(0.8) if "train.ema" in options else None
    expected = AveragedModel(model, avg_fn=how)
    for step in range(1, 11):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        own.on_step_end(None, SimpleNamespace(global_step=step), None)
        if step > own.begin:
            expected.update_parameters(model)
    raw = [p.detach().clone() for p in model.parameters()]
    with own.applied():
        inside = [p.detach().clone() for p in model.parameters()]
    for found, wanted in zip(inside, expected.module.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(raw, model.parameters(), strict=True))
    own.settle()
    assert all(torch.equal(a, b) for a, b in zip(inside, model.parameters(), strict=True))


def test_swa_is_the_mean_of_the_last_steps_by_hand(recipe) -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    own = Averages(model, recipe({"train.swa": 0.5}).train)
    own.begin = 2
    for step in (1, 2, 3, 4):
        torch.nn.init.constant_(model.weight, float(step))
        own.on_step_end(None, SimpleNamespace(global_step=step), None)
    own.settle()
    assert model.weight.item() == 3.5


@pytest.mark.slow
@pytest.mark.parametrize("valid", [0, 12])
@pytest.mark.parametrize("options", [{"train.ema": 0.9}, {"train.swa": 0.5}], ids=["ema", "swa"])
def test_the_average_is_what_is_judged_and_kept(options, valid, fit, rows, labels) -> None:
    train, held = rows().iloc[:28], rows().iloc[28 : 28 + valid]
    how: dict[str, Any] = {"epochs": 4, "lr": 1e-2}
    plain_, averaged = (
        fit("scratch", train, held, "classification", **how, dotted=dotted)
        for dotted in ({"train.schedule": "constant"}, options | {"train.schedule": "constant"})
    )
    assert [row["loss"] for row in plain_.history] == [row["loss"] for row in averaged.history]
    assert not np.array_equal(plain_.model.predict(train), averaged.model.predict(train))
    if valid:
        target = labels("classification").encode(held["label"])
        left = -np.log(averaged.model.predict(held)[np.arange(valid), target]).mean()
        assert left == pytest.approx(averaged.summary["best_valid_loss"], abs=1e-4)


TOGETHER: list[dict[str, object]] = [
    {"train.rdrop": 1.0, "train.dropout_samples": 3},
    {"train.contrastive": 0.3, "train.precision": "bfloat16"},
    {"train.dropout_samples": 2, "train.precision": "bfloat16"},
    {"train.adversarial": "fgm", "train.rdrop": 1.0, "train.trainable_layers": "head"},
    {"train.adversarial": "awp", "train.ema": 0.9, "train.layer_decay": 0.8},
    {"train.reinit_layers": 1, "train.swa": 0.5, "train.schedule": "cosine"},
]


@pytest.mark.parametrize(
    "dotted",
    fast_first(TOGETHER, TOGETHER[-1:]),
    ids=lambda dotted: " ".join(k.removeprefix("train.") for k in dotted),
)
def test_methods_go_together(dotted, fit, parts, labels, tmp_path) -> None:
    found = fit("pretrained", *parts, "classification", dotted=dotted)
    assert all(np.isfinite(row["loss"]) for row in found.history)
    assert found.model.predict(parts[1]).sum(axis=1) == pytest.approx(np.ones(12), abs=1e-6)
