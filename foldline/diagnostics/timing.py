"""Clocks for the parts of a training step, and the machine's peak performance."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainerCallback

from foldline.core.resource_usage import read_peak_memory
from foldline.models.neural.trainer import TextTrainer

SIZE, SECONDS = 1024, 1.0  # of the matrices; of the measurement
WARMUP_STEPS = 3  # first steps are slower: memory is allocated, kernels are selected


class Clock:
    """Seconds by part; on a GPU it waits for the work to finish."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Add the time inside the block to a part."""
        start = now()
        try:
            yield
        finally:
            self.seconds[part] += now() - start

    def wrap(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is timed."""

        def timed(*arguments: Any, **how: Any) -> Any:
            with self.measure(part):
                return work(*arguments, **how)

        return timed


class TimedTrainer(TextTrainer):
    """Trainer that times collating, forward, backward, optimiser, and whole steps."""

    def __init__(self, *arguments: Any, **how: Any) -> None:
        self.clock = Clock()
        how["data_collator"] = self.clock.wrap("collating", how["data_collator"])
        super().__init__(*arguments, **how)
        self.add_callback(_StepClock(self))
        self.steps = self.positions = self.tokens = self.rows = 0

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Time a batch; what is not forward is backward."""
        with self.clock.measure("step"):
            return super().training_step(model, inputs, num_items_in_batch)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *more: Any, **how: Any) -> Any:
        """Time a forward pass, and count its rows, tokens and positions."""
        mask = inputs["attention_mask"]
        self.rows += len(mask)
        self.positions += mask.numel()
        self.tokens += int(mask.sum())
        with self.clock.measure("forward"):
            return super().compute_loss(model, inputs, *more, **how)

    def _clip_grad_norm(self, model: Any) -> Any:
        with self.clock.measure("optimiser"):
            return super()._clip_grad_norm(model)


class _StepClock(TrainerCallback):
    """Times the optimiser, and the whole training after the warm-up steps."""

    def __init__(self, trainer: TimedTrainer) -> None:
        self.trainer, self.started, self.start = trainer, 0.0, 0.0

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = now()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trainer.clock.seconds["optimiser"] += now() - self.started

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        trainer = self.trainer
        if state.global_step == WARMUP_STEPS:
            trainer.clock.seconds.clear()
            trainer.steps = trainer.positions = trainer.tokens = trainer.rows = 0
            self.start = now()
        elif state.global_step > WARMUP_STEPS:
            trainer.steps += 1
            trainer.clock.seconds["whole"] = now() - self.start


def now() -> float:
    """Return the time in seconds, after a GPU has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def measure_peak(precision: str) -> float:
    """Measure the machine's matrix products, in FLOP/s, with the current number of threads."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = SIZE * (8 if device == "cuda" else 1)
    left, right = (torch.ones(size, size, dtype=kind, device=device) for _ in range(2))
    for _ in range(2):
        left @ right
    count, start = 0, now()
    while (seconds := now() - start) < SECONDS:
        left @ right
        count += 1
    return 2.0 * size**3 * count / seconds


def count_operations(model: Any, batch: dict[str, Any], loss: Callable[[Any], Any]) -> float:
    """Count the FLOPs of the matrix products of a batch, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    model.train()
    with FlopCounterMode(display=False) as counted:
        loss(model(**batch)).backward()
    model.zero_grad()
    return float(counted.get_total_flops())


def peak_memory() -> float:
    """Return the peak memory of this process in GB; with a GPU, that of the GPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return read_peak_memory() / 1e9
