"""Trainer with our batches, losses, optimisers and methods, each off unless params enable it."""

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import Trainer
from transformers.training_args import ParallelMode

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.models.device import get_device
from foldline.models.neural.adversarial import (
    EmbeddingPerturbation,
    WeightPerturbation,
    synchronised_gradients,
)
from foldline.models.neural.allocator import retain_freed_memory
from foldline.models.neural.attention import first_token_only, training_attention
from foldline.models.neural.batching import make_sampler
from foldline.models.neural.callbacks import SpeedMeter, format_divergence
from foldline.models.neural.checkpoints import write_whole
from foldline.models.neural.collectives import count_processes, get_rank, wait_for_all
from foldline.models.neural.dataset import INDICES, NON_TOKENS, WEIGHTS
from foldline.models.neural.dropout import fast_dropout
from foldline.models.neural.losses import Loss
from foldline.models.neural.micro_batches import split_batch
from foldline.models.neural.objective import Objective
from foldline.models.neural.optimizers import make_optimizer
from foldline.models.neural.schedules import averaging_start, make_schedule
from foldline.models.neural.weight_averaging import WeightAverage

FSDP = "FSDP"  # accelerate's name
TINY = 1e-6  # torch adds it to the norm that divides the limit


class TextTrainer(Trainer):
    """Trainer over batches of similar length, with the options of a recipe.

    `compares_rows`: the loss compares the rows of a batch, so the batch is never split.
    """

    def __init__(
        self, recipe: Recipe, loss: Loss, step_rows: int, compares_rows: bool = False, **how: Any
    ) -> None:
        super().__init__(compute_loss_func=loss, **how)
        self.compares_rows = compares_rows
        self.recipe, self.step_rows, options = recipe, step_rows, recipe.train
        averaged = options.ema or options.swa
        self.averages = WeightAverage(self.model, options) if averaged else None
        if self.averages:
            self.add_callback(self.averages)
        self.objective: Objective = Objective(self.model, loss, options, recipe.task)
        self.embedding_perturbation: EmbeddingPerturbation | None = None
        self.weight_perturbation: WeightPerturbation | None = None
        if options.adversarial == "fgm":
            self.embedding_perturbation = EmbeddingPerturbation(
                self.model, options.adversarial_size
            )
        if options.adversarial == "awp":
            self.weight_perturbation = WeightPerturbation(self.model, options.adversarial_size)
        check_strategy(self.accelerator.distributed_type, recipe)
        self.speed = SpeedMeter()
        self.add_callback(self.speed)
        self.step_batches: list[dict[str, Any]] = []
        self.batches_done = 0
        self.original_forward = vars(self.model).get("forward")

    def release(self) -> None:
        """Remove what a training adds to the model.

        Accelerate's own way leaves a mark that would switch off mixed precision in the next
        training of the same model (as after an out-of-memory error), and a decorated `forward`.
        """
        self.objective.close()
        model: Any = self.model
        for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
            vars(model).pop(name, None)
        if self.original_forward is not None:
            model.forward = self.original_forward

    def train(self, *arguments: Any, **how: Any) -> Any:
        """Train with the fastest equivalent attention and dropout."""
        retain_freed_memory()
        if not self._single_process:  # otherwise all would drop the same positions of their rows
            torch.manual_seed(derive_seed(self.args.seed, "rank", get_rank()))
        with (
            training_attention(self.model, self.recipe),
            first_token_only(self.model),
            fast_dropout(),
        ):
            return super().train(*arguments, **how)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: nobody reads the count, and it takes a tenth of a small step."""
        return 0

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return make_sampler(rows.rows.lengths, self.args, self.step_rows)

    def create_optimizer(self, model: Any = None) -> Any:
        """Create the optimiser of the recipe."""
        model = model or self.model
        if self.optimizer is None:
            decayed = self.get_decay_parameter_names(model)
            self.optimizer = make_optimizer(model, decayed, self.recipe)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Create the schedule of the recipe."""
        options = self.recipe.train
        if self.lr_scheduler is None:
            optimizer_ = self.optimizer if optimizer is None else optimizer
            # Unwrapped, since torch's one-cycle does not accept accelerate's wrapper.
            self.lr_scheduler = make_schedule(
                getattr(optimizer_, "optimizer", optimizer_), options, num_training_steps
            )
            self._created_lr_scheduler = True
            if self.averages and options.swa:
                self.averages.start_step = averaging_start(options, num_training_steps)
        return self.lr_scheduler

    def get_batch_samples(self, *arguments: Any) -> Any:
        """Fetch the batches of the next optimiser step."""
        self.step_batches, items = super().get_batch_samples(*arguments)
        self.batches_done = 0
        return self.step_batches, items

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Train on one batch, with adversarial perturbations if they are enabled."""
        if self.weight_perturbation and self.batches_done == 0:
            self.weight_perturbation.apply(lambda: self._backward(model, num_items_in_batch))
        loss: Any = 0.0
        for part in self._split(inputs):
            if self.embedding_perturbation:
                with self.embedding_perturbation.record() as seen:
                    loss += super().training_step(model, part, num_items_in_batch)
                with self.embedding_perturbation.perturb(seen):
                    super().training_step(model, part, num_items_in_batch)
            else:
                loss += super().training_step(model, part, num_items_in_batch)
            self.speed.add(part["attention_mask"])
        self.batches_done += 1
        if self.weight_perturbation and self.batches_done == len(self.step_batches):
            self.weight_perturbation.restore()
        self._check_finite("loss", loss, [inputs])
        return loss

    def _split(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the parts that a batch is split into."""
        if self.compares_rows or self.args.device.type != "cpu" or not self._single_process:
            return [inputs]
        return split_batch(inputs)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the objective of a batch, and the model's outputs if `return_outputs`."""
        tokens = {k: v for k, v in inputs.items() if k not in NON_TOKENS}
        counts = inputs.get(WEIGHTS)
        loss, outputs = self.objective(model, tokens, inputs["labels"], num_items_in_batch, counts)
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *arguments: Any, **how: Any) -> dict[str, float]:
        """Evaluate, with averaged weights if they are kept."""
        with self._averaged_weights():
            return super().evaluate(*arguments, **how)

    def evaluation_loop(self, *arguments: Any, **how: Any) -> Any:
        """Evaluate; several processes compute the loss from the outputs of all rows.

        They fill their last batch with repeated rows, which Trainer leaves out of the outputs but
        not of the loss.
        """
        result = super().evaluation_loop(*arguments, **how)
        if not self._single_process and result.metrics and "eval_loss" in result.metrics:
            outputs = SimpleNamespace(logits=torch.as_tensor(result.predictions))
            loss = self.objective.loss(outputs, torch.as_tensor(result.label_ids))
            result.metrics["eval_loss"] = float(loss)
        return result

    def describe_rows(self, batches: list[dict[str, Any]] | None = None) -> str:
        """Return the rows of batches for a message; by default those of the last step."""
        batches = self.step_batches if batches is None else batches
        indices = [index for batch in batches for index in batch[INDICES].tolist()]
        data: Any = self.train_dataset
        return f", over the rows {listing(data.rows.row_ids(indices))}"

    def _clip_gradient(self) -> torch.Tensor:
        """Clip gradients as Trainer does, without its search for shards at each step.

        The fused optimiser divides gradients as it reads them, which saves a pass over all.
        Gradients within the limit stay as they are, where torch would multiply them by 1.
        """
        parameters, limit = self._parameters, self.args.max_grad_norm
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        ratio = (norm + TINY) / limit
        exceeds = not ratio <= 1
        optimizer: Any = getattr(self.optimizer, "optimizer", self.optimizer)  # accelerate wraps it
        if optimizer.defaults.get("fused"):
            optimizer.grad_scale = ratio if exceeds else None
        elif exceeds:
            torch.nn.utils.clip_grads_with_norm_(parameters, limit, norm)
        return norm

    @property
    def _single_process(self) -> bool:
        """Return whether this is the only training process."""
        alone = (ParallelMode.NOT_PARALLEL, ParallelMode.NOT_DISTRIBUTED)
        return self.args.parallel_mode in alone

    @cached_property
    def _parameters(self) -> list[torch.nn.Parameter]:
        """Return the model's parameters, cached: collecting them takes as long as clipping."""
        model: Any = self.model
        return list(model.parameters())

    def _clip_grad_norm(self, model: Any) -> Any:
        if self._single_process:
            norm = self._clip_gradient()
        else:
            clip: Any = super()._clip_grad_norm  # not typed
            norm = clip(model)
        self._check_finite("gradient", norm, self.step_batches)
        return norm

    def _save_checkpoint(self, *arguments: Any, **how: Any) -> None:
        with write_whole(Path(str(self.args.output_dir), f"checkpoint-{self.state.global_step}")):
            save: Any = super()._save_checkpoint  # not typed
            save(*arguments, **how)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        wait_for_all()  # the first process removes the last checkpoint next

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if not self.args.should_save:  # another process saves
            return
        self.speed.save(Path(output_dir))
        if self.averages:
            self.averages.save(Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint:
            self.speed.load(Path(checkpoint))
        if self.averages and checkpoint:
            self.averages.load(Path(checkpoint))

    def _load_best_model(self) -> None:
        super()._load_best_model()
        if self.averages:
            self.averages.load(Path(str(self.state.best_model_checkpoint)))

    def _averaged_weights(self) -> AbstractContextManager[None]:
        return self.averages.applied_temporarily() if self.averages else nullcontext()

    def _backward(self, model: Any, items: Any) -> None:
        """Compute the gradient of the whole step, equal in all processes."""
        *others, last = self.step_batches
        for batch in others:
            for part in self._split(batch):
                super().training_step(model, part, items)
        with synchronised_gradients(model):
            for part in self._split(last):
                super().training_step(model, part, items)

    def _check_finite(self, quantity: str, value: Any, batches: list[dict[str, Any]]) -> None:
        if not bool(torch.isfinite(torch.as_tensor(value)).all()):
            raise FoldlineError(
                format_divergence(quantity, self.state.global_step + 1, self.describe_rows(batches))
            )


def check_strategy(found: Any, recipe: Recipe) -> None:
    """Refuse a group of processes that accelerate runs in another way than the recipe says.

    It falls back to DDP without a word, as on a CPU.
    """
    strategy = recipe.train.distributed.strategy
    if count_processes() > 1 and (strategy == "fsdp") != (found.value == FSDP):
        raise FoldlineError(
            f"train.distributed.strategy: {strategy} was asked for, and accelerate runs "
            f"{found.value} on this machine, whose device is {get_device()}; FSDP needs a GPU for "
            "each process. Set strategy to ddp, or processes to 1"
        )
