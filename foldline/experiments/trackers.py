"""Who can follow a training, by the names of `runner.tracker`."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foldline.core.io.files import finite
from foldline.core.paths import store_root
from foldline.core.stage import say
from foldline.models.tracking import Tracker

FOLDER = "runs"


class Lines:
    """A file with a line of JSON for each thing told, to be followed while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Open a run; one that goes on after a kill is written below what it told before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write({"event": "begin", "tags": tags, "params": params})
        say(f"tracker: tail -f {self.path}")

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Write the numbers of a step."""
        self._write({"event": "step", "step": number, **values})

    def end(self, summary: Mapping[str, Any]) -> None:
        """Write the numbers of the whole."""
        self._write({"event": "end", **summary})

    def _write(self, content: Mapping[str, Any]) -> None:
        stamped = {"time": round(time.time(), 3), **content}
        line = json.dumps(finite(stamped), ensure_ascii=False, allow_nan=False, default=str)
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(line + "\n")


def _lines(key: str) -> Tracker:
    return Lines(store_root() / FOLDER / f"{key}.jsonl")


# Each makes a tracker for the run of a key.
TRACKERS: dict[str, Callable[[str], Tracker | None]] = {"none": lambda _: None, "jsonl": _lines}


def tracker(name: str, key: str) -> Tracker | None:
    """Give the tracker of a name, for the run that a key stands for; None for `none`."""
    return TRACKERS[name](key)
