"""Mixture of experts before the classifier of `scratch`: routing, balance, training, files."""

import copy
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from foldline.core.io.files import digest
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.models import registry
from foldline.models.neural.attention import find_last_layer, first_token_only
from foldline.models.neural.expert_architectures import (
    BertExpertsConfig,
    BertExpertsForSequenceClassification,
)
from foldline.models.neural.experts import (
    BALANCE,
    Experts,
    balance_losses,
    describe_unused,
    find_experts,
    measure_shares,
    route,
)
from foldline.onnx import graph
from foldline.onnx.export import FLOAT, export
from tests.conftest import ROOT
from tests.helpers.distinct_outputs import are_distinct, make_distinct
from tests.helpers.edited_params import params_error, write_edited_params
from tests.helpers.marks import mark_slow_except

POOLING = pytest.mark.parametrize("pooling", mark_slow_except(["cls", "mean"], ["mean"]))


def with_experts(pooling: str = "mean", **options: Any) -> dict[str, Any]:
    return {"scratch.experts": 3, "scratch.pooling": pooling} | options


def gelu(value: float) -> float:
    return float(torch.nn.functional.gelu(torch.tensor(value)))


def test_two_experts_by_hand() -> None:
    layer = Experts(1, 2, 2, 0.0)
    values = {
        "router.weight": [[1.0], [-1.0]],
        "router.bias": [0.0, np.log(2)],
        "networks.0.0.weight": [[2.0]],
        "networks.0.0.bias": [1.0],
        "networks.0.3.weight": [[3.0]],
        "networks.0.3.bias": [0.5],
        "networks.1.0.weight": [[-1.0]],
        "networks.1.0.bias": [0.0],
        "networks.1.3.weight": [[4.0]],
        "networks.1.3.bias": [-0.5],
    }
    layer.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    for x in (0.0, 0.7, -2.0):
        first = np.exp(x) / (np.exp(x) + 2 * np.exp(-x))
        expected = x + first * (3 * gelu(2 * x + 1) + 0.5) + (1 - first) * (4 * gelu(-x) - 0.5)
        found = float(layer(torch.tensor([[x]])).detach())
        assert found == pytest.approx(expected, rel=1e-5)


def test_the_gates_are_the_softmax_over_the_highest_logits() -> None:
    logits = torch.tensor([[0.0, np.log(3), -1.0, -0.5], [5.0, 5.0, 5.0, 5.0 + np.log(3)]])
    gates = route(logits, 2)
    assert gates[0].tolist() == pytest.approx([0.25, 0.75, 0, 0])
    assert sorted(gates[1].tolist()) == pytest.approx([0, 0, 0.25, 0.75])
    torch.testing.assert_close(route(logits, 4), logits.softmax(dim=1).float())


def test_experts_that_are_not_active_change_nothing() -> None:
    torch.manual_seed(0)
    layer, rows = Experts(8, 4, 2, 0.0), torch.randn(20, 8)
    before = layer(rows)
    gates = route(layer.router(rows), 2)
    changed = copy.deepcopy(layer)
    with torch.no_grad():
        changed.networks[1][3].bias.add_(1.0)
    after, touched = changed(rows), gates[:, 1] > 0
    assert 0 < int(touched.sum()) < 20
    torch.testing.assert_close(after[~touched], before[~touched], atol=0, rtol=0)
    torch.testing.assert_close(after, before + gates[:, 1:2], atol=1e-6, rtol=1e-6)


def test_the_balancing_loss_by_hand() -> None:
    even = 20 * torch.eye(4).repeat(3, 1)
    assert float(balance_losses(even).mean()) == pytest.approx(1.0, rel=1e-6)
    assert float(balance_losses(torch.zeros(6, 4)).mean()) == pytest.approx(1.0, rel=1e-6)
    collapsed = torch.tensor([[50.0, 0.0, 0.0, 0.0]]).repeat(6, 1)
    assert float(balance_losses(collapsed).mean()) == pytest.approx(4.0, rel=1e-6)
    # Two of three rows have the first of two experts first; its probabilities are 3/4, 3/4, 1/4.
    odds = torch.log(torch.tensor([[3.0, 1.0], [3.0, 1.0], [1.0, 3.0]]))
    losses = [2 * (2 / 3 * p + 1 / 3 * (1 - p)) for p in (0.75, 0.75, 0.25)]
    assert balance_losses(odds).tolist() == pytest.approx(losses, rel=1e-6)


def test_the_balancing_loss_moves_rows_to_the_experts_that_lack_them() -> None:
    logits = torch.tensor([[1.0, 0.0, 0.0]]).repeat(5, 1).requires_grad_()
    balance_losses(logits).mean().backward()
    assert logits.grad is not None
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1:] < 0).all()


def test_the_training_loss_has_the_balancing_loss(fit, parts, monkeypatch) -> None:
    how: dict[str, Any] = {
        "epochs": 1,
        "batch_size": 28,
        "dotted": with_experts() | {"scratch.dropout": 0.0},
    }
    with_balance = fit("scratch", *parts, "classification", **how)
    seen = []

    def record(logits: torch.Tensor) -> torch.Tensor:
        seen.append(float(balance_losses(logits.detach()).mean()))
        return torch.zeros(len(logits)) * logits.sum()

    monkeypatch.setattr("foldline.models.neural.objective.balance_losses", record)
    without = fit("scratch", *parts, "classification", **how)
    difference = with_balance.history[0]["loss"] - without.history[0]["loss"]
    assert difference == pytest.approx(BALANCE * seen[0], rel=1e-3)
    assert 0.99 < seen[0] < 3


def test_shares_are_of_the_rows_that_are_read() -> None:
    model = torch.nn.Sequential(Experts(2, 3, 2, 0.0))
    layer = find_experts(model)
    assert layer is not None
    with torch.no_grad():
        layer.router.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
        layer.router.bias.copy_(torch.tensor([0.0, 0.0, -100.0]))
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 2.0], [-1.0, -1.0]])
    shares = measure_shares(model, lambda: [model(part) for part in rows.split(3)])
    assert shares == [1.0, 1.0, 0.0]
    note = describe_unused(shares)
    assert note[0].startswith("1 of 3 experts get less than 1%")
    assert note[0].endswith("set scratch.experts to 2")
    assert describe_unused([0.9, 0.02, 0.01, 1.0]) == []
    assert measure_shares(model, lambda: None) == []
    assert measure_shares(torch.nn.Linear(2, 2), lambda: None) == []
    assert describe_unused([]) == []


@POOLING
@pytest.mark.parametrize(
    "task", mark_slow_except(["classification", "multilabel", "regression"], ["classification"])
)
def test_saved_and_loaded_is_the_same(task, pooling, fit, rows, labels, tmp_path) -> None:
    table = rows(task, pairs=True)
    found = fit("scratch", table.iloc[:28], table.iloc[28:], task, dotted=with_experts(pooling))
    make_distinct(found, table)
    registry.save(found.model, "scratch", labels(task), tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert are_distinct(loaded.predict(table))
    np.testing.assert_array_equal(loaded.predict(table), found.model.predict(table))
    assert find_experts(loaded.model) is not None  # type: ignore[attr-defined]

    assert 0 <= found.summary["expert_share_min"] <= 2 / 3 <= found.summary["expert_share_max"] <= 1
    shares = found.run_info["expert_share"]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(2)
    assert "expert_share_min" not in fit("scratch", table, table.iloc[:0], task).summary


@pytest.mark.slow
def test_plain_transformers_refuses_experts(fit, parts, labels, tmp_path) -> None:
    """It would leave them out, and predict something else; with the architectures it opens them."""
    found = fit("scratch", *parts, "classification", dotted=with_experts(), epochs=1)
    registry.save(found.model, "scratch", labels("classification"), tmp_path / "model")
    code = """
import sys, transformers
from foldline.models.neural.expert_architectures import register_architectures
try:
    transformers.pipeline("text-classification", sys.argv[1])
except ValueError as error:
    print(error)
register_architectures()
found = transformers.pipeline("text-classification", sys.argv[1])("a text", top_k=None)
print(len(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        capture_output=True, check=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert "modernbert_experts" in done.stdout
    assert done.stdout.split()[-1:] == ["3"]


@pytest.mark.slow
def test_learns_sixteen_rows_by_heart(fit, rows, labels) -> None:
    table = rows().iloc[:16]
    options = {"train.adversarial": "awp", "train.swa": 0.3, "scratch.width": 32}
    dotted = with_experts() | options
    how: dict[str, Any] = {"epochs": 160, "lr": 5e-3, "dotted": dotted}
    found = fit("scratch", table, table.iloc[:0], "classification", **how)
    target = labels("classification").encode(table["label"])
    assert (found.model.predict(table).argmax(axis=1) == target).all()


@pytest.mark.slow
@POOLING
@pytest.mark.parametrize(
    "options", [{"train.trainable_layers": "head"}, {"train.lora": 2}, {}], ids=str
)
def test_what_is_frozen_stays_and_experts_learn(options, pooling, fit, parts) -> None:
    """After pre-training, as `scratch` wants it; adapters are in the same layers as without."""
    dotted = with_experts(pooling) | {"pretrain.epochs": 2} | options
    found = fit("scratch", *parts, "classification", dotted=dotted)
    assert found.summary["pretrain_steps"] > 0
    experts = find_experts(found.model.model)
    assert experts is not None
    assert all(bool(b.any()) for n, b in experts.named_parameters() if n.endswith("bias"))
    if options:
        plain = fit("scratch", *parts, "classification", dotted=dotted | {"scratch.experts": 1})
        of_experts = sum(parameter.numel() for parameter in experts.parameters())
        trainable = (f.run_info.get("trainable_parameters", 0) for f in (found, plain))
        assert next(trainable) - next(trainable) == (of_experts if "train.lora" in options else 0)


def test_the_last_layer_is_computed_for_the_first_token_alone() -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertExpertsConfig(**sizes, intermediate_size=32, vocab_size=50, experts=3)
    model = BertExpertsForSequenceClassification(config).eval()
    tokens = torch.arange(12).reshape(2, 6)
    whole = model(tokens).logits
    assert find_last_layer(model) is model.bert.encoder.layer[-1]
    with first_token_only(model):
        torch.testing.assert_close(model(tokens).logits, whole)


@POOLING
def test_the_order_of_the_rows_changes_nothing(pooling, fit, parts, labels, tmp_path) -> None:
    train, valid = parts
    for name, table in (("one", train), ("other", train.iloc[::-1])):
        found = fit("scratch", table, valid, "classification", dotted=with_experts(pooling))
        registry.save(found.model, "scratch", labels("classification"), tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "other")


@pytest.mark.slow
@pytest.mark.skipif(bool(graph.missing_packages()), reason="needs the extra onnx")
def test_exported_predictions_are_equal(fit, rows, tmp_path) -> None:
    table = rows()
    parts = (table.iloc[:28], table.iloc[28:], "classification")
    model = make_distinct(fit("scratch", *parts, dotted=with_experts()), table).model
    assert are_distinct(model.predict(table))
    parity = export(model, table, tmp_path / "onnx", False)[FLOAT]
    assert parity.difference <= 1e-5
    assert parity.agreement == 1


@pytest.mark.slow
def test_a_saved_model_is_fine_tuned_with_its_experts(fit, recipe, parts, labels, tmp_path) -> None:
    from foldline.models.interface import Job

    found = fit("scratch", *parts, "classification", dotted=with_experts())
    registry.save(found.model, "scratch", labels("classification"), tmp_path / "model")
    job = Job(
        *parts, labels("classification"), recipe(model=str(tmp_path / "model")), tmp_path / "c"
    )
    again = registry.fit(job)
    assert again.summary["expert_share_max"] > 0


@pytest.mark.parametrize(("experts", "active"), [(1, 2), (1, 9), (2, 2), (8, 3)])
def test_numbers_of_experts_that_are_valid(experts, active, tmp_path) -> None:
    path = write_edited_params(
        tmp_path, experts=f"experts: {experts}", active_experts=f"active_experts: {active}"
    )
    assert load_params(Settings, path).scratch.active_experts == active


@pytest.mark.parametrize(
    ("experts", "active", "message"),
    [
        (2, 3, "scratch.active_experts  must be at most experts, 2 (found 3)"),
        (4, 1, "scratch.active_experts  must be greater than or equal to 2"),
        (0, 2, "scratch.experts  must be greater than or equal to 1"),
    ],
)
def test_numbers_of_experts_that_are_refused(experts, active, message, tmp_path) -> None:
    path = write_edited_params(
        tmp_path, experts=f"experts: {experts}", active_experts=f"active_experts: {active}"
    )
    assert message in params_error(path)
