"""Trackers that follow a training, by the names of `runner.tracker`."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foldline.core.io.files import to_json_values
from foldline.core.paths import store_root
from foldline.core.stage import say
from foldline.models.tracking import Tracker

FOLDER = "runs"


class JsonLinesTracker:
    """A JSON Lines file of events that grows during the training."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Record the start of a run; a run that resumes after a kill appends to its file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write({"event": "begin", "tags": tags, "params": params})
        say(f"tracker: tail -f {self.path}")

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Record the numbers of a step."""
        self._write({"event": "step", "step": number, **values})

    def end(self, summary: Mapping[str, Any]) -> None:
        """Record the final numbers."""
        self._write({"event": "end", **summary})

    def _write(self, content: Mapping[str, Any]) -> None:
        stamped = {"time": round(time.time(), 3), **content}
        line = json.dumps(to_json_values(stamped), ensure_ascii=False, allow_nan=False, default=str)
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(line + "\n")


def _create_jsonl(key: str) -> Tracker:
    return JsonLinesTracker(store_root() / FOLDER / f"{key}.jsonl")


# Each creates a tracker for the run with a key.
TRACKERS: dict[str, Callable[[str], Tracker | None]] = {
    "none": lambda _: None,
    "jsonl": _create_jsonl,
}


def create_tracker(name: str, key: str) -> Tracker | None:
    """Return the tracker `name` for the run with a key; None for `none`."""
    return TRACKERS[name](key)
