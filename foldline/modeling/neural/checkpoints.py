"""Checkpoints of a training: which of them can be gone on from."""

import json
import shutil
import zipfile
from pathlib import Path

from safetensors import SafetensorError, safe_open

STATE = "trainer_state.json"
NEEDED = (STATE, "optimizer.pt", "scheduler.pt")


def last_checkpoint(folder: Path) -> str | None:
    """Give the newest checkpoint from which a training goes on exactly; others are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    for path in reversed(found):
        if _usable(path):
            return str(path)
        shutil.rmtree(path, ignore_errors=True)
    return None


def whole(folder: Path) -> bool:
    """Say whether every file of a checkpoint is there to its end.

    Both formats tell: a safetensors header knows the file's size, and a zip archive, which is
    what torch writes, ends with its list of contents.
    """
    try:
        if not all((folder / name).exists() for name in NEEDED):
            return False
        json.loads((folder / STATE).read_text(encoding="utf-8"))
        weights = list(folder.glob("*.safetensors"))
        for file in weights:
            with safe_open(file, "pt"):
                pass
        for file in folder.iterdir():
            if file.suffix in (".pt", ".pth", ".bin"):
                zipfile.ZipFile(file).close()
    except (OSError, ValueError, SafetensorError, zipfile.BadZipFile):
        return False
    return bool(weights)


def _usable(path: Path) -> bool:
    """Say whether Trainer can go on from a checkpoint as if it had never stopped."""
    if not whole(path):
        return False
    state = json.loads((path / STATE).read_text(encoding="utf-8"))
    best = state.get("best_model_checkpoint")
    if best and not whole(Path(best)):
        return False
    # Trainer forgets on resuming that it had stopped, and would train on: go back to the best.
    stopping = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    counter = stopping.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return bool(counter < stopping.get("args", {}).get("early_stopping_patience", counter + 1))
