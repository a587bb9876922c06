"""The picture of a training's curves."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from foldline.core.io import svg
from foldline.models import training_curves

STEPS = [{"step": s, "loss": 2 / s, "lr": 1e-3 / s} for s in range(1, 1001)]


def draw(history: list[dict[str, Any]], metric: str = "f1_macro") -> ET.Element:
    return ET.fromstring(training_curves.draw_curves(training_curves.build_panels(history, metric)))


def visible_text(root: ET.Element) -> str:
    return " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


def test_curves_show_what_there_is():
    epochs = [{"step": 500, "valid_loss": 0.5, "valid_metric": 0.7}]

    whole, bare, none = draw([*STEPS, *epochs]), draw(STEPS), draw([])

    assert all(
        word in visible_text(whole) for word in ("loss", "f1_macro", "learning rate", "1,000")
    )
    assert "f1_macro" not in visible_text(bare)
    assert "not trained in steps" in visible_text(none)


def test_the_step_that_is_kept_is_marked(tmp_path, recipe):
    epochs = [
        {"step": step, "valid_loss": loss, "valid_metric": 0.5}
        for step, loss in ((250, 0.9), (500, 0.5), (1000, 0.7))
    ]
    file = tmp_path / "curves.svg"
    training_curves.write_curves([*STEPS, *epochs], recipe().train, "classification", file)
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    marks = [e.attrib for e in root.iter() if e.attrib.get("class") == "b dashed"]
    middle = (training_curves.LEFT + training_curves.WIDTH - training_curves.RIGHT) / 2
    assert [float(mark["x1"]) for mark in marks] == pytest.approx([middle] * 3, abs=1)
    assert "f1_macro, validation" in visible_text(root)
    assert "kept" not in visible_text(draw(STEPS))


def test_curves_are_self_contained_small_and_within_the_paper():
    text = training_curves.draw_curves(training_curves.build_panels(STEPS * 50, "loss"))
    found = [[float(v) for v in p.split(",")] for p in re.findall(r"[\d.-]+,[\d.-]+", text)]

    assert len(text) < 60_000
    assert text.count("http") == 1  # the name of SVG itself
    assert "prefers-color-scheme: dark" in text
    assert all(
        training_curves.LEFT <= x <= training_curves.WIDTH - training_curves.RIGHT for x, _ in found
    )
    assert all(
        training_curves.TOP <= y <= training_curves.PANEL - training_curves.BOTTOM for _, y in found
    )


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_curves_of_one_point_or_a_constant_are_drawn(value):
    for count in (1, 5):
        history = [{"step": step, "loss": value} for step in range(1, count + 1)]
        text = training_curves.draw_curves(training_curves.build_panels(history, "loss"))
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

    assert [y for _, y in training_curves.smooth([(1, 5.0), (2, 5.0)])] == pytest.approx([5.0, 5.0])
    assert len(training_curves.downsample(points)) <= training_curves.MAX_POINTS
    assert np.mean([y for _, y in training_curves.downsample(points[:900])]) == pytest.approx(449.5)
    assert training_curves.downsample(points[:400]) == points[:400]
