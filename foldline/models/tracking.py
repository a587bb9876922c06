"""The interface by which a training reports to an experiment tracker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from foldline.core.stage import say


class Tracker(Protocol):
    """Receives the steps of a training; it cannot change a result."""

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Record the params of the run, and where it runs."""
        ...

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Record the values of an optimiser step, from 1; an epoch's come with its last step.

        A step may be repeated: a killed training resumes from its last checkpoint.
        """
        ...

    def end(self, summary: Mapping[str, Any]) -> None:
        """Record the summary of the run, or the `error` it failed with."""
        ...


class SafeTracker:
    """Forwards to a tracker; after its first failure it warns once and is not called again.

    `steps` counts the steps forwarded. Without a tracker nothing is.
    """

    def __init__(self, tracker: Tracker | None = None) -> None:
        self.tracker = tracker
        self.steps = 0

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Forward the params of the run."""
        self._forward("begin", params, tags)

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Forward the values of a step."""
        self.steps += 1
        self._forward("step", number, values)

    def end(self, summary: Mapping[str, Any]) -> None:
        """Forward the summary of the run."""
        self._forward("end", summary)

    def _forward(self, method: str, *values: Any) -> None:
        if self.tracker is None:
            return
        try:
            getattr(self.tracker, method)(*values)
        except Exception as error:  # the training is worth more than its tracker
            self.tracker = None
            say(f"note: runner.tracker failed and is switched off for this run ({error!r:.200})")


@contextmanager
def track_run(
    tracker: Tracker | None, params: Mapping[str, Any], tags: Mapping[str, Any]
) -> Iterator[SafeTracker]:
    """Begin tracking a run; a run that fails ends with its error."""
    careful = SafeTracker(tracker)
    careful.begin(params, tags)
    try:
        yield careful
    except BaseException as error:
        careful.end({"error": f"{type(error).__name__}: {error}"})
        raise
