"""What a training tells of its speed, and of what it took of the machine."""

import json
import re
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch

from foldline.core import progress, resource_usage
from foldline.core.resource_usage import Gpu, Usage
from foldline.evaluation.report import warn_of_majority
from foldline.models.neural import callbacks
from foldline.models.neural.callbacks import ProgressBar, SpeedMeter
from foldline.models.training_history import write_speed
from tests.helpers import projects
from tests.helpers.killed_training import kill_after_saves


def test_the_bar_tells_speed_losses_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "hide_bars", lambda: False)
    monkeypatch.setattr(SpeedMeter, "current", lambda self: (25.0, 250.0))
    bar: Any = ProgressBar(SpeedMeter(), unit=4.0)
    state = SimpleNamespace(max_steps=10, global_step=4)

    bar.on_train_begin(None, SimpleNamespace(max_steps=10, global_step=0), None)
    bar.on_log(None, state, None, logs={"eval_loss": 0.25})
    bar.on_log(None, state, None, logs={"loss": 0.5})
    bar.on_step_end(None, state, None)
    bar.bar.bar.refresh()
    bar.on_train_end(None, state, None)
    told = capsys.readouterr().err

    assert "4/10 steps" in told
    assert re.search(r"\d\d:\d\d<\d\d:\d\d, valid 1.000, loss 2.000, 25 rows/s, 250 tokens/s", told)


def test_the_speed_of_a_step_by_hand(monkeypatch):
    clock = iter([100.0, 102.0, 106.0])
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: next(clock))
    speed, state = SpeedMeter(), SimpleNamespace(epoch=0.0, log_history=[{"loss": 2.0}])
    speed.on_epoch_begin(None, state, None)
    speed.add(torch.tensor([[1, 1, 1], [1, 0, 0]]))
    speed.on_log(None, state, None)
    speed.add(torch.tensor([[1, 1], [1, 1]]))
    speed.add(torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]]))
    state.log_history.append({"loss": 1.0})
    speed.on_log(None, state, None)
    state.log_history.append({"eval_loss": 1.0})
    speed.on_log(None, state, None)

    assert state.log_history == [
        {"loss": 2.0, "rows_per_second": 1.0, "tokens_per_second": 2.0},
        {"loss": 1.0, "rows_per_second": 1.0, "tokens_per_second": 3.0},
        {"eval_loss": 1.0},
    ]


def test_every_step_has_its_speed_also_of_before_a_kill(fit, parts, tmp_path, monkeypatch):
    how = {"scratch": tmp_path / "c", "epochs": 3}
    with kill_after_saves(2, monkeypatch):
        fit("scratch", *parts, "classification", **how)
    found = fit("scratch", *parts, "classification", **how)
    write_speed(found.speed, tmp_path / "speed.csv")
    table = pd.read_csv(tmp_path / "speed.csv")

    assert table["step"].tolist() == list(range(1, int(found.summary["steps"]) + 1))
    assert (table[["rows_per_second", "tokens_per_second"]] > 0).all(axis=None)


@pytest.mark.slow
def test_usage_knows_a_busy_process_from_an_idle_one():
    with Usage(0.1) as busy:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
    with Usage(0.1) as idle:
        time.sleep(0.4)

    assert busy.summarize()["cpu_percent"]["mean"] > 2 * idle.summarize()["cpu_percent"]["mean"]
    assert busy.summarize()["memory_mb"]["peak"] >= busy.summarize()["memory_mb"]["mean"] > 10
    assert len(idle.samples) >= 4


def test_usage_of_a_moment_has_figures():
    with Usage() as moment:
        pass

    assert set(moment.summarize()) >= {"memory_mb"}


class Driver:
    """NVML as its header describes it, for one GPU; `broken` is a call that it refuses."""

    broken = ""

    def __init__(self, name: str) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            if name == "nvmlDeviceGetUtilizationRates":
                arguments[1]._obj[0] = 73
            if name == "nvmlDeviceGetMemoryInfo":
                arguments[1]._obj[2] = 5_000_000_000
            return 3 if name == self.broken else 0

        return call


def test_a_gpus_figures_come_by_nvml(monkeypatch):
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        get_device_properties=lambda _: SimpleNamespace(uuid="0-1"),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(resource_usage.ctypes, "CDLL", Driver)
    with Usage() as told:
        pass
    monkeypatch.setattr(Driver, "broken", "nvmlDeviceGetUtilizationRates")
    with Usage() as silent:
        pass

    assert told.summarize()["gpu_percent"] == {"mean": 73.0, "peak": 73.0}
    assert told.summarize()["gpu_memory_mb"]["peak"] == 5000.0
    assert set(silent.summarize()) <= {"memory_mb", "cpu_percent"}


def test_a_machine_without_nvml_is_reported_as_such(monkeypatch):
    monkeypatch.setattr(resource_usage, "NVML", "no-such-library.so")
    with pytest.raises(OSError):
        Gpu("GPU-0")


@pytest.mark.slow
def test_what_a_training_took_stands_beside_how_it_ran(workplace, capsys):
    projects.make(Path(), {"model": "scratch"})
    projects.run("prepare", "split", "augment", "train")
    assert "epoch 1 is kept: validation loss" in capsys.readouterr().out
    training = json.loads(Path("reports/environment.json").read_text())["training"]
    table = pd.read_csv("reports/sample_predictions.csv")

    assert training["epochs"][0]["rows_per_second"] > 0
    assert training["usage"]["memory_mb"]["peak"] > 10
    assert set(table["epoch"]) == {1}
    assert (pd.read_csv("reports/training_speed.csv")["rows_per_second"] > 0).all()
    assert ET.parse("reports/training_curves.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(("own", "least", "said"), [(0.2, 0.2, True), (0.3, 0.2, False)])
def test_a_model_that_has_learnt_nothing_is_reported(own, least, said):
    lines = warn_of_majority("scratch", {"f1_macro": own}, {"f1_macro": least}, "classification")
    assert any("no better than the majority" in line for line in lines) == said


def test_a_constant_has_no_correlation_to_beat():
    nan = {"pearson": float("nan")}
    assert warn_of_majority("scratch", nan, nan, "regression")
