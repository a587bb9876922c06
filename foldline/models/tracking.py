"""The interface by which a training is told to whoever follows it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from foldline.core.stage import say


class Tracker(Protocol):
    """Who follows a training; nothing that it does can change a result."""

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Hear of what the run is made, and where it runs."""
        ...

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Hear the numbers of an optimiser step, from 1; those of an epoch come with its last.

        A step may come twice: a training that was killed goes on from its last checkpoint.
        """
        ...

    def end(self, summary: Mapping[str, Any]) -> None:
        """Hear the numbers of the whole, or of a training that failed its `error`."""
        ...


class SafeTracker:
    """Passes on what a training tells; a tracker that fails is told once and heard no more.

    `steps` counts what was passed on. Without a tracker nothing is.
    """

    def __init__(self, tracker: Tracker | None = None) -> None:
        self.tracker = tracker
        self.steps = 0

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Tell of what the run is made."""
        self._tell("begin", params, tags)

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Tell the numbers of a step."""
        self.steps += 1
        self._tell("step", number, values)

    def end(self, summary: Mapping[str, Any]) -> None:
        """Tell the numbers of the whole."""
        self._tell("end", summary)

    def _tell(self, what: str, *values: Any) -> None:
        if self.tracker is None:
            return
        try:
            getattr(self.tracker, what)(*values)
        except Exception as error:  # whatever it is, the training is worth more
            self.tracker = None
            say(f"note: runner.tracker failed and hears no more of this run ({error!r:.200})")


@contextmanager
def track_run(
    tracker: Tracker | None, params: Mapping[str, Any], tags: Mapping[str, Any]
) -> Iterator[SafeTracker]:
    """Begin to tell of a run; one that fails ends with its error."""
    careful = SafeTracker(tracker)
    careful.begin(params, tags)
    try:
        yield careful
    except BaseException as error:
        careful.end({"error": f"{type(error).__name__}: {error}"})
        raise
