"""A transformer as it is when training begins: what the checks look into."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.models.interface import Job
from foldline.models.neural import transformer
from foldline.models.neural.batching import BucketSampler
from foldline.models.neural.dataset import APART, Encoded, Rows, collator
from foldline.models.neural.long_text import long_text
from foldline.models.neural.ragged_array import Ragged
from foldline.models.neural.target_scaling import Units


@dataclass(frozen=True)
class Begun:
    """Tokenizer, model, and training rows as token ids; numbers are in standard units.

    `cut` is the share of texts that are longer than max_length.
    """

    tokenizer: Any
    model: Any
    rows: Rows
    cut: float


def begin(job: Job) -> Begun:
    """Make or load what a training of the job begins with.

    Raises:
        FoldlineError: where the model cannot be loaded.
    """
    tokenizer, model = transformer.begun(job)
    rows, cut = transformer.rows_of(tokenizer, job.train, job.labels, long_text(job.recipe))
    units = Units.of(model, rows.target, job.labels.task)
    return Begun(tokenizer, model, rows.in_units(units.mean, units.spread), cut)


def no_rows(like: Rows) -> Rows:
    """Give rows of the same columns, but none of them."""
    columns = {name: Ragged.of([]) for name in like.columns}
    return Rows(columns, like.target[:0], like.owners[:0], [])


def need_transformer(verb: str, model: str, is_one: bool) -> None:
    """Refuse a model that is not trained by gradient steps.

    Raises:
        FoldlineError: naming the kinds that are.
    """
    if not is_one:
        raise FoldlineError(
            f"{verb}: model={model} has no `lr`: it is not trained by the steps of an optimiser. "
            "Next: set model to scratch, to a folder under models/pretrained/ or to a Hugging "
            "Face id; the other kinds have options of their own (docs/models.md)"
        )


def first_batches(rows: Rows, size: int, seed: int) -> list[list[int]]:
    """Give the batches of the first epoch, as training draws them."""
    if size < 1 or not len(rows.target):
        return []
    return list(
        BucketSampler(
            lengths=rows.lengths,
            effective_batch_size=size,
            dp_size=1,
            grad_accum=1,
            seed=seed,
            rank=0,
            drop_last=False,
        )
    )


def padding(rows: Rows, batches: list[list[int]]) -> float:
    """Give the places of all batches for each token; 1 is none padded."""
    lengths = np.array(rows.lengths)
    places = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return places / max(1, int(lengths.sum()))


def batch_of(start: Begun, places: list[int]) -> tuple[dict[str, Any], Any]:
    """Give rows as the model's inputs and their labels, padded, on the model's device."""
    rows, device = Encoded(start.rows), start.model.device
    batch = collator(start.tokenizer)([rows[place] for place in places])
    tokens = {k: v.to(device) for k, v in batch.items() if k not in APART}
    return tokens, batch["labels"].to(device)
