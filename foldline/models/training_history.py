"""The history of a training as files: what it learnt, which DVC plots, and how fast it was."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foldline.core.io.files import write_text

FILE = Path("reports/plots/history.csv")
COLUMNS = ("step", "loss", "valid_loss", "valid_metric", "lr", "grad_norm", "padding")
# Apart from it, as no two runs are equally fast.
SPEED_FILE = Path("reports/training_speed.csv")
SPEED_COLUMNS = ("rows_per_second", "tokens_per_second")


def write_history(history: Sequence[Mapping[str, Any]], path: Path = FILE) -> None:
    """Write a line for each optimiser step; kinds without steps leave the header alone."""
    _write_csv(history, path, COLUMNS, 6)


def write_speed(speed: Sequence[Mapping[str, Any]], path: Path = SPEED_FILE) -> None:
    """Write rows and tokens a second of each optimiser step, by the clock."""
    _write_csv(speed, path, ("step", *SPEED_COLUMNS), 4)


def _write_csv(
    rows: Sequence[Mapping[str, Any]], path: Path, columns: Sequence[str], digits: int
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: _format_number(v, digits) for k, v in row.items()})
    write_text(path, text.getvalue())


def _format_number(value: Any, digits: int) -> Any:
    return f"{value:.{digits}g}" if isinstance(value, float) else value
