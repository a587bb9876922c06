"""One line a task as it begins, with an estimate of the remaining time."""

import time

from foldline.core.console import say


class Progress:
    """Says which task begins, and about how long the rest takes."""

    def __init__(self, title: str, total: int, stored: int = 0) -> None:
        self.title, self.total, self.begun, self.finished = title, total, 0, 0
        self.start = time.monotonic()
        if stored:
            say(f"{stored} of {stored + total} {title} are in the store already")

    def begin(self, name: str) -> None:
        """Say that a task begins."""
        self.begun += 1
        left = f", about {format_seconds(self.estimate())} left" if self.finished else ""
        say(f"{self.begun} of {self.total}: {name}{left}")

    def finish(self) -> None:
        """Count a task as finished."""
        self.finished += 1

    def restart(self, name: str, reason: str) -> None:
        """Say that a task begins again."""
        say(f"{name}: {reason}; it begins again, from its last checkpoint if it has one")

    def estimate(self) -> float:
        """Return the seconds that the unfinished tasks will take, by those that have finished."""
        seconds = (time.monotonic() - self.start) / self.finished
        return seconds * (self.total - self.finished)


def format_seconds(seconds: float) -> str:
    """Return a duration for people, as `2 min 5 s`."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
