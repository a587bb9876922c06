"""Continued pre-training: language modelling on unlabelled texts before fine-tuning.

Gururangan et al. (2020): an encoder that has read the task's own texts learns the task better. It
reads the texts of the training rows (of a fold only its training part) and the pre-training texts
that `split` wrote, none of which occurs in a held-out row.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.core.params import Recipe
from foldline.core.params.training import AVERAGES
from foldline.core.stage import say
from foldline.encoders.model_sizes import max_positions
from foldline.models import device
from foldline.models.interface import Job
from foldline.models.neural.callbacks import ProgressBar
from foldline.models.neural.dataset import TokenizedRows
from foldline.models.neural.language_model import copy_encoder, load_language_model
from foldline.models.neural.learning_rate import suggest_pretraining_lr
from foldline.models.neural.masking import (
    PretrainingDataset,
    Task,
    make_collator,
    make_token_loss,
    mask_tokens,
    predict_next,
    sum_token_losses,
)
from foldline.models.neural.precision import fast_float32
from foldline.models.neural.ragged_array import RaggedArray
from foldline.models.neural.trainer import TextTrainer
from foldline.models.neural.training import train_within_memory, training_arguments
from foldline.models.text_encoding import Columns

HELD_OUT_SHARE = 0.05  # of the texts, for the perplexity
TENTH = 10  # first and last loss are means over a tenth of the steps
BATCH = 64
# Options of fine-tuning, switched off.
FINE_TUNING_ONLY: dict[str, Any] = {
    "optimizer": "adamw",
    "schedule": "linear",
    "accumulation": 1,
    "layer_decay": 1.0,
    "rdrop": 0.0,
    "contrastive": 0.0,
    "dropout_samples": 1,
    "adversarial": "none",
    **AVERAGES,
}


def pretrain(job: Job, tokenizer: Any, model: Any) -> dict[str, float]:
    """Pre-train the encoder of `model` on the job's texts, in place.

    Returns texts, steps, first and last loss, and the perplexity on a held-out twentieth of the
    texts: of the masked tokens, or of each next token.

    Raises:
        FoldlineError: if the architecture does not fit the objective, or reads fewer tokens.
    """
    options = job.recipe.pretrain
    if not options.epochs:
        return {}
    longest = max_positions(model)
    if longest and options.max_length > longest:
        raise FoldlineError(
            f"pretrain.max_length={options.max_length} is more than the {longest} tokens that the "
            f"model reads; set it to {longest} or less"
        )
    pretraining_job = replace(
        job,
        recipe=_pretraining_recipe(job.recipe, model),
        checkpoint_folder=job.checkpoint_folder / "pretrain",
    )
    device.set_seed(pretraining_job.recipe.seed)
    learner, shifted = load_language_model(job.recipe, model)
    task = predict_next if shifted else mask_tokens(tokenizer, options.mask)
    texts = collect_texts(job)
    training_rows, held_out_rows = (
        _tokenise_texts(tokenizer, part, options.max_length)
        for part in _split_texts(texts, pretraining_job)
    )
    if not training_rows.lengths:
        raise FoldlineError("pretrain: no text has a token to learn; set pretrain.epochs to 0")
    with device.deterministic(job.recipe.train), fast_float32():
        log = _train(
            pretraining_job,
            tokenizer,
            learner,
            PretrainingDataset(training_rows, task, pretraining_job.recipe.seed),
            shifted,
        )
        perplexity_ = perplexity(
            learner, tokenizer, held_out_rows, task, pretraining_job.recipe.seed, shifted
        )
    copy_encoder(model, learner)
    device.set_seed(job.recipe.seed)  # as a resumed training, which skips pre-training, has it
    summary = _summarise(log, len(texts), perplexity_)
    say(
        f"pre-trained on {len(texts)} texts: loss {summary['first_loss']:.3f} to "
        f"{summary['last_loss']:.3f}, perplexity {perplexity_:.1f}"
    )
    return summary | _report_test_texts(job)


def collect_texts(job: Job) -> dict[str, str]:
    """Return each text once, sorted, with the id of a row that contains it.

    Augmented copies are left out: they only repeat their sources with noise.
    """
    rows = job.train
    if "source_id" in rows.columns:
        rows = rows[rows["source_id"] == rows["id"]]
    texts: dict[str, str] = {}
    for table in (rows, job.pretraining_texts):
        for name in {"text", "text_pair"} & set(table.columns):
            for text, id_ in zip(table[name].tolist(), table["id"].tolist(), strict=True):
                if text.strip():
                    texts[text] = min(id_, texts.get(text, id_))
    return dict(sorted(texts.items()))


def perplexity(
    learner: Any, tokenizer: Any, rows: TokenizedRows, task: Task, seed: int, shifted: bool
) -> float:
    """Return the exponential of the mean loss of the target tokens, NaN if there are none."""
    pieces, collate, total, count = (
        PretrainingDataset(rows, task, seed),
        make_collator(tokenizer),
        0.0,
        0,
    )
    learner.eval()
    with torch.inference_mode():
        for start in range(0, len(pieces), BATCH):
            indices = range(start, min(start + BATCH, len(pieces)))
            batch = {
                k: v.to(learner.device) for k, v in collate([pieces[p] for p in indices]).items()
            }
            labels, _ = batch.pop("labels"), batch.pop("indices")
            loss, tokens = sum_token_losses(learner(**batch).logits, labels, shifted)
            total, count = total + float(loss), count + tokens
    return math.exp(min(total / count, 700.0)) if count else math.nan


class _EpochCallback(TrainerCallback):
    """Tells the dataset the epoch, which seeds its masks."""

    def __init__(self, pieces: PretrainingDataset) -> None:
        self.pieces = pieces

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.pieces.epoch = 1 + int(state.epoch or 0.0)  # fractional in a resumed training


def _train(
    job: Job, tokenizer: Any, learner: Any, pieces: PretrainingDataset, shifted: bool
) -> list[dict[str, Any]]:
    def make(cuts: int) -> TextTrainer:
        trainer = TextTrainer(
            recipe=job.recipe,
            loss=make_token_loss(shifted),
            step_rows=job.recipe.batch_size,
            compares_rows=True,
            model=learner,
            args=training_arguments(job, learner, evaluate=False, cuts=cuts),
            train_dataset=pieces,
            data_collator=make_collator(tokenizer),
            callbacks=[_EpochCallback(pieces)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(ProgressBar(trainer.speed, 1.0, "pretrain"))
        return trainer

    return train_within_memory(job, learner, make).state.log_history


def _pretraining_recipe(recipe: Recipe, model: Any) -> Recipe:
    """Return the recipe of a plain training of `model` with the options of `pretrain`."""
    options = recipe.pretrain
    changes = {
        "seed": derive_seed(recipe.seed, "pretrain") % 2**31,
        "lr": suggest_pretraining_lr(recipe, model) if options.lr == "auto" else options.lr,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "max_length": options.max_length,
        "train": recipe.train.model_copy(update=FINE_TUNING_ONLY),
    }
    return recipe.model_copy(update=changes)


def _split_texts(texts: dict[str, str], job: Job) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts to train on, and a held-out twentieth (at least one of two or more)."""
    names = list(texts)
    count = min(max(1, round(HELD_OUT_SHARE * len(names))), len(names) - 1)
    held_out = set(np.argsort(rank_keys(job.recipe.seed, names), kind="stable")[:count].tolist())
    training = {t: texts[t] for index, t in enumerate(names) if index not in held_out}
    return training, {t: texts[t] for index, t in enumerate(names) if index in held_out}


def _tokenise_texts(tokenizer: Any, texts: dict[str, str], max_length: int) -> TokenizedRows:
    """Cut texts into pieces of `max_length` tokens, covering all of each text."""
    columns: Columns = {name: [] for name in ("input_ids", "attention_mask")}
    piece_rows: list[int] = []
    overflow = {"return_overflowing_tokens": True} if tokenizer.is_fast else {}
    for row, text in enumerate(texts):
        encoded = tokenizer([text], truncation=True, max_length=max_length, **overflow)
        encoded.pop("overflow_to_sample_mapping", None)
        non_empty = [i for i, ids in enumerate(encoded["input_ids"]) if ids]
        piece_rows += [row] * len(non_empty)
        for name, values in encoded.items():
            columns.setdefault(name, []).extend(list(values[i]) for i in non_empty)
    kept_ = {name: RaggedArray.from_lists(values) for name, values in columns.items()}
    return TokenizedRows(
        kept_, np.zeros(len(piece_rows)), np.array(piece_rows, dtype=int), list(texts.values())
    )


def _summarise(log: list[dict[str, Any]], texts: int, perplexity: float) -> dict[str, float]:
    losses = [entry["loss"] for entry in log if "loss" in entry]
    part = max(1, len(losses) // TENTH)
    return {
        "texts": float(texts),
        "steps": float(len(losses)),
        "first_loss": float(np.mean(losses[:part])),
        "last_loss": float(np.mean(losses[-part:])),
        "perplexity": perplexity,
    }


def _report_test_texts(job: Job) -> dict[str, float]:
    """Report the number of test texts used."""
    count = (
        int((job.pretraining_texts["part"] == "test").sum()) if len(job.pretraining_texts) else 0
    )
    if not count:
        return {}
    say(f"note: pre-trained on texts of {count} test rows, without their labels (pretrain.test)")
    return {"test_texts": float(count)}
