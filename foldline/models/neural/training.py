"""Train a transformer with Trainer: best checkpoint, early stopping, exact resume."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from accelerate.utils.memory import should_reduce_batch_size
from transformers import EarlyStoppingCallback, PrinterCallback, TrainingArguments

from foldline.core.errors import FoldlineError
from foldline.core.stage import say
from foldline.models.interface import Job
from foldline.models.neural.callbacks import Progress, Samples, Told, diverged
from foldline.models.neural.checkpoints import Regularly, last_checkpoint
from foldline.models.neural.dataset import Encoded, Rows, collator
from foldline.models.neural.divergence import Explosion
from foldline.models.neural.long_text import long_text
from foldline.models.neural.losses import loss_for
from foldline.models.neural.precision import float32_by_avx512, resolved
from foldline.models.neural.target_scaling import Units
from foldline.models.neural.trainer import TextTrainer
from foldline.models.neural.training_log import Trained, history, sampled, speeds, summary
from foldline.models.neural.validation_metric import HIGHER, first_output, scorer

VALID_BATCH = 64


def train(
    job: Job,
    tokenizer: Any,
    model: Any,
    rows: Rows,
    valid: Rows,
    predict: Callable[[], np.ndarray],
) -> Trained:
    """Train `model` in place and leave it at its best epoch by the validation rows.

    Numbers are learnt in standard units, which are then put into the last layer, so that the
    saved model speaks the label's own. Gives the history by optimiser step, a summary, how it ran,
    and what `predict` gave after each epoch; losses of numbers are in the label's units.
    """
    units = Units.of(model, rows.target, job.labels.task)
    loss_unit = units.of_loss(job.recipe.train.loss)
    samples = Samples(lambda: units.spread * predict() + units.mean) if job.shown else None
    data, held = (part.in_units(units.mean, units.spread) for part in (rows, valid.by_length()))

    def make(cuts: int) -> TextTrainer:
        trainer = trainer_for(job, tokenizer, model, data, held, cuts, loss_unit=loss_unit)
        trainer.add_callback(Explosion(job.labels, job.recipe.train.warmup, trainer.where))
        trainer.add_callback(Told(job.tracker, loss_unit))
        if samples and len(held.target):
            trainer.add_callback(samples)
        return trainer

    with float32_by_avx512(), _what_stands_left_alone():
        trainer = within_memory(job, model, make)
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        raise FoldlineError(diverged("model", trainer.state.global_step))
    units.put_into(model)
    log = trainer.state.log_history
    numbers = summary(trainer.state, model, loss_unit, job.recipe.train.metric)
    ran = {"precision": resolved(job.recipe.train.precision), "epochs": trainer.speed.epochs}
    return Trained(history(log, loss_unit), numbers, ran, sampled(log), speeds(log))


@contextmanager
def _what_stands_left_alone() -> Iterator[None]:
    """Spare the search for garbage all objects that are there already.

    The libraries hold a million, and Trainer has each looked at as it starts: .2 seconds.
    """
    frozen = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()


def trainer_for(
    job: Job,
    tokenizer: Any,
    model: Any,
    data: Rows,
    held: Rows,
    cuts: int = 1,
    kind: type[TextTrainer] = TextTrainer,
    loss_unit: float = 1.0,
) -> TextTrainer:
    """Give the trainer of a recipe over rows in standard units; batches are cut in `cuts`."""
    trainer = kind(
        recipe=job.recipe,
        loss=loss_for(job.labels, data.target, job.recipe.train, job.recipe.components),
        step_rows=job.recipe.batch_size * job.recipe.train.accumulation,
        together=job.recipe.train.contrastive > 0,
        model=model,
        args=arguments(job, len(held.target) > 0, cuts),
        train_dataset=Encoded(data),
        eval_dataset=Encoded(held) if len(held.target) else None,
        data_collator=collator(tokenizer),
        compute_metrics=scorer(
            job.recipe.train.followed(job.labels.task),
            held,
            long_text(job.recipe),
            job.labels.task,
        ),
        preprocess_logits_for_metrics=first_output,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Progress(trainer.speed, loss_unit))
    if len(held.target):
        trainer.add_callback(EarlyStoppingCallback(job.recipe.train.patience))
    return trainer


def within_memory(job: Job, model: Any, make: Callable[[int], TextTrainer]) -> TextTrainer:
    """Train; where memory runs out, go on with batches cut in two, and the same rows a step."""
    before = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    cuts = 1
    while True:
        trainer = make(cuts)
        trainer.add_callback(Regularly())
        try:
            trainer.train(resume_from_checkpoint=last_checkpoint(job.scratch))
            if trainer.averages:
                trainer.averages.settle()
            return trainer
        except RuntimeError as error:
            if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
                raise
            cuts = _smaller(job, cuts, trainer.state.global_step + 1)
        finally:
            trainer.release()
        del trainer
        model.zero_grad()
        model.load_state_dict(before)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _smaller(job: Job, cuts: int, step: int) -> int:
    """Give into how many parts a batch is cut next, and say so.

    Raises:
        FoldlineError: where it cannot be cut.
    """
    size, hint = job.recipe.batch_size, "lower max_length, or take a smaller model"
    if cuts >= size:
        raise FoldlineError(f"memory ran out at step {step} over a single row: {hint}")
    if job.recipe.train.contrastive:
        raise FoldlineError(
            f"memory ran out at step {step}, and train.contrastive compares the rows of a whole "
            f"batch: lower batch_size, {hint}"
        )
    cuts = min(2 * cuts, size)
    rows = size * job.recipe.train.accumulation
    say(
        f"memory ran out at step {step}: going on in {cuts} batches for one; a step still has "
        f"{rows} rows"
    )
    return cuts


def arguments(job: Job, evaluate: bool, cuts: int) -> TrainingArguments:
    """Give Trainer's arguments for a job whose batches are cut into so many parts."""
    recipe, options = job.recipe, job.recipe.train
    made = TrainingArguments(
        output_dir=str(job.scratch),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=-(-recipe.batch_size // cuts),
        per_device_eval_batch_size=max(1, VALID_BATCH // cuts),
        gradient_accumulation_steps=options.accumulation * cuts,
        learning_rate=recipe.lr,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm or np.inf,
        bf16=resolved(options.precision) == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch" if evaluate else "no",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=evaluate,
        metric_for_best_model=options.metric if evaluate else None,
        greater_is_better=options.metric in HIGHER if evaluate else None,
        label_names=["labels"],
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
    if made.n_gpu > 1:
        # One process uses one GPU: replicas in threads would scale the loss by their number.
        made._n_gpu = 1
    return made
