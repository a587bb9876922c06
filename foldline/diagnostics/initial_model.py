"""A transformer at the start of training, as the checks inspect it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.models.interface import Job
from foldline.models.neural import transformer
from foldline.models.neural.batching import BucketSampler
from foldline.models.neural.dataset import NON_TOKENS, TokenDataset, TokenizedRows, make_collator
from foldline.models.neural.long_text import make_reader
from foldline.models.neural.ragged_array import RaggedArray
from foldline.models.neural.target_scaling import TargetScaling


@dataclass(frozen=True)
class InitialModel:
    """Tokenizer, model, and tokenised training rows with standardised targets.

    `cut` is the share of texts longer than max_length.
    """

    tokenizer: Any
    model: Any
    rows: TokenizedRows
    cut: float


def build_initial_model(job: Job) -> InitialModel:
    """Build or load the model that a training of the job starts from.

    Raises:
        FoldlineError: if the model cannot be loaded.
    """
    tokenizer, model = transformer.initial_model(job)
    rows, cut = transformer.encode_rows(tokenizer, job.train, job.labels, make_reader(job.recipe))
    units = TargetScaling.fit(model, rows.target, job.labels.task)
    return InitialModel(tokenizer, model, rows.standardise(units.mean, units.std), cut)


def empty_rows(rows: TokenizedRows) -> TokenizedRows:
    """Return rows with the same columns, but none of them."""
    columns = {name: RaggedArray.from_lists([]) for name in rows.columns}
    return TokenizedRows(columns, rows.target[:0], rows.piece_rows[:0], [])


def require_transformer(verb: str, model: str, is_one: bool) -> None:
    """Refuse a model that is not trained by gradient steps.

    Raises:
        FoldlineError: naming the models that are.
    """
    if not is_one:
        raise FoldlineError(
            f"{verb}: model={model} has no `lr`: it is not trained by gradient descent. Next: set "
            "model to scratch, a folder under models/pretrained/ or a Hugging Face id; other kinds "
            "have their own options (docs/models.md)"
        )


def first_epoch_batches(rows: TokenizedRows, size: int, seed: int) -> list[list[int]]:
    """Return the batches of the first epoch, as training draws them."""
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


def padding_ratio(rows: TokenizedRows, batches: list[list[int]]) -> float:
    """Return the positions of all batches per token; 1 means no padding."""
    lengths = np.array(rows.lengths)
    positions = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return positions / max(1, int(lengths.sum()))


def make_batch(initial: InitialModel, indices: list[int]) -> tuple[dict[str, Any], Any]:
    """Return rows as padded model inputs and labels, on the model's device."""
    rows, device = TokenDataset(initial.rows), initial.model.device
    batch = make_collator(initial.tokenizer)([rows[index] for index in indices])
    tokens = {k: v.to(device) for k, v in batch.items() if k not in NON_TOKENS}
    return tokens, batch["labels"].to(device)
