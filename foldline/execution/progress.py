"""One line for each task, with an estimate of the remaining time."""

import time

from foldline.core.console import say


class Progress:
    """Says how far a list of tasks is, and about how long the rest takes.

    A task that runs alone is named as it begins, since its progress bar follows. One of several at
    once is named as it ends.
    """

    def __init__(self, title: str, total: int, stored: int = 0) -> None:
        self.title, self.total, self.said, self.finished = title, total, 0, 0
        self.start = time.monotonic()
        self.alone: set[str] = set()
        self.starts: dict[str, float] = {}
        if stored:
            say(f"{stored} of {stored + total} {title} are in the store already")

    def begin(self, name: str, alone: bool) -> None:
        """Note that a task begins; `alone` says whether others run beside it."""
        self.starts[name] = time.monotonic()
        if alone:
            self.alone.add(name)
            self._say(name)

    def finish(self, name: str, failed: bool = False, seconds: float | None = None) -> None:
        """Note that a task has ended; `seconds` is without the time that it waited for a node."""
        self.finished += 1
        if name not in self.alone:
            if seconds is None:
                seconds = time.monotonic() - self.starts.get(name, self.start)
            self._say(f"{name} {'failed after' if failed else 'took'} {format_seconds(seconds)}")

    def restart(self, name: str, reason: str) -> None:
        """Say that a task begins again."""
        say(f"{name}: {reason}; it begins again, from its last checkpoint if it has one")

    def estimate(self) -> float:
        """Return the seconds that the unfinished tasks will take, by those that have finished."""
        seconds = (time.monotonic() - self.start) / self.finished
        return seconds * (self.total - self.finished)

    def _say(self, message: str) -> None:
        self.said += 1
        rest = 0 < self.finished < self.total
        left = f", about {format_seconds(self.estimate())} left" if rest else ""
        say(f"{self.said} of {self.total}: {message}{left}")


def format_seconds(seconds: float) -> str:
    """Return a duration for people, as `2 min 5 s`."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
