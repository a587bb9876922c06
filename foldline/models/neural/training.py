"""Training of a transformer with Trainer: best checkpoint, early stopping, exact resume."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate.utils.memory import should_reduce_batch_size
from transformers import EarlyStoppingCallback, PrinterCallback, TrainingArguments

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.core.stage import say
from foldline.models.interface import Job
from foldline.models.neural.callbacks import (
    ProgressBar,
    SampleCallback,
    TrackerCallback,
    format_divergence,
)
from foldline.models.neural.checkpoints import PeriodicCheckpoint, find_last_checkpoint
from foldline.models.neural.collectives import count_processes, gather_parameters
from foldline.models.neural.dataset import TokenDataset, TokenizedRows, make_collator
from foldline.models.neural.divergence import DivergenceDetector
from foldline.models.neural.learning_rate import resolve_lr
from foldline.models.neural.long_text import make_reader
from foldline.models.neural.losses import make_loss
from foldline.models.neural.precision import fast_float32, resolve_precision
from foldline.models.neural.snapshots import SnapshotWriter, read_snapshots
from foldline.models.neural.soup import train_soup
from foldline.models.neural.target_scaling import TargetScaling
from foldline.models.neural.trainer import TextTrainer
from foldline.models.neural.training_log import (
    TrainingResult,
    build_history,
    collect_samples,
    step_speeds,
    summarise,
)
from foldline.models.neural.validation_metric import (
    first_output,
    greater_is_better,
    make_compute_metrics,
)

VALID_BATCH = 64
CUTS = "cuts.json"  # in the folder of the checkpoints


class OutOfGroupMemoryError(Exception):
    """Memory ran out in one of several processes: all start again with smaller batches."""


def train(
    job: Job,
    tokenizer: Any,
    model: Any,
    rows: TokenizedRows,
    valid: TokenizedRows,
    predict: Callable[[], np.ndarray],
) -> TrainingResult:
    """Train `model` in place and leave it at its best epoch by the validation rows.

    With `train.snapshots` that is the last cycle's end, with `train.soup` the mean of several.
    Regression targets are standardised; the scaling is then folded into the head, so that the saved
    model predicts in the label's units. Losses are reported in those units too. `predict` is called
    after each epoch for the sample predictions.
    """
    scaling = TargetScaling.fit(model, rows.target, job.labels.task)
    loss_unit = scaling.loss_unit(job.recipe.train.loss)
    train_rows, valid_rows = (
        part.standardise(scaling.mean, scaling.std) for part in (rows, valid.sort_by_length())
    )
    inputs = (tokenizer, model, train_rows, valid_rows)

    def make(own: Job, cuts: int) -> TextTrainer:
        trainer = make_trainer(own, *inputs, cuts, loss_unit=loss_unit)
        trainer.add_callback(
            DivergenceDetector(job.labels, job.recipe.train.warmup, trainer.describe_rows)
        )
        trainer.add_callback(TrackerCallback(own.tracker, loss_unit))
        if own.sample_ids and len(valid_rows.target):
            trainer.add_callback(SampleCallback(lambda: scaling.std * predict() + scaling.mean))
        if own.recipe.train.snapshots > 1:
            trainer.add_callback(SnapshotWriter(model, own.recipe.train, own.checkpoint_folder))
        return trainer

    def train_once(own: Job) -> TrainingResult:
        with fast_float32(), _existing_objects_frozen():
            trainer = train_within_memory(own, model, partial(make, own))
        gather_parameters(model)
        if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
            raise FoldlineError(format_divergence("model", trainer.state.global_step))
        return _make_result(own, trainer, loss_unit)

    if job.recipe.train.soup > 1:
        score = partial(_score, job, inputs, loss_unit) if len(valid_rows.target) else None
        result = train_soup(job, model, train_once, score)
    else:
        result = train_once(job)
    snapshots = read_snapshots(job, model)
    for own in (model, *snapshots):
        scaling.fold_into_head(own)
    return replace(result, snapshots=snapshots)


def _make_result(job: Job, trainer: TextTrainer, loss_unit: float) -> TrainingResult:
    """Return the result of a training by what its trainer has logged."""
    options, log = job.recipe.train, trainer.state.log_history
    run_info: dict[str, Any] = {
        "precision": resolve_precision(options.precision),
        "epochs": trainer.speed.epochs,
    }
    if count_processes() > 1:
        run_info["distributed"] = options.distributed.model_dump()
    return TrainingResult(
        build_history(log, loss_unit),
        summarise(trainer.state, trainer.model, loss_unit, options.metric),
        run_info,
        collect_samples(log),
        step_speeds(log),
    )


def _score(
    job: Job, inputs: tuple[Any, Any, TokenizedRows, TokenizedRows], loss_unit: float
) -> float:
    """Return the metric of the validation rows by which a training is stopped."""
    metric = job.recipe.train.metric
    with fast_float32(), _existing_objects_frozen():
        trainer = make_trainer(job, *inputs, loss_unit=loss_unit)
        found = trainer.evaluation_loop(trainer.get_eval_dataloader(), "soup").metrics
        trainer.release()
    return float(found[f"eval_{metric}"]) * (loss_unit if metric == "loss" else 1.0)


@contextmanager
def _existing_objects_frozen() -> Iterator[None]:
    """Exclude existing objects from garbage collection inside the block.

    The libraries hold a million objects, and Trainer collects garbage as it starts: 0.2 seconds.
    """
    frozen_before = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen_before:
            gc.unfreeze()


def make_trainer(
    job: Job,
    tokenizer: Any,
    model: Any,
    train_rows: TokenizedRows,
    valid_rows: TokenizedRows,
    cuts: int = 1,
    kind: type[TextTrainer] = TextTrainer,
    loss_unit: float = 1.0,
) -> TextTrainer:
    """Return the trainer of a recipe over standardised rows; batches are cut into `cuts` parts."""
    job = replace(job, recipe=resolve_lr(job.recipe, model))
    trainer = kind(
        recipe=job.recipe,
        loss=make_loss(job.labels, train_rows.target, job.recipe.train, job.recipe.components),
        step_rows=job.recipe.batch_size * job.recipe.train.accumulation,
        compares_rows=job.recipe.train.contrastive > 0,
        model=model,
        args=training_arguments(job, model, len(valid_rows.target) > 0, cuts),
        train_dataset=TokenDataset(train_rows),
        eval_dataset=TokenDataset(valid_rows) if len(valid_rows.target) else None,
        data_collator=make_collator(tokenizer),
        compute_metrics=make_compute_metrics(
            job.recipe.train.reported_metric(job.labels.task),
            valid_rows,
            make_reader(job.recipe),
            job.labels.task,
        ),
        preprocess_logits_for_metrics=first_output,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressBar(trainer.speed, loss_unit))
    if len(valid_rows.target) and job.recipe.train.keeps_best_epoch:
        trainer.add_callback(EarlyStoppingCallback(job.recipe.train.patience))
    return trainer


def train_within_memory(job: Job, model: Any, make: Callable[[int], TextTrainer]) -> TextTrainer:
    """Train; when memory runs out, halve the batches and keep the rows per step.

    Raises:
        OutOfGroupMemoryError: if memory runs out in one of several processes.
    """
    initial_weights = {
        name: value.detach().cpu().clone() for name, value in model.state_dict().items()
    }
    cuts = read_cuts(job)
    while True:
        trainer = make(cuts)
        trainer.add_callback(PeriodicCheckpoint())
        try:
            trainer.train(resume_from_checkpoint=find_last_checkpoint(job.checkpoint_folder))
            if trainer.averages:
                trainer.averages.apply()
            return trainer
        except RuntimeError as error:
            if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
                raise
            cuts, note = _next_cuts(job, cuts, trainer.state.global_step + 1)
            if count_processes() > 1:
                write_json(job.checkpoint_folder / CUTS, cuts)
                raise OutOfGroupMemoryError(note) from error
            say(note)
        finally:
            trainer.release()
        del trainer
        model.zero_grad()
        model.load_state_dict(initial_weights)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def read_cuts(job: Job) -> int:
    """Return into how many parts a batch is cut since memory ran out in a group of processes."""
    file = job.checkpoint_folder / CUTS
    return int(read_json(file)) if count_processes() > 1 and file.exists() else 1


def _next_cuts(job: Job, cuts: int, step: int) -> tuple[int, str]:
    """Return into how many parts a batch is cut next, and a note.

    Raises:
        FoldlineError: if it cannot be cut further.
    """
    size = job.recipe.batch_size // count_processes()
    hint = "lower max_length, or take a smaller model"
    if cuts >= size:
        raise FoldlineError(f"memory ran out at step {step} over a single row: {hint}")
    if job.recipe.train.contrastive:
        raise FoldlineError(
            f"memory ran out at step {step}, and train.contrastive compares the rows of a whole "
            f"batch: lower batch_size, {hint}"
        )
    cuts = min(2 * cuts, size)
    rows = size * job.recipe.train.accumulation
    return cuts, (
        f"memory ran out at step {step}: continuing with {cuts} smaller batches for each; a step "
        f"still has {rows} rows"
    )


def training_arguments(job: Job, model: Any, evaluate: bool, cuts: int) -> TrainingArguments:
    """Return Trainer's arguments for a job whose batches are cut into `cuts` parts."""
    recipe, options = job.recipe, job.recipe.train
    keeps_best = evaluate and options.keeps_best_epoch
    arguments = TrainingArguments(
        output_dir=str(job.checkpoint_folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=-(-recipe.batch_size // cuts),
        per_device_eval_batch_size=max(1, VALID_BATCH // cuts),
        gradient_accumulation_steps=options.accumulation * cuts,
        learning_rate=recipe.peak_lr,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm or np.inf,
        **_sharding(job, model),
        # Models have parameters that a task leaves unused; and torch then keeps the order of its
        # sums over more than two processes, which a resumed training would change.
        ddp_find_unused_parameters=True,
        bf16=resolve_precision(options.precision) == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch" if evaluate else "no",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=keeps_best,
        metric_for_best_model=options.metric if keeps_best else None,
        greater_is_better=greater_is_better(options.metric, recipe.task) if keeps_best else None,
        label_names=["labels"],
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        # Otherwise a resumed training counts patience from 0.
        restore_callback_states_from_checkpoint=True,
    )
    if arguments.n_gpu > 1:
        # One GPU a process: DataParallel would scale the loss by the number of replicas.
        arguments._n_gpu = 1
    return arguments


def _sharding(job: Job, model: Any) -> dict[str, Any]:
    """Return Trainer's arguments for FSDP, which only the processes of a group take."""
    if count_processes() == 1 or job.recipe.train.distributed.strategy == "ddp":
        return {}
    return {"fsdp": True, "fsdp_config": {"transformer_layer_cls_to_wrap": _layer_classes(model)}}


def _layer_classes(model: Any) -> list[str]:
    """Return the names of the classes that FSDP shards one by one.

    Accelerate shards the input embeddings itself, and fails where a module around them is sharded.
    """
    embeddings = model.get_input_embeddings()
    around = {type(m).__name__ for m in model.modules() if embeddings in m.modules()}
    return sorted(set(model._no_split_modules or ()) - around)
