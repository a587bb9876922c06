"""Train a transformer with Trainer: best checkpoint, early stopping, exact resume."""

import sys
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm import tqdm
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from foldline.frame.errors import FoldlineError
from foldline.modeling.fitted import Job
from foldline.modeling.neural.batching import sampler
from foldline.modeling.neural.checkpoints import last_checkpoint
from foldline.modeling.neural.losses import loss_for

Rows = tuple[dict[str, list[list[int]]], np.ndarray]


class Encoded(Dataset[dict[str, Any]]):
    """Token ids and targets, in memory."""

    def __init__(self, rows: Rows) -> None:
        self.columns, self.target = rows

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.target)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Give one row as the collator wants it."""
        return {name: v[index] for name, v in self.columns.items()} | {"labels": self.target[index]}


class BucketTrainer(Trainer):
    """Trainer over batches of similar length."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return sampler([len(ids) for ids in rows.columns["input_ids"]], self.args)


class Progress(TrainerCallback):
    """A bar with loss and time left; stops a run whose loss is no number any more."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar where a resumed run goes on."""
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="train",
            unit="step",
            file=sys.stderr,
            mininterval=2.0,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move on."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show the loss of a step and of the validation rows."""
        logs = logs or {}
        shown = {k: f"{logs[k]:.3f}" for k in ("loss", "eval_loss") if k in logs}
        self.bar.set_postfix(shown, refresh=False)
        if not np.isfinite(logs.get("loss", 0.0)) or not np.isfinite(logs.get("eval_loss", 0.0)):
            self.bar.close()
            raise FoldlineError(_diverged(state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()


def train(
    job: Job,
    tokenizer: Any,
    model: Any,
    rows: Rows,
    valid: Rows,
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Train `model` in place and leave it at its best epoch by validation loss.

    Numbers are learnt in standard units, which are then put into the last layer, so that the
    saved model speaks the label's own. Gives the history by optimiser step, and a summary; their
    losses of numbers are mean squared errors in the label's units.
    """
    head = _head(model) if job.labels.task == "regression" else None
    mean, spread = _scale(head, rows[1])
    data, held = (Encoded(_scaled(part, mean, spread)) for part in (rows, _by_length(valid)))
    trainer = BucketTrainer(
        model=model,
        args=_arguments(job, evaluate=len(held) > 0),
        train_dataset=data,
        eval_dataset=held if len(held) else None,
        data_collator=_collator(tokenizer),
        compute_loss_func=loss_for(job.labels, rows[1], job.recipe.train),
        callbacks=[Progress()],
    )
    trainer.remove_callback(PrinterCallback)
    if len(held):
        trainer.add_callback(EarlyStoppingCallback(job.recipe.train.patience))
    trainer.train(resume_from_checkpoint=last_checkpoint(job.scratch))
    # Mixed precision stays wrapped around `forward` otherwise, and a loaded model has none.
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    _finish(model, head, mean, spread, trainer.state.global_step)
    best = trainer.state.best_metric
    summary = {
        "steps": float(trainer.state.global_step),
        "epochs": float(trainer.state.epoch or 0.0),
        "best_valid_loss": np.nan if best is None else float(best) * spread**2,
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }
    return _history(trainer.state.log_history, spread**2), summary


def _arguments(job: Job, evaluate: bool) -> TrainingArguments:
    recipe, options = job.recipe, job.recipe.train
    every = "epoch" if evaluate else "no"
    arguments = TrainingArguments(
        output_dir=str(job.scratch),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=options.accumulation,
        learning_rate=recipe.lr,
        lr_scheduler_type=_SCHEDULES[options.schedule],
        warmup_steps=options.warmup,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        bf16=options.precision == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        eval_strategy=every,
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=evaluate,
        metric_for_best_model="loss" if evaluate else None,
        greater_is_better=False if evaluate else None,
        prediction_loss_only=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        # Else patience is counted from nothing again when a training goes on.
        restore_callback_states_from_checkpoint=True,
    )
    if arguments.n_gpu > 1:
        # One process uses one GPU: replicas in threads would scale the loss by their number.
        arguments._n_gpu = 1
    return arguments


_SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def _collator(tokenizer: Any) -> Any:
    def collate(rows: list[dict[str, Any]]) -> Any:
        target = torch.as_tensor(np.array([row["labels"] for row in rows]))
        batch = tokenizer.pad(
            [{k: v for k, v in row.items() if k != "labels"} for row in rows], return_tensors="pt"
        )
        return dict(batch) | {"labels": target}

    return collate


def _history(log: list[dict[str, Any]], unit: float) -> list[dict[str, Any]]:
    """Give a row a step: loss, learning rate, gradient norm, and at epochs the validation loss."""
    rows: dict[int, dict[str, Any]] = {}
    names = {"loss": "loss", "learning_rate": "lr", "grad_norm": "grad_norm"} | {
        "eval_loss": "valid_loss"
    }
    for entry in log:
        row = rows.setdefault(entry["step"], {"step": entry["step"]})
        for key in names.keys() & entry.keys():
            row[names[key]] = entry[key] * (unit if key.endswith("loss") else 1.0)
    return [rows[step] for step in sorted(rows) if len(rows[step]) > 1]


def _by_length(rows: Rows) -> Rows:
    """Sort rows by length: a mean over them pads less and is the same."""
    columns, target = rows
    order = sorted(range(len(target)), key=lambda i: len(columns["input_ids"][i]))
    return {name: [v[i] for i in order] for name, v in columns.items()}, target[order]


def _head(model: Any) -> Any:
    """Give the layer that makes the one output."""
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == 1]
    return linear[-1] if linear else None


def _scale(head: Any, target: np.ndarray) -> tuple[float, float]:
    """Give the mean and the spread that the head puts back; without a bias, no mean (LLaMA)."""
    if head is None:
        return 0.0, 1.0
    if head.bias is None:
        return 0.0, float(np.sqrt((target**2).mean())) or 1.0
    return float(target.mean()), float(target.std()) or 1.0


def _scaled(rows: Rows, mean: float, spread: float) -> Rows:
    if rows[1].dtype.kind != "f":  # class codes
        return rows
    return rows[0], ((rows[1] - mean) / spread).astype(np.float32)


def _finish(model: Any, head: Any, mean: float, spread: float, step: int) -> None:
    """Put the units of the label into the head, and refuse weights that are no numbers."""
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        raise FoldlineError(_diverged(step))
    if head is not None:
        with torch.no_grad():  # y = spread * z + mean
            head.weight.mul_(spread)
            if head.bias is not None:
                head.bias.mul_(spread).add_(mean)


def _diverged(step: int) -> str:
    return (
        f"training diverged: the loss is not finite at step {step}; "
        "lower lr, or train.max_grad_norm, or use train.precision=float32"
    )
