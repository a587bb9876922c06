"""Progress on the terminal; display only, so no stage depends on it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from tqdm import tqdm

FORMAT = (
    "{desc} {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} steps, {elapsed}<{remaining}{postfix}"
)

T = TypeVar("T")
PATIENCE = 2.0  # seconds until a bar is shown
HIDE = "FOLDLINE_HIDE_BARS"  # set for processes that run side by side: their bars would mix


def hide_bars() -> bool | None:
    """Return whether bars are hidden; None leaves it to tqdm: where stderr is no terminal."""
    return True if HIDE in os.environ else None


def show_progress(items: Iterable[T], title: str, unit: str, total: int) -> Iterator[T]:
    """Yield the items, with a bar on a terminal if they take more than a moment."""
    yield from tqdm(
        items,
        desc=title,
        unit=unit,
        total=total,
        delay=PATIENCE,
        leave=False,
        disable=hide_bars(),
        file=sys.stderr,
    )


class TrainingBar:
    """A bar on stderr with losses, speed, padding ratio and remaining time.

    The most important values come first, since a narrow terminal cuts the line.
    """

    def __init__(self, title: str, total: int, initial: int) -> None:
        self.losses: dict[str, float] = {}
        self.padding: float | None = None
        self.bar = tqdm(
            total=total,
            initial=initial,
            desc=title,
            bar_format=FORMAT,
            disable=hide_bars(),
            file=sys.stderr,
            mininterval=2.0,
        )

    def advance(self, step: int) -> None:
        """Move to a step."""
        self.bar.update(step - self.bar.n)

    def show(self, losses: Mapping[str, float], speed: tuple[float, float]) -> None:
        """Show losses by name, and rows and tokens per second."""
        self.losses.update(losses)
        rows, tokens = speed
        parts = [f"{name} {loss:.3f}" for name, loss in self.losses.items()]
        text = ", ".join([*parts, f"{rows:,.0f} rows/s, {tokens:,.0f} tokens/s"])
        padding = "" if self.padding is None else f", padding {self.padding:.2f}"
        self.bar.set_postfix_str(text + padding, refresh=False)

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()
