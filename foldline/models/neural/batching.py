"""Batches of texts of similar length, to reduce padding.

Trainer's `group_by_length` returns predictions in its own order and does not resume to the same
bytes. This sampler affects training alone, and its order follows from seed and epoch.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import torch
from transformers.trainer_pt_utils import BatchRebalanceSampler

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed

# About so many steps are sorted together: enough to keep padding low.
BUCKET_STEPS = 100
# With fewer rows at most a quarter of an epoch is sorted together, otherwise rows of one length
# would share a batch in every epoch.
MANY_ROWS, MIN_BUCKETS = 1000, 4
# Where more than a quarter is sorted together, lengths get random noise of up to this share, for
# the same reason (AllenNLP's padding noise).
LENGTH_NOISE = 0.02


class BucketSampler(BatchRebalanceSampler):
    """Shuffled batches of rows of similar length; each row once an epoch.

    Trainer accepts this class as a batch sampler, calls `set_epoch`, and leaves sharding over
    processes to it; cutting a full step into small batches is inherited.
    """

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each small batch of this process."""
        generator = torch.Generator()
        generator.manual_seed(derive_seed(self.seed, "epoch", self.epoch))
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        full, remainder = self._cut_into_steps(order, generator)
        for index in torch.randperm(len(full), generator=generator).tolist():
            yield from self._yield_global_batch(full[index])
        yield from self._last_step(remainder)

    def __len__(self) -> int:
        """Return the number of small batches of an epoch; the last step may have fewer."""
        last = self._batches_per_step(self.remainder) if self.has_tail else 0
        return int(self.num_full_batches * self.grad_accum + last)

    def _batches_per_step(self, rows: int) -> int:
        """Return how many small batches each process gets of a step of so many rows."""
        return max(1, min(self.grad_accum, rows // self.dp_size))

    def _cut_into_steps(
        self, order: list[int], generator: torch.Generator
    ) -> tuple[list[list[int]], list[int]]:
        """Cut shuffled rows into full steps of similar length, and return the remainder apart."""
        step, part = self.effective_batch_size, max(1, self.num_full_batches // MIN_BUCKETS)
        size = part * step
        sort_lengths: Sequence[float] = self.lengths
        if len(order) >= MANY_ROWS:
            size, sort_lengths = self._sort_windows(part, generator)
        full: list[list[int]] = []
        remainder: list[int] = []
        for start in range(0, len(order), size):
            window = sorted(order[start : start + size], key=sort_lengths.__getitem__)
            n_extra = len(window) % step
            if n_extra:
                cut = len(window) - n_extra
                if (
                    len(order) >= MANY_ROWS
                ):  # otherwise the remainder would often be the longest rows
                    cut = step * int(torch.randint(cut // step + 1, (), generator=generator))
                remainder = window[cut : cut + n_extra]
                del window[cut : cut + n_extra]
            full += [window[i : i + step] for i in range(0, len(window), step)]
        return full, remainder

    def _sort_windows(self, part: int, generator: torch.Generator) -> tuple[int, list[float]]:
        """Return how many rows are sorted together, and the lengths to sort them by."""
        steps = -(-len(self.lengths) // self.effective_batch_size)
        steps_together = -(-steps // max(1, round(steps / BUCKET_STEPS)))
        lengths = torch.tensor(self.lengths, dtype=torch.float64)
        if steps_together > part:
            lengths *= 1 + LENGTH_NOISE * (2 * torch.rand(len(lengths), generator=generator) - 1)
        sort_lengths: list[float] = lengths.tolist()
        return steps_together * self.effective_batch_size, sort_lengths

    def _last_step(self, remainder: list[int]) -> Iterator[list[int]]:
        """Yield the small batches of the incomplete last step.

        Fewer rows make fewer batches, so that no row counts twice. Fewer rows than processes are
        a batch of every process, which has the same mean loss: each process needs one.
        """
        if len(remainder) >= self.dp_size:
            short = copy(self)
            short.grad_accum = self._batches_per_step(len(remainder))
            yield from short._yield_global_batch(remainder)
        elif remainder:
            yield remainder


def make_sampler(lengths: list[int], arguments: Any, step_rows: int) -> BucketSampler:
    """Return the sampler for Trainer's arguments; processes share the `step_rows` of a step.

    Raises:
        FoldlineError: if a step has fewer rows than there are processes to share them.
    """
    processes, cuts = max(1, arguments.world_size), arguments.gradient_accumulation_steps
    if step_rows < processes * cuts:
        raise FoldlineError(
            f"batch_size: a step learns from {step_rows} rows, cut into {cuts} for each of "
            f"{processes} processes; raise batch_size or use fewer processes"
        )
    return BucketSampler(
        lengths=lengths,
        effective_batch_size=step_rows,
        dp_size=processes,
        grad_accum=cuts,
        seed=arguments.seed,
        rank=arguments.process_index if processes > 1 else 0,
        drop_last=False,
    )
