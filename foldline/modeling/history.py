"""The history of a training as a file that DVC plots."""

import csv
import io
from pathlib import Path
from typing import Any

from foldline.frame.files import write_text

FILE = Path("metrics/plots/history.csv")
COLUMNS = ("step", "loss", "valid_loss", "valid_metric", "lr", "grad_norm", "padding")


def write_history(history: list[dict[str, Any]], path: Path = FILE) -> None:
    """Write a line for each optimiser step; kinds without steps leave the header alone."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in history:
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    write_text(path, text.getvalue())
