"""Pictures of diagnostics: whole, to scale, and with what was given."""

import xml.etree.ElementTree as ElementTree

import pytest

from foldline.core.io import svg
from foldline.diagnostics import plots


def test_pictures_are_whole_and_escape_names():
    drawn = plots.draw_curve(
        "<loss>", ("a & b", [1e-7, 1e-3, 1.0]), ("loss", [2.0, 1.0, 9.0]),
        [plots.Mark("here", 1e-3)], log_x=True,
    )  # fmt: skip
    root = ElementTree.fromstring(drawn)
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]

    assert {"<loss>", "a & b", "here", "1e-07".replace("0", ""), "1e0"} <= set(texts)
    bars = ElementTree.fromstring(plots.draw_bars("b", [("one", 2.0, "2 s"), ("two", 0.0, "0 s")]))
    widths = [float(n.get("width", "0").rstrip("%")) for n in bars.iter() if n.tag.endswith("rect")]
    assert widths[1:] == [420.0, 1.0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 30, [0, 5, 10, 15, 20, 25, 30]), (0, 0, [0])],
)
def test_axes_have_round_ticks(low, high, ticks):
    assert svg.ticks(low, high, plots.TICKS) == pytest.approx(ticks)


def test_a_score_stands_beside_what_chance_gives():
    long = "shuffled labels, models/pretrained/minilm"
    values = [
        plots.ChanceInterval("in", 0.5, 0.25, 0.75),
        plots.ChanceInterval(long, 1.0, 0.0, 0.5),
    ]
    picture = ElementTree.fromstring(plots.draw_chance_intervals("f1_macro", values))
    named = {
        kind: [e for e in picture.iter() if e.tag.endswith(kind)]
        for kind in ("circle", "rect", "text")
    }
    points = [float(e.attrib["cx"]) for e in named["circle"]]
    bars = [(float(e.attrib["x"]), float(e.attrib["width"])) for e in named["rect"][1:]]
    (left, width), (start, half) = bars
    assert points[0] == pytest.approx(left + width / 2, abs=0.2)
    assert points[1] == pytest.approx(start + 2 * half, abs=0.2)
    assert half == pytest.approx(width, abs=0.2)
    words = [e.text for e in named["text"]]
    assert "shuffled labels, models/pretr…" in words
    assert words.count("0.500") == words.count("1.000") == 1
