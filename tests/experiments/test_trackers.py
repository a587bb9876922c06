"""Trackers: what they hear of a training, and that they change nothing of it."""

import json
from typing import Any, get_args

import pandas as pd
import pytest

from foldline.core import params
from foldline.experiments import trackers
from foldline.models import tracking
from tests.helpers import projects
from tests.helpers.marks import mark_slow_except
from tests.stages.test_stages import fingerprints


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


def test_choices_of_trackers_are_the_table():
    assert set(get_args(params.Runner.model_fields["tracker"].annotation)) == set(trackers.TRACKERS)


def test_a_tracker_hears_the_history(fit, parts):
    listening = Listening()

    found = fit("scratch", *parts, "classification", tracker=tracking.SafeTracker(listening))
    heard: dict[int, dict[str, float]] = {}
    for _, (number, values) in listening.heard:
        heard[number] = heard.get(number, {}) | values
    for values in heard.values():
        assert values.pop("rows_per_second") > 0
        assert values.pop("tokens_per_second") > 0

    for row in found.history:
        told = {name: v for name, v in row.items() if name not in ("step", "padding")}
        assert heard[row["step"]] == told


@pytest.mark.slow
def test_a_tracker_that_fails_is_reported_once_and_stops_nothing(fit, parts, capsys):
    failing = Failing()

    found = fit("scratch", *parts, "classification", tracker=tracking.SafeTracker(failing))

    assert found.summary["steps"] == 8
    assert len(failing.heard) == 1
    assert capsys.readouterr().out.count("no route to the tracker") == 1


def test_a_run_that_fails_ends_with_its_error():
    listening = Listening()

    with pytest.raises(ValueError), tracking.track_run(listening, {"lr": 1}, {}):
        raise ValueError("too hot")

    assert [what for what, _ in listening.heard] == ["begin", "end"]
    assert listening.heard[-1][1] == {"error": "ValueError: too hot"}


@pytest.mark.slow
@pytest.mark.parametrize("model", mark_slow_except(["scratch", "static"], ["scratch"]))
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
    history = pd.read_csv("reports/plots/history.csv")

    assert found[0] == found[1]
    assert [line["event"] for line in (lines[0], lines[-1])] == ["begin", "end"]
    assert lines[0]["params"]["model"] == model
    assert {line["step"] for line in lines[1:-1]} == set(history["step"])
    assert not (tmp_path / "none" / ".foldline" / "runs").exists()
