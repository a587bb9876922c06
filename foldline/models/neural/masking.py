"""Language modelling targets: masked tokens, or each next token."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import generator
from foldline.models.neural.dataset import INDICES, TokenizedRows, pad_pieces
from foldline.models.neural.prediction import Padding

IGNORED = -100
# Shares of the target tokens replaced by the mask and by a random token; the others stay.
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1

# (ids (n,), generator) -> input ids (n,), target ids (n,)
Task = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


class PretrainingDataset(Dataset[dict[str, Any]]):
    """Pieces of texts with their targets, masked anew in each epoch.

    The masks follow from seed, epoch and piece alone, so a resumed training has the same ones.
    """

    def __init__(self, rows: TokenizedRows, task: Task, seed: int) -> None:
        self.rows, self.task, self.seed, self.epoch = rows, task, seed, 0

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.rows.lengths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one piece in the collator's format."""
        tokens: dict[str, Any] = {k: values[index] for k, values in self.rows.columns.items()}
        rng = generator(self.seed, "mask", self.epoch, index)
        inputs, targets = self.task(tokens["input_ids"].astype(np.int64), rng)
        return tokens | {"input_ids": inputs, "labels": targets, INDICES: index}


def mask_tokens(tokenizer: Any, share: float) -> Task:
    """Return the task that predicts a `share` of the tokens, masked anew each epoch.

    Devlin et al. (2019), dynamic as in Liu et al. (2019): of those tokens 80 % are replaced by the
    mask, 10 % by a random token, 10 % stay; special tokens such as [CLS] are never chosen.

    Raises:
        FoldlineError: if the tokenizer has no mask token.
    """
    if tokenizer.mask_token_id is None:
        raise FoldlineError(
            "pretrain.objective: masked needs a mask token, but the tokenizer has none; choose "
            "another model, or set pretrain.epochs to 0"
        )
    special = np.array(sorted(set(tokenizer.all_special_ids)), dtype=np.int64)
    ordinary = np.setdiff1d(np.arange(len(tokenizer)), special)

    def task(ids: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        chosen = (rng.random(len(ids)) < share) & ~np.isin(ids, special)
        kind = rng.random(len(ids))
        random_tokens = ordinary[rng.integers(len(ordinary), size=len(ids))]
        inputs = np.where(chosen & (kind < MASK_SHARE), tokenizer.mask_token_id, ids)
        inputs = np.where(chosen & (kind >= 1 - RANDOM_SHARE), random_tokens, inputs)
        return inputs, np.where(chosen, ids, IGNORED)

    return task


def predict_next(ids: np.ndarray, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Predict each token but the first from those before it (Radford et al., 2018)."""
    guess = ids.copy()
    guess[:1] = IGNORED
    return ids, guess


def make_collator(tokenizer: Any) -> Any:
    """Return the function that pads pieces and their targets to a batch."""
    padding = Padding.from_tokenizer(tokenizer)

    def collate(pieces: list[dict[str, Any]]) -> dict[str, Any]:
        batch = pad_pieces(pieces, padding)
        labels = torch.full_like(batch["input_ids"], IGNORED)
        targets = np.concatenate([piece["labels"] for piece in pieces])
        labels[batch["attention_mask"].bool()] = torch.from_numpy(targets)
        indices = torch.tensor([piece[INDICES] for piece in pieces])
        return batch | {"labels": labels, INDICES: indices}

    return collate


def make_token_loss(shifted: bool) -> Any:
    """Return Trainer's `compute_loss_func`: mean cross-entropy over the step's target tokens.

    `shifted`: the output at each token predicts the next one.
    """

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None, weights: Any = None) -> Any:
        total, count = sum_token_losses(outputs.logits, labels, shifted)
        return total / max(1, count if num_items_in_batch is None else int(num_items_in_batch))

    return loss


def sum_token_losses(logits: Any, labels: Any, shifted: bool) -> tuple[Any, int]:
    """Return the summed loss over a batch's target tokens, and their number."""
    if shifted:
        logits, labels = logits[:, :-1], labels[:, 1:]
    is_target = labels != IGNORED
    total = F.cross_entropy(logits[is_target].float(), labels[is_target], reduction="sum")
    return total, int(is_target.sum())
