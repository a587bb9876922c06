"""Options of training: each, switched on alone by its one param, leaves a training that learns."""

from typing import Any

import pytest

ALONE: dict[str, dict[str, Any]] = {
    "smoothing": {"label_smoothing": 0.1},
    "rdrop": {"rdrop": 1.0},
    "contrastive": {"contrastive": 0.3},
    "fgm": {"adversarial": "fgm"},
    "awp": {"adversarial": "awp"},
    "ema": {"ema": 0.9},
    "adafactor": {"optimizer": "adafactor"},
    "layer_decay": {"layer_decay": 0.8},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_learns_sixteen_rows_by_heart(name, fit, rows, labels) -> None:
    table = rows().iloc[:16]
    dotted = {f"train.{key}": value for key, value in ALONE[name].items()}
    sizes = {"scratch.width": 32, "scratch.dropout": 0.1}
    how: dict[str, Any] = {"epochs": 160, "lr": 5e-3, "dotted": dotted | sizes}
    found = fit("scratch", table, table.iloc[:0], "classification", **how)
    target = labels("classification").encode(table["label"])
    assert (found.model.predict(table).argmax(axis=1) == target).all()
