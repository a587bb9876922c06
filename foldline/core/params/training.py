"""Training of a transformer."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from foldline.core.io.components import is_component
from foldline.core.params.base import Section
from foldline.core.params.value_types import (
    Count,
    LossComponent,
    OpenShare,
    Positive,
    check_code_hash,
)

Partial = Annotated[float, Field(ge=0, lt=1)]
FromZero = Annotated[float, Field(ge=0)]

# What each task may choose.
LOSSES = {
    "classification": ("cross_entropy", "focal", "ordinal"),
    "multilabel": ("cross_entropy", "focal"),
    "regression": ("mse", "mae", "huber"),
}
METRICS = {
    "classification": ("accuracy", "f1_macro"),
    "multilabel": ("accuracy", "f1_macro"),
    "regression": ("pearson", "spearman"),
}

# Averages over a training, of which one can be on; and their values that are off.
AVERAGES: dict[str, float] = {"ema": 0.0, "swa": 0.0, "snapshots": 1, "soup": 1}


class Distributed(Section):
    """Training of one transformer by several processes, each with a GPU or a share of the cores."""

    processes: Count
    """Each reads its share of every step's rows, so that batch_size stays the rows of a step; part
    of a result's identity, as it changes the order of sums."""
    strategy: Literal["ddp", "fsdp"]
    """`ddp`: each process holds the whole model; `fsdp`: each holds a part of it."""

    @model_validator(mode="after")
    def _shards_over_processes(self) -> Self:
        if self.strategy == "fsdp" and self.processes == 1:
            raise ValueError(
                "strategy: fsdp shards a model over several processes, and processes is 1; set "
                "processes to 2 or more, or strategy to ddp"
            )
        return self


class Train(Section):
    """Training of a transformer; 0, 1, all and none mean off."""

    loss: (
        Literal["auto", "cross_entropy", "focal", "ordinal", "mse", "mae", "huber"] | LossComponent
    )
    """`auto` is cross_entropy, for regression mse. `ordinal` takes the order of data.classes."""
    focal_gamma: FromZero
    huber_delta: Positive
    """Errors beyond it count linearly; in standard deviations of the target, above 0."""
    label_smoothing: Partial
    class_weights: Literal["none", "balanced"]
    optimizer: Literal["adamw", "adafactor", "lion", "sgd"]
    """lion wants an lr 3 to 10 times smaller and many steps; sgd one some 100 times larger."""
    schedule: Literal["constant", "linear", "cosine", "polynomial", "one_cycle"]
    power: Positive
    warmup: Partial
    weight_decay: FromZero
    max_grad_norm: FromZero
    accumulation: Count
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    trainable_layers: Literal["all", "head"] | Count
    reinit_layers: Annotated[int, Field(ge=0)]
    lora: Annotated[int, Field(ge=0)]
    """Rank of the matrices that are learnt beside frozen weights (Hu et al., 2022)."""
    lora_alpha: Positive
    lora_dropout: Partial
    rdrop: FromZero
    contrastive: Partial
    """For classification; it wants several rows of a class in each batch."""
    temperature: Positive
    dropout_samples: Count
    adversarial: Literal["none", "fgm", "awp"]
    adversarial_size: Positive
    """fgm: length of the change of a row's embeddings, in their standard deviations; awp: length
    of the change of each weight, in thousandths of its own."""
    ema: Partial
    """The average reaches over 1 / (1 - ema) steps, at most a tenth of all: 0.99 of 1,000."""
    swa: Partial
    """At a constant learning rate; 0 to below 1, with warmup at most 1."""
    snapshots: Count
    """The schedule restarts so often, and the models at the ends of the cycles predict together
    (Huang et al., 2017). All epochs are trained, so `metric` and `patience` have no effect."""
    soup: Count
    """So many models start from the same weights; by the validation score, some are averaged to
    one (Wortsman et al., 2022). Trains so many times as long."""
    soup_lr_spread: Annotated[float, Field(ge=1)]
    long_text: Literal["head", "tail", "head_tail", "window"]
    """`head_tail` keeps a quarter and three quarters; `window` reads all of the text in pieces.
    """
    window_overlap: OpenShare
    window_pooling: Literal["mean", "max"]
    metric: Literal["loss", "accuracy", "f1_macro", "pearson", "spearman"]
    """Of the validation rows, to stop by and to choose the epoch. `loss` ends early and keeps
    probabilities honest."""
    patience: Count
    precision: Literal["auto", "float32", "bfloat16"]
    """`auto` is bfloat16 where the machine has it. float32 is the default so that every machine
    gives the same score."""
    predict_precision: Literal["auto", "float32", "bfloat16"]
    """Of every prediction, and kept with the model. bfloat16 is 2 to 3 times as fast where the
    machine has it; the last digits differ."""
    threads: Literal["auto"] | Count
    """Of each process. `auto`: all cores that the process may use for kinds that run torch, 1 for
    the others; distributed.processes share them. The number changes the order of sums, so last
    digits; reports/train.json has it."""
    distributed: Distributed
    determinism: Literal["off", "seeded", "strict"]
    """Seeds are always fixed. `off` is fastest, `seeded` sums in a fixed order where the GPU can,
    `strict` stops where it cannot and uses plain attention."""
    trust_remote_code: Annotated[str | None, BeforeValidator(check_code_hash)]
    """A model that brings Python code of its own (`auto_map`) is refused; the message says the
    sha256 of that code. Setting it here runs that code on this machine, with all your rights."""

    @property
    def cpu_threads(self) -> int:
        """Return the number of threads of a process; a recipe has resolved `auto`."""
        if self.threads == "auto":
            raise ValueError("train.threads: auto is resolved by the recipe")
        return self.threads

    @property
    def keeps_best_epoch(self) -> bool:
        """Return whether the best epoch by `metric` is kept, and `patience` stops a training."""
        return self.snapshots == 1

    def reported_metric(self, task: str) -> str:
        """Return the validation metric beside the loss: `train.metric`, or the task's own."""
        from foldline.core.io.labels import MAIN  # pandas, which `foldline check` does without

        return MAIN[task] if self.metric == "loss" else self.metric

    @model_validator(mode="after")
    def _one_average(self) -> Self:
        enabled = [name for name, off in AVERAGES.items() if getattr(self, name) != off]
        if len(enabled) > 1:
            other, name = enabled[:2]
            raise ValueError(
                f"{name}: a training makes one average, and {other} is another; set {name} to "
                f"{AVERAGES[name]}, or {other} to {AVERAGES[other]}"
            )
        if self.swa and self.schedule == "one_cycle":
            raise ValueError(
                "swa: averages weights at a constant rate, and one_cycle ends near 0; set schedule "
                "to constant, linear, cosine or polynomial"
            )
        if self.swa + self.warmup > 1:
            raise ValueError(
                f"swa: warmup + swa must be at most 1 (found {self.warmup:g} + {self.swa:g}), as "
                "weights are averaged at a constant rate; lower one of them"
            )
        return self

    @model_validator(mode="after")
    def _restarts_cosine(self) -> Self:
        if self.snapshots > 1 and self.schedule != "cosine":
            raise ValueError(
                f"snapshots: are taken where schedule=cosine ends its cycles, and schedule is "
                f"{self.schedule}; set schedule to cosine, or snapshots to 1"
            )
        if self.snapshots > 1 and self.lora:
            raise ValueError(
                f"snapshots: are whole models, and lora={self.lora} merges the adapters of one; "
                "set lora to 0, or snapshots to 1"
            )
        return self

    @model_validator(mode="after")
    def _contrasts_whole_batches(self) -> Self:
        if self.contrastive and self.accumulation > 1:
            raise ValueError(
                "contrastive: compares the rows of whole batches, so it does not support "
                f"accumulation={self.accumulation}; set accumulation to 1"
            )
        return self

    @model_validator(mode="after")
    def _shares_batches(self) -> Self:
        processes = self.distributed.processes
        if self.contrastive and processes > 1:
            raise ValueError(
                "contrastive: compares the rows of whole batches, which "
                f"distributed.processes={processes} share; set contrastive to 0.0, or processes "
                "to 1"
            )
        return self

    @model_validator(mode="after")
    def _shards_weights(self) -> Self:
        """Refuse what needs whole weights, of which each process holds a part."""
        if self.distributed.strategy == "ddp":
            return self
        refused = {
            "ema": (self.ema > 0, "0.0"),
            "swa": (self.swa > 0, "0.0"),
            "snapshots": (self.snapshots > 1, "1"),
            "soup": (self.soup > 1, "1"),
            "adversarial": (self.adversarial == "awp", "fgm or none"),
            "lora": (self.lora > 0, "0"),
            "optimizer": (self.optimizer == "adafactor", "adamw, lion or sgd"),
        }
        for name, (is_refused, instead) in refused.items():
            if is_refused:
                raise ValueError(
                    f"{name}: {getattr(self, name)} needs whole weights, and "
                    "distributed.strategy=fsdp leaves each process a part of them; set "
                    f"{name} to {instead}, or strategy to ddp"
                )
        return self

    @model_validator(mode="after")
    def _adapts_whole_encoders(self) -> Self:
        if self.lora and self.trainable_layers != "all":
            raise ValueError(
                "lora: freezes the encoder and trains adapters, so "
                f"trainable_layers={self.trainable_layers} has no effect; set trainable_layers to "
                "all, or lora to 0"
            )
        if self.lora and self.reinit_layers:
            raise ValueError(
                f"lora: would freeze the {self.reinit_layers} reinitialised layers; set "
                "reinit_layers to 0, or lora to 0"
            )
        return self

    def check_task(self, task: str) -> None:
        """Refuse a loss, metric or method that does not support the task."""
        right = {"loss": ("auto", *LOSSES[task]), "metric": ("loss", *METRICS[task])}
        for key, value in (("loss", self.loss), ("metric", self.metric)):
            if value not in right[key] and not is_component(value):
                raise ValueError(
                    f"train.{key}: {value} is not for {task}; use {' or '.join(right[key])}"
                )
        if is_component(self.loss):
            self._check_own_loss(task)
        if task != "classification" and self.contrastive:
            raise ValueError(f"train.contrastive: needs one class a row; set it to 0.0 for {task}")
        for key, off in (("class_weights", "none"), ("label_smoothing", 0.0)):
            value = getattr(self, key)
            if task == "regression" and value != off:
                raise ValueError(f"train.{key}: {value} needs classes; set it to {off} for {task}")

    def _check_own_loss(self, task: str) -> None:
        """Refuse options that act inside of the library's own losses."""
        if self.label_smoothing:
            raise ValueError(
                f"train.label_smoothing: has no effect on {self.loss}; set it to 0.0, and smooth "
                "inside the loss"
            )
        if task == "multilabel" and self.class_weights != "none":
            raise ValueError(
                f"train.class_weights: has no effect on {self.loss} for multilabel; set it to "
                "none, and weigh inside the loss"
            )


class Pretrain(Section):
    """Language modelling on unlabelled texts, before a transformer is fine-tuned."""

    epochs: Annotated[int, Field(ge=0)]
    """Precision, threads, warmup, weight_decay and max_grad_norm are those of `train`."""
    objective: Literal["auto", "masked", "causal"]
    """`masked` for BERT and its like, `causal` for GPT-2, LLaMA and their like."""
    mask: OpenShare
    lr: Literal["auto"] | Positive
    """`auto`: 5e-4 for scratch, else by the size of the model, as lr."""
    batch_size: Count
    max_length: Annotated[int, Field(ge=4)]
    unlabelled: bool
    test: bool
