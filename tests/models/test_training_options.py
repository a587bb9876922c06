"""Options of training: each, switched on alone, does what it says and leaves what it does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import CLASSES
from tests.helpers.reference_losses import LOSSES, ROWS, cross_entropy, log_softmax
from tests.helpers.training_probe import TrainingRecord, record_training, total_norm

pytestmark = pytest.mark.slow  # 45 trainings

ALONE: dict[str, dict[str, Any]] = {
    "rdrop": {"rdrop": 1.0},
    "awp": {"adversarial": "awp"},
    "ema": {"ema": 0.9},
}


@pytest.mark.parametrize("name", ALONE)
def test_learns_sixteen_rows_by_heart(name, fit, rows, labels) -> None:
    table = rows().iloc[:16]
    dotted = {f"train.{key}": value for key, value in ALONE[name].items()}
    sizes = {"scratch.width": 32, "scratch.dropout": 0.1}
    how: dict[str, Any] = {"epochs": 160, "lr": 5e-3, "dotted": dotted | sizes}
    found = fit("scratch", table, table.iloc[:0], "classification", **how)
    target = labels("classification").encode(table["label"])
    assert (found.model.predict(table).argmax(axis=1) == target).all()


LR = 0.05
# Plain steps by the gradient, so that what an option adds can be told by hand.
PLAIN: dict[str, Any] = {
    "optimizer": "sgd",
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 0.0,
    "max_grad_norm": 0.0,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_bert) -> dict[float, str]:
    """Return BERTs of two layers that tell rows apart, by their dropout."""
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, set_seed

    made = {}
    for dropout in (0.0, 0.3):
        made[dropout] = str(tmp_path_factory.mktemp("models") / "wide")
        set_seed(0)
        sizes = {"num_hidden_layers": 2, "num_labels": 3, "initializer_range": 0.5}
        drops = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        config = AutoConfig.from_pretrained(tiny_bert, **sizes, **dict.fromkeys(drops, dropout))
        BertForSequenceClassification(config).save_pretrained(made[dropout])
        AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(made[dropout])
    return made


@pytest.fixture(scope="module")
def train(fit, rows, folders) -> Callable[..., TrainingRecord]:
    """Train on 12 rows, a step an epoch, and watch: `train({"rdrop": 1.0}, dropout=0.3)`."""
    made: dict[str, TrainingRecord] = {}

    def give(
        options: dict[str, Any] | None = None, dropout: float = 0.0, **how: Any
    ) -> TrainingRecord:
        key = repr((options, dropout, how))
        if key not in made:
            own = {"task": "classification", "epochs": 1, "batch_size": ROWS, "lr": LR} | how
            table = rows(own["task"], n=40)
            table = pd.concat([table[table["label"] == name].iloc[:n] for name, n in UNEVEN])
            if own["task"] != "classification":
                table = rows(own["task"]).iloc[:ROWS]
            dotted = {f"train.{k}": v for k, v in (PLAIN | (options or {})).items()}
            parts = (table, table.iloc[:0], own.pop("task"))
            made[key] = record_training(lambda: fit(folders[dropout], *parts, dotted=dotted, **own))
        return made[key]

    return give


UNEVEN = list(zip(CLASSES, (7, 3, 2), strict=True))


@pytest.mark.parametrize("name", LOSSES)
def test_the_first_loss_is_that_of_the_option(name, train, rows) -> None:
    task, options, formula = LOSSES[name]
    base, found = train(task=task), train(options, task=task)
    (one,), logits = found.passes[:1], np.asarray(found.passes[0].logits[0], dtype=np.float64)
    torch.testing.assert_close(one.logits, base.passes[0].logits)
    unit = rows(task).iloc[:ROWS]["label"].astype(float).std(ddof=0) if task == "regression" else 1
    expected = unit ** (1 if name == "mae" else 2) * formula(logits, one.labels.numpy()).mean()
    assert found.losses[0] == pytest.approx(expected, rel=1e-4)
    if name not in ("cross_entropy", "labels", "mse"):
        assert abs(found.losses[0] / base.losses[0] - 1) > 1e-3


def test_r_drop_reads_each_row_twice(train) -> None:
    base, found = train(dropout=0.3), train({"rdrop": 2.0}, dropout=0.3)
    (one, other), codes = found.passes[0].logits, found.passes[0].labels.numpy()
    torch.testing.assert_close(one, base.passes[0].logits[0])
    first, second = log_softmax(one.double().numpy()), log_softmax(other.double().numpy())
    apart = ((np.exp(first) - np.exp(second)) * (first - second)).sum(axis=1) / 2
    both = (cross_entropy(first, codes) + cross_entropy(second, codes)) / 2
    assert apart.mean() > 0.01
    assert found.losses[0] == pytest.approx((both + 2 * apart).mean(), rel=1e-4)


def test_contrast_takes_its_share_of_the_loss(train) -> None:
    options = {"contrastive": 0.4, "temperature": 0.2}
    (one,) = (found := train(options)).passes
    codes, features = one.labels.numpy(), one.features[0].double().numpy()
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    near = np.exp(unit @ unit.T / 0.2) * (1 - np.eye(ROWS))
    logs = np.log(near / near.sum(axis=1, keepdims=True) + np.eye(ROWS))
    alike = (codes[:, None] == codes) & ~np.eye(ROWS, dtype=bool)
    drawn = -np.where(alike, logs, 0).sum(axis=1) / alike.sum(axis=1)
    loss = cross_entropy(one.logits[0].double().numpy(), codes)
    assert found.losses[0] == pytest.approx((0.6 * loss + 0.4 * drawn).mean(), rel=1e-4)


def test_dropout_samples_average_so_many(train) -> None:
    base, found = train(dropout=0.3), train({"dropout_samples": 3}, dropout=0.3)
    (one,), first = found.passes, found.steps[0].before
    torch.testing.assert_close(one.logits[0], base.passes[0].logits[0])
    weight, bias = first["classifier.weight"], first["classifier.bias"]
    drawn = [(each @ weight.T + bias).double().numpy() for each in one.dropped]
    losses = [cross_entropy(logits, one.labels.numpy()).mean() for logits in drawn]
    assert len(losses) == 3 and np.ptp(losses) > 0.01
    assert found.losses[0] == pytest.approx(np.mean(losses), rel=1e-4)


def test_fgm_learns_from_the_batch_and_from_its_adversary(train) -> None:
    base, found = train(), train({"adversarial": "fgm", "adversarial_size": 0.01})
    own, worse = found.passes
    assert own.loss == base.passes[0].loss == pytest.approx(found.losses[0], abs=1e-4)
    assert worse.loss > own.loss + 1e-4
    # So small a change leaves about the gradient that there was, and both are learnt from.
    twice = {name: 2 * value for name, value in base.steps[0].gradient.items()}
    off = {name: found.steps[0].gradient[name] - value for name, value in twice.items()}
    assert 1e-4 < total_norm(off) / total_norm(twice) < 0.1
    larger = train({"adversarial": "fgm", "adversarial_size": 0.02}).passes[1]
    assert larger.loss - own.loss == pytest.approx(2 * (worse.loss - own.loss), rel=0.1)


def test_awp_learns_from_weights_that_are_worse(train) -> None:
    base, found = train(), train({"adversarial": "awp", "adversarial_size": 0.05})
    own, worse = found.passes
    start, slope = base.steps[0].before, base.steps[0].gradient
    matrices = [name for name in start if start[name].ndim > 1]
    rise = sum(5e-5 * float(start[n].norm() * slope[n].norm()) for n in matrices)
    assert own.loss == base.passes[0].loss
    assert worse.loss - own.loss == pytest.approx(rise, rel=0.1)
    step = found.steps[0]
    assert all(torch.equal(step.before[name], start[name]) for name in start)  # they were put back
    off = {name: step.gradient[name] - value for name, value in slope.items()}
    assert 1e-5 < total_norm(off) / total_norm(slope) < 0.1


def depth(name: str) -> int:
    """Return the layers under a parameter of a BERT of two: 0 of embeddings, 3 of the head."""
    if ".embeddings." in name:
        return 0
    return int(name.split(".layer.")[1][0]) + 1 if ".layer." in name else 3


def test_layers_learn_less_the_lower_they_lie(train) -> None:
    base, found = train(), train({"layer_decay": 0.5})
    assert found.losses[0] == base.losses[0]
    for name, whole in base.steps[0].moved.items():
        own = found.steps[0].moved[name]
        torch.testing.assert_close(own, whole * 0.5 ** (3 - depth(name)), atol=3e-7, rtol=1e-4)
    assert {depth(name) for name in base.steps[0].moved} == {0, 1, 2, 3}


@pytest.mark.parametrize(("trainable", "lowest"), [("head", 3), (1, 2)])
def test_what_is_frozen_stays_and_the_rest_learns_the_same(trainable, lowest, train) -> None:
    base, found = train(), train({"trainable_layers": trainable})
    start, moved, after = base.steps[0].before, base.steps[0].moved, found.weights
    assert found.losses[0] == pytest.approx(base.losses[0], abs=1e-6)
    for name, before in start.items():
        pooler = trainable == "head" and ".pooler." in name
        if depth(name) < lowest or pooler:
            assert torch.equal(after[name], before), name
        else:
            torch.testing.assert_close(after[name] - before, moved[name], atol=1e-6, rtol=1e-4)
    assert total_norm(moved) > 0.01


def test_top_layers_are_drawn_anew_before_training(train) -> None:
    base, found = train(), train({"reinit_layers": 1})
    for name, loaded in base.steps[0].before.items():
        anew = found.steps[0].before[name]
        drawn = loaded.ndim > 1 and (".layer.1." in name or ".pooler." in name)
        assert torch.equal(anew, loaded) != drawn, name
        if drawn:
            assert float(anew.std()) == pytest.approx(0.5, rel=0.2)  # as the config says
            assert abs(float(torch.corrcoef(torch.stack([anew, loaded]).flatten(1))[0, 1])) < 0.3
    assert abs(found.losses[0] - base.losses[0]) > 1e-3


def direction(name: str, slope: torch.Tensor) -> torch.Tensor:
    """Return where the first step of an optimiser goes, for a learning rate of 1."""
    if name == "sgd":
        return -slope
    if name == "lion" or (name == "adafactor" and slope.ndim == 1):
        return -slope.sign()
    if name == "adamw":
        return -slope / (slope.abs() + 1e-8)
    square = slope**2 + 1e-30
    across, down = square.mean(dim=1, keepdim=True), square.mean(dim=0, keepdim=True)
    step = slope * (across / across.mean()).rsqrt() * down.rsqrt()
    return -step / step.square().mean().sqrt().clamp(min=1)


@pytest.mark.parametrize("name", ["adamw", "adafactor", "lion", "sgd"])
def test_optimizers_step_their_own_way_and_weights_decay(name, train) -> None:
    base, own = train(), {"optimizer": name}
    found, decayed = train(own), train(own | {"weight_decay": 0.5})
    assert found.losses == base.losses == decayed.losses
    (step,), (shrunk,) = found.steps, decayed.steps
    for key, moved in step.moved.items():
        slope = base.steps[0].gradient[key]
        sure = slope.abs() > 1e-5  # a sign of less is that of rounding
        expected = LR * direction(name, slope)
        torch.testing.assert_close(moved[sure], expected[sure], atol=1e-6, rtol=0.01)
        matrix = step.before[key].ndim > 1
        less = shrunk.moved[key] - moved
        lost = -LR * 0.5 * step.before[key] if matrix else torch.zeros_like(less)
        torch.testing.assert_close(less, lost, atol=2e-6, rtol=1e-4)


def test_a_step_is_at_most_so_long(train) -> None:
    base, found = train(), train({"max_grad_norm": 0.01})
    norm = total_norm(base.steps[0].gradient)
    assert norm > 0.1
    assert total_norm(base.steps[0].moved) == pytest.approx(LR * norm, rel=1e-3)
    assert total_norm(found.steps[0].moved) == pytest.approx(LR * 0.01, rel=1e-3)
    for seen in (base, found):  # what is told is what it was before
        assert seen.fitted.history[0]["grad_norm"] == pytest.approx(norm, rel=1e-5)
    assert found.losses == base.losses
    for name, whole in base.steps[0].gradient.items():
        scaled = found.steps[0].gradient[name]
        torch.testing.assert_close(scaled, whole * 0.01 / norm, atol=1e-8, rtol=1e-3)


def expected_rates(name: str) -> np.ndarray:
    """Return the shares of the learning rate of ten steps, of which three are a warm-up."""
    step = np.arange(10)
    if name == "one_cycle":  # up to the third step from a 25th, and down to a 10,000th of that
        up, down = np.arange(2) / 2, np.arange(8) / 7
        rise = 1 / 25 + (1 - 1 / 25) * (1 - np.cos(np.pi * up)) / 2
        fall = 1 - (1 - 1 / 250_000) * (1 - np.cos(np.pi * down)) / 2
        return np.concatenate([rise, fall])
    gone = np.maximum(step - 3, 0) / 7
    after = {
        "constant": np.ones(10),
        "linear": 1 - gone,
        "cosine": (1 + np.cos(np.pi * gone)) / 2,
        "polynomial": (1 - gone) ** 3,
    }[name]
    return np.where(step < 3, step / 3, after)


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "polynomial", "one_cycle"])
def test_steps_are_as_long_as_the_schedule_says(name, train) -> None:
    base = train()
    options = {"schedule": name, "warmup": 0.3, "power": 3.0}
    found = train(options, epochs=10, lr=1e-3)
    rates = 1e-3 * expected_rates(name)
    assert [row["lr"] for row in found.fitted.history] == pytest.approx(rates, rel=1e-6)
    assert found.losses[0] == base.losses[0]
    momentum: dict[str, torch.Tensor] = {}
    for rate, step in zip(rates, found.steps, strict=True):
        keep = step.settings[0]["momentum"]
        for key, slope in step.gradient.items():
            momentum[key] = slope + keep * momentum[key] if momentum.get(key) is not None else slope
            expected = -rate * momentum[key]
            torch.testing.assert_close(step.moved[key], expected, atol=5e-7, rtol=1e-3)


def test_small_batches_make_one_step(train) -> None:
    base, found = train(), train({"accumulation": 3}, batch_size=ROWS // 3)
    assert len(found.passes) == 3 and sum(len(one.labels) for one in found.passes) == ROWS
    assert len(found.steps) == len(found.losses) == 1
    assert found.losses == pytest.approx(base.losses, abs=1e-6)
    for name, whole in base.steps[0].gradient.items():
        torch.testing.assert_close(found.steps[0].gradient[name], whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "parts"), [({"ema": 0.6}, [0.36, 0.24, 0.4]), ({"swa": 0.6}, [0, 0.5, 0.5])]
)
def test_the_model_is_left_at_the_average_of_its_steps(options, parts, train) -> None:
    base, found = train(epochs=3), train(options, epochs=3)
    assert found.losses == base.losses  # what is learnt is the same
    assert len(base.steps) == 3
    for name, left in found.weights.items():
        each = [step.after[name] for step in base.steps]
        mean = sum(part * own for part, own in zip(parts, each, strict=True))
        torch.testing.assert_close(left, mean, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(base.weights[name], each[-1], atol=0, rtol=0)
    assert total_norm({n: found.weights[n] - base.weights[n] for n in base.weights}) > 0.01


def test_lora_changes_few_directions_of_few_matrices(train) -> None:
    base = train()
    one, double = (train({"lora": 2, "lora_alpha": alpha}) for alpha in (8.0, 16.0))
    start, adapted = base.steps[0].before, (".query.weight", ".value.weight")
    assert one.losses[0] == pytest.approx(base.losses[0], abs=1e-4)
    for name, left in one.weights.items():
        change = left - start[name]
        if name.endswith(adapted):
            assert 1 <= int(torch.linalg.matrix_rank(change, rtol=1e-3)) <= 2
            # alpha goes twice into a first step: into the gradient, and into what it adds.
            more = double.weights[name] - start[name]
            torch.testing.assert_close(more, 4 * change, atol=1e-6, rtol=1e-3)
        elif "pooler" in name or "classifier" in name:
            torch.testing.assert_close(change, base.steps[0].moved[name], atol=1e-6, rtol=1e-4)
        else:
            assert not change.any(), name
    dropped = train({"lora": 2, "lora_alpha": 8.0, "lora_dropout": 0.5})
    assert dropped.losses[0] == pytest.approx(base.losses[0], abs=1e-4)
    assert any(not torch.equal(dropped.weights[n], left) for n, left in one.weights.items())
