"""Optimisers, learning rates by layer and by step, and what params say of them."""

from typing import Any, get_args

import pytest
import torch
from torch.optim import lr_scheduler

from foldline.core.params import Train
from foldline.core.params.training import METRICS
from foldline.models.neural import layers
from foldline.models.neural.optimizers import OPTIMIZERS, Lion, make_optimizer, parameter_groups
from foldline.models.neural.schedules import NAMES, averaging_start, make_schedule
from foldline.models.neural.validation_metric import greater_is_better
from tests.helpers.marks import mark_slow_except
from tests.helpers.tiny_models import build_bert


def run_steps(made: Any, gradients: list[list[float]], start: list[float]) -> list[float]:
    """Return a weight after steps along gradients that are set by hand."""
    weight = torch.nn.Parameter(torch.tensor(start))
    own = made([weight])
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        own.step()
    return weight.detach().tolist()


def test_lion_by_hand() -> None:
    # First step: the sign of 0.1 g, after decay by 1 - 0.1 * 0.5. The momentum is then 0.01 g.
    first = run_steps(lambda w: Lion(w, lr=0.1, weight_decay=0.5), [[2.0, -3.0]], [1.0, 1.0])
    assert first == pytest.approx([0.95 - 0.1, 0.95 + 0.1])
    # Second step: 0.9 * 0.02 - 0.1 * 0.1 = 0.008 and 0.9 * -0.03 + 0.1 * 0.3 = 0.003.
    both = run_steps(
        lambda w: Lion(w, lr=0.1, weight_decay=0.5), [[2.0, -3.0], [-0.1, 0.3]], [1.0, 1.0]
    )
    assert both == pytest.approx([0.85 * 0.95 - 0.1, 1.05 * 0.95 - 0.1])


def test_sgd_and_adamw_by_hand() -> None:
    sgd = run_steps(lambda w: OPTIMIZERS["sgd"](w, 0.1), [[1.0], [1.0]], [0.0])
    assert sgd == pytest.approx([-0.1 - 0.1 * 1.9])
    # Bias-corrected, the first step of Adam is the learning rate itself.
    adamw = [{"params": None, "weight_decay": 0.5}]
    first = run_steps(
        lambda w: OPTIMIZERS["adamw"]([adamw[0] | {"params": w}], 0.1), [[7.0]], [1.0]
    )
    assert first == pytest.approx([1.0 - 0.1 * 0.5 - 0.1])


@pytest.mark.slow
@pytest.mark.parametrize("name", mark_slow_except(["adamw", "adafactor", "lion"], ["lion"]))
def test_optimizers_learn(name, fit, rows) -> None:
    """SGD hardly moves a small transformer that starts from nothing."""
    table = rows()
    dotted = {"train.optimizer": name, "scratch.dropout": 0.0, "scratch.width": 32}
    lr = {"adamw": 2e-2, "adafactor": 2e-2, "lion": 5e-3}[name]
    how: dict[str, Any] = {"epochs": 15, "lr": lr, "dotted": dotted}
    found = fit("scratch", table.iloc[:24], table.iloc[:0], "classification", **how)
    assert found.history[-1]["loss"] < 0.4 * found.history[0]["loss"]


@pytest.mark.slow
def test_each_optimizer_goes_its_own_way(fit, rows) -> None:
    table, ends = rows(), set()
    for name in OPTIMIZERS:
        dotted = {"train.optimizer": name}
        found = fit("scratch", table.iloc[:24], table.iloc[:0], "classification", dotted=dotted)
        ends.add(found.history[-1]["loss"])
    assert len(ends) == len(OPTIMIZERS)


def schedule_rates(name: str, recipe: Any, steps: int, **options: Any) -> list[float]:
    """Return the learning rate of each step under a schedule of ours, by the optimiser of 0.5."""
    own = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    dotted = {"train.schedule": name} | {f"train.{k}": v for k, v in options.items()}
    return record_rates(own, make_schedule(own, recipe(dotted).train, steps), steps)


def record_rates(own: Any, scheduler: Any, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(own.param_groups[0]["lr"])
        own.step()
        scheduler.step()
    return found


TORCHS = {
    "constant": lambda o: lr_scheduler.ConstantLR(o, factor=1.0),
    "linear": lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=40),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=40),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, total_iters=40, power=3.0),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=40, pct_start=0.3),
}


@pytest.mark.parametrize("name", TORCHS)
def test_schedules_are_torchs(name, recipe) -> None:
    own = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    expected = record_rates(own, TORCHS[name](own), 40)
    warmup = 0.3 if name == "one_cycle" else 0.0
    assert schedule_rates(name, recipe, 40, warmup=warmup, power=3.0) == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "polynomial"])
def test_warmup_is_torchs_before_each_schedule(name, recipe) -> None:
    own = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    warm = lr_scheduler.LinearLR(own, start_factor=1e-9, end_factor=1.0, total_iters=10)
    after = TORCHS[name](own)
    both = lr_scheduler.SequentialLR(own, [warm, after], milestones=[10])
    expected = record_rates(own, both, 50)
    assert schedule_rates(name, recipe, 50, warmup=0.2, power=3.0) == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("steps", [1, 2, 5, 10, 11])
def test_one_cycle_of_any_number_of_steps(steps, recipe) -> None:
    """torch divides by nothing where the way up is one step long."""
    found = schedule_rates("one_cycle", recipe, steps, warmup=0.1)
    assert all(0 <= rate <= 0.5 + 1e-12 for rate in found)


def test_one_cycle_turns_the_momentum_against_the_rate(recipe) -> None:
    own = OPTIMIZERS["adamw"]([torch.nn.Parameter(torch.zeros(1))], 0.5)
    plan = make_schedule(
        own, recipe({"train.schedule": "one_cycle", "train.warmup": 0.5}).train, 21
    )
    seen = []
    for _ in range(21):
        seen.append(own.param_groups[0]["betas"][0])
        own.step()
        plan.step()
    assert seen[0] == pytest.approx(0.95)
    assert min(seen) == pytest.approx(0.85, abs=1e-3)
    assert seen[-1] == pytest.approx(0.95)


def test_the_rate_is_held_while_weights_are_averaged(recipe) -> None:
    held = schedule_rates("linear", recipe, 20, warmup=0.0, swa=0.25)
    plain = schedule_rates("linear", recipe, 20, warmup=0.0)
    assert averaging_start(recipe({"train.swa": 0.25}).train, 20) == 15
    assert held == pytest.approx([*plain[:15], *[plain[15]] * 5])


@pytest.mark.parametrize("steps", [1, 2, 5, 12, 40])
def test_the_rate_has_risen_before_it_is_held(steps, recipe) -> None:
    """However few the steps are of which shares are taken."""
    options = recipe({"train.swa": 0.9, "train.warmup": 0.1}).train
    begin = averaging_start(options, steps)
    assert schedule_rates("constant", recipe, steps, warmup=0.1, swa=0.9)[begin:] == [0.5] * (
        steps - begin
    )
    assert begin < steps or steps == 1


def test_layer_decay_by_hand(recipe) -> None:
    model = build_bert(3)
    options = recipe({"train.layer_decay": 0.5, "train.weight_decay": 0.1}, lr=1.0)
    found = parameter_groups(model, [n for n, p in model.named_parameters() if p.ndim > 1], options)
    by_parameter = {id(p): g["lr"] for g in found for p in g["params"]}
    depths = layers.parameter_depths(model)
    assert len(by_parameter) == len(depths)
    for name, parameter in model.named_parameters():
        assert by_parameter[id(parameter)] == 0.5 ** (4 - depths[name]), name
    assert found[0]["lr"] == 1.0  # the one that is shown
    for group in found:
        assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] == 0.1}


def test_without_layer_decay_groups_are_trainers(recipe) -> None:
    model = build_bert(3)
    decayed = [n for n, p in model.named_parameters() if p.ndim > 1]
    own = make_optimizer(model, decayed, recipe())
    assert [g["weight_decay"] for g in own.param_groups] == [0.01, 0.0]
    assert len(own.param_groups[0]["params"]) == len(decayed)
    assert own.param_groups[0]["fused"]


def test_what_a_task_has_not_is_refused(recipe) -> None:
    options = recipe({"train.loss": "focal", "train.metric": "loss"}).train
    options.check_task("classification")
    with pytest.raises(ValueError, match=r"focal is not for regression; use auto or mse or mae"):
        options.check_task("regression")
    with pytest.raises(ValueError, match=r"train.metric: pearson is not for classification"):
        recipe({"train.metric": "pearson"}).train.check_task("classification")
    with pytest.raises(ValueError, match=r"train.contrastive: needs one class a row"):
        recipe({"train.contrastive": 0.5}).train.check_task("regression")
    with pytest.raises(ValueError, match="set accumulation to 1"):
        recipe({"train.contrastive": 0.5, "train.accumulation": 2})
    with pytest.raises(ValueError, match="one average"):
        recipe({"train.ema": 0.9, "train.swa": 0.5})
    with pytest.raises(ValueError, match="one_cycle ends near 0"):
        recipe({"train.schedule": "one_cycle", "train.swa": 0.5})
    with pytest.raises(ValueError, match="must be at most 1"):
        recipe({"train.swa": 0.95, "train.warmup": 0.1})


def test_every_choice_of_params_is_known() -> None:
    def choices(name: str) -> set[str]:
        return set(get_args(Train.model_fields[name].annotation))

    assert choices("optimizer") == set(OPTIMIZERS)
    assert choices("schedule") == {*NAMES, "one_cycle"}
    assert choices("metric") == {"loss", *(name for names in METRICS.values() for name in names)}
    assert all(greater_is_better(name, task) for task, names in METRICS.items() for name in names)
