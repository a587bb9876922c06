"""What a training tells: speed, curves, samples, trackers, and what it took of the machine."""

import json
import re
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from foldline.experiments import trackers
from foldline.frame import params, svg, usage
from foldline.frame.labels import Labels
from foldline.frame.usage import Gpu, Usage
from foldline.modeling import curves, samples, tracking
from foldline.modeling.fitted import Fitted
from foldline.modeling.neural.watching import Progress, Speed
from tests import projects
from tests.killing import killed_after
from tests.marks import fast_first
from tests.test_stages import fingerprints

STEPS = [{"step": s, "loss": 2 / s, "lr": 1e-3 / s} for s in range(1, 1001)]


class Listening:
    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def begin(self, params: Any, tags: Any) -> None:
        self.heard.append(("begin", (params, tags)))

    def step(self, number: int, values: Any) -> None:
        self.heard.append(("step", (number, values)))

    def end(self, summary: Any) -> None:
        self.heard.append(("end", summary))


class Failing(Listening):
    def step(self, number: int, values: Any) -> None:
        super().step(number, values)
        raise ConnectionError("no route to the tracker")


# Trackers


def test_choices_of_trackers_are_the_table():
    assert set(get_args(params.Runner.model_fields["tracker"].annotation)) == set(trackers.TRACKERS)


def test_a_tracker_hears_the_history(fit, parts):
    listening = Listening()

    found = fit("scratch", *parts, "classification", tracker=tracking.Careful(listening))
    heard: dict[int, dict[str, float]] = {}
    for _, (number, values) in listening.heard:
        heard[number] = heard.get(number, {}) | values
    for values in heard.values():
        assert values.pop("rows_per_second") > 0
        assert values.pop("tokens_per_second") > 0

    for row in found.history:
        told = {name: v for name, v in row.items() if name not in ("step", "padding")}
        assert heard[row["step"]] == told


def test_a_tracker_that_fails_is_told_once_and_stops_nothing(fit, parts, capsys):
    failing = Failing()

    found = fit("scratch", *parts, "classification", tracker=tracking.Careful(failing))

    assert found.summary["steps"] == 8
    assert len(failing.heard) == 1
    assert capsys.readouterr().out.count("no route to the tracker") == 1


def test_a_run_that_fails_ends_with_its_error():
    listening = Listening()

    with pytest.raises(ValueError), tracking.followed(listening, {"lr": 1}, {}):
        raise ValueError("too hot")

    assert [what for what, _ in listening.heard] == ["begin", "end"]
    assert listening.heard[-1][1] == {"error": "ValueError: too hot"}


@pytest.mark.parametrize("model", fast_first(["scratch", "static"], ["scratch"]))
def test_trackers_change_no_byte(model, tmp_path, monkeypatch):
    found = []
    for name in trackers.TRACKERS:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        projects.make(folder, {"model": model, "runner.tracker": name})
        projects.run("prepare", "split", "augment", "train")
        made = fingerprints(folder)
        del made["params.yaml"]
        found.append(made)
    file = next((tmp_path / "jsonl" / ".foldline" / "runs").glob("*.jsonl"))
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    history = pd.read_csv("metrics/plots/history.csv")

    assert found[0] == found[1]
    assert [line["event"] for line in (lines[0], lines[-1])] == ["begin", "end"]
    assert lines[0]["params"]["model"] == model
    assert {line["step"] for line in lines[1:-1]} == set(history["step"])
    assert not (tmp_path / "none" / ".foldline" / "runs").exists()


# Samples


def test_samples_are_drawn_by_id_whatever_the_order():
    ids = [f"r{n}" for n in range(100)]

    assert samples.drawn(ids, 7) == samples.drawn(ids[::-1], 7)
    assert samples.drawn(ids, 7) != samples.drawn(ids, 8)
    assert len(samples.drawn(ids, 7)) == samples.COUNT
    assert set(samples.drawn(ids[:3], 7)) == set(ids[:3])


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("average", [0.0, 0.5])
def test_the_last_samples_are_the_models_own_predictions(task, average, fit, rows):
    """Of one epoch the model that is left is the one that was sampled."""
    table = rows(task)
    train, valid = table.iloc[:28], table.iloc[28:]
    shown = samples.drawn(valid["id"].tolist(), 7)

    how: dict[str, Any] = {"epochs": 1, "shown": shown, "dotted": {"train.ema": average}}
    found = fit("scratch", train, valid, task, **how)

    assert list(found.samples) == [1]
    own = found.model.predict(samples.chosen(valid, shown))
    np.testing.assert_allclose(found.samples[1], own, rtol=1e-4, atol=1e-5)


def test_samples_of_a_transformed_target_are_in_its_units(fit, rows):
    table = rows("regression")
    train, valid = table.iloc[:28], table.iloc[28:]
    how: dict[str, Any] = {"epochs": 1, "dotted": {"target.transform": "log"}}

    found = fit("scratch", train, valid, "regression", shown=tuple(valid["id"]), **how)

    np.testing.assert_allclose(found.samples[1], found.model.predict(valid), rtol=1e-4)


def test_showing_samples_changes_nothing(fit, parts):
    plain, shown = (
        fit("scratch", *parts, "classification", epochs=3, shown=ids)
        for ids in ((), tuple(parts[1]["id"]))
    )

    assert plain.history == shown.history
    assert sorted(shown.samples) == [1, 2, 3]
    np.testing.assert_array_equal(plain.model.predict(parts[1]), shown.model.predict(parts[1]))


def test_a_killed_training_has_the_samples_of_all_epochs(fit, parts, tmp_path, monkeypatch):
    how: dict[str, Any] = {"epochs": 4, "shown": tuple(parts[1]["id"])}
    whole = fit("scratch", *parts, "classification", **how)
    with killed_after(2, monkeypatch):
        fit("scratch", *parts, "classification", scratch=tmp_path, **how)

    again = fit("scratch", *parts, "classification", scratch=tmp_path, **how)

    assert sorted(again.samples) == sorted(whole.samples) == [1, 2, 3, 4]
    for epoch, values in whole.samples.items():
        np.testing.assert_array_equal(again.samples[epoch], values)


def test_a_kind_without_epochs_has_a_line_a_row(fit, parts):
    labels = Labels("classification", tuple(sorted(set(parts[0]["label"]))))
    ids = tuple(parts[1]["id"][:3])

    table = samples.sample_table(fit("majority", *parts, "classification"), parts[1], ids, labels)

    assert table["id"].tolist() == list(ids)
    assert set(table["epoch"]) == {""}
    assert table["label"].tolist() == parts[1]["label"][:3].tolist()


def test_without_validation_rows_there_is_a_header_alone(parts, tmp_path):
    model: Any = None
    labels = Labels("classification", ("a", "b"))

    samples.write_samples(Fitted(model), parts[1].iloc[:0], (), labels, tmp_path / "s.csv")

    assert (tmp_path / "s.csv").read_text() == "epoch,id,label,predicted,probability\n"


# Curves


def picture(history: list[dict[str, Any]], metric: str = "f1_macro") -> ET.Element:
    return ET.fromstring(curves.picture(curves.panels(history, metric)))


def texts(root: ET.Element) -> str:
    return " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


def test_curves_show_what_there_is():
    epochs = [{"step": 500, "valid_loss": 0.5, "valid_metric": 0.7}]

    whole, bare, none = picture([*STEPS, *epochs]), picture(STEPS), picture([])

    assert all(word in texts(whole) for word in ("loss", "f1_macro", "learning rate", "1,000"))
    assert "f1_macro" not in texts(bare)
    assert "not trained in steps" in texts(none)


def test_curves_are_self_contained_small_and_within_the_paper():
    text = curves.picture(curves.panels(STEPS * 50, "loss"))
    found = [[float(v) for v in p.split(",")] for p in re.findall(r"[\d.-]+,[\d.-]+", text)]

    assert len(text) < 60_000
    assert text.count("http") == 1  # the name of SVG itself
    assert "prefers-color-scheme: dark" in text
    assert all(curves.LEFT <= x <= curves.WIDTH - curves.RIGHT for x, _ in found)
    assert all(curves.TOP <= y <= curves.PANEL - curves.BOTTOM for _, y in found)


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_curves_of_one_point_or_a_constant_are_drawn(value):
    for count in (1, 5):
        history = [{"step": step, "loss": value} for step in range(1, count + 1)]
        text = curves.picture(curves.panels(history, "loss"))
        assert "nan" not in text
        assert ("<circle" in text) == (count == 1)  # a line of one point would not be seen


def test_ticks_are_round():
    assert svg.ticks(0.13, 1.02) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert svg.ticks(1, 230, 8) == [50, 100, 150, 200]
    assert svg.ticks(-3, 3) == [-2, 0, 2]
    assert svg.ticks(4, 4) == [4]
    assert svg.ticks(3e-6, 0.2, log=True) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])


def test_smoothing_begins_with_the_first_value_and_thinning_keeps_the_mean():
    points = [(float(n), float(n)) for n in range(1000)]

    assert [y for _, y in curves.smoothed([(1, 5.0), (2, 5.0)])] == pytest.approx([5.0, 5.0])
    assert len(curves.thinned(points)) <= curves.POINTS
    assert np.mean([y for _, y in curves.thinned(points[:900])]) == pytest.approx(449.5)
    assert curves.thinned(points[:400]) == points[:400]


# Speed and the machine


def test_the_bar_tells_speed_losses_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr(Speed, "now", lambda self: (25.0, 250.0))
    bar: Any = Progress(Speed(), unit=4.0)
    state = SimpleNamespace(max_steps=10, global_step=4)

    bar.on_train_begin(None, SimpleNamespace(max_steps=10, global_step=0), None)
    bar.on_log(None, state, None, logs={"eval_loss": 0.25})
    bar.on_log(None, state, None, logs={"loss": 0.5})
    bar.on_step_end(None, state, None)
    bar.bar.refresh()
    bar.on_train_end(None, state, None)
    told = capsys.readouterr().err

    assert "4/10 steps" in told
    assert re.search(r"\d\d:\d\d<\d\d:\d\d, 25 rows/s, 250 tokens/s, valid 1.000, loss 2.000", told)


def test_usage_knows_a_busy_process_from_an_idle_one():
    with Usage(0.1) as busy:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
    with Usage(0.1) as idle:
        time.sleep(0.4)

    assert busy.found()["cpu_percent"]["mean"] > 2 * idle.found()["cpu_percent"]["mean"]
    assert busy.found()["memory_mb"]["peak"] >= busy.found()["memory_mb"]["mean"] > 10
    assert len(idle.samples) >= 4


def test_usage_of_a_moment_has_figures():
    with Usage() as moment:
        pass

    assert set(moment.found()) >= {"memory_mb"}


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
    monkeypatch.setattr(usage.ctypes, "CDLL", Driver)
    with Usage() as told:
        pass
    monkeypatch.setattr(Driver, "broken", "nvmlDeviceGetUtilizationRates")
    with Usage() as silent:
        pass

    assert told.found()["gpu_percent"] == {"mean": 73.0, "peak": 73.0}
    assert told.found()["gpu_memory_mb"]["peak"] == 5000.0
    assert set(silent.found()) <= {"memory_mb", "cpu_percent"}


def test_a_machine_without_nvml_is_told_as_such(monkeypatch):
    monkeypatch.setattr(usage, "NVML", "no-such-library.so")
    with pytest.raises(OSError):
        Gpu("GPU-0")


def test_what_a_training_took_stands_beside_how_it_ran(workplace):
    projects.make(Path(), {"model": "scratch"})
    projects.run("prepare", "split", "augment", "train")
    training = json.loads(Path("metrics/environment.json").read_text())["training"]
    table = pd.read_csv("metrics/samples.csv")

    assert training["epochs"][0]["rows_per_second"] > 0
    assert training["usage"]["memory_mb"]["peak"] > 10
    assert set(table["epoch"]) == {1}
    assert ET.parse("metrics/curves.svg").getroot().tag.endswith("svg")
