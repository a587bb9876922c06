"""All of params.yaml, and the rules between its sections."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.io.components import check_options, component_path, is_component, short_name
from foldline.core.params import value_types
from foldline.core.params.augmentation import Augment
from foldline.core.params.base import KINDS, Section
from foldline.core.params.data import Data, Prepare, Split
from foldline.core.params.model_kinds import NEEDED, UNWEIGHTED, check_chain, check_kind
from foldline.core.params.models import (
    Ensemble,
    Evaluate,
    Kfold,
    Predict,
    Recipe,
    Runner,
    is_transformer,
)


class Settings(Recipe):
    """All of params.yaml."""

    data: Data
    prepare: Prepare
    split: Split
    augment: Augment
    kfold: Kfold
    ensemble: Ensemble
    evaluate: Evaluate
    predict: Predict
    runner: Runner

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        value_types.check_model_name(self.model, KINDS)
        check_kind(self.model, self.task, self.tfidf.head, self._kind_sections)
        return self

    @property
    def _kind_sections(self) -> dict[str, Section]:
        names = ["static", *(name for name, _, _ in NEEDED.values())]
        return {name: getattr(self, name) for name in names}

    @model_validator(mode="after")
    def _check_chain(self) -> Self:
        chain = self.chain
        if chain.first is None:
            return self
        value_types.check_model_name(chain.first, KINDS, "chain.first")
        check_chain(chain.first, self.model, chain.input, self.tfidf.head)
        task = self.task
        if chain.predicts == "auxiliary":
            task = "classification"
            if self.data.auxiliary_label is None:
                raise ValueError(
                    "chain.predicts: auxiliary is the column that data.auxiliary_label names, "
                    "which is null; name it, or set predicts to label"
                )
            if is_transformer(chain.first):
                self._check_auxiliary_training()
        check_kind(chain.first, task, self.tfidf.head, self._kind_sections, "chain.first")
        return self

    def _check_auxiliary_training(self) -> None:
        """Raise for a loss or metric that the first model's classes do not support."""
        self.train.check_task("classification")
        if self.train.loss == "ordinal":
            raise ValueError(
                "train.loss: ordinal needs ordered classes, and those of data.auxiliary_label, "
                "which chain.first learns, have no order; use auto, or chain.predicts=label"
            )

    @model_validator(mode="after")
    def _check_split_column(self) -> Self:
        role = {"time": "time", "grouped": "group"}.get(self.split.method)
        if role and getattr(self.data, role) is None:
            raise ValueError(
                f"split.method: {self.split.method} needs the column that data.{role} names, "
                "which is null"
            )
        return self

    @model_validator(mode="after")
    def _check_augmentation(self) -> Self:
        if self.task == "regression":
            self.augment.check_numbers()
        classes = self.data.classes
        for name in self.augment.per_class:
            if classes is not None and name not in classes:
                raise ValueError(f"augment.per_class: {unknown_name('class', name, classes)}")
        return self

    @model_validator(mode="after")
    def _check_training(self) -> Self:
        self.train.check_task(self.task)
        if self.train.contrastive and self.batch_size == 1:
            raise ValueError(
                "train.contrastive: compares the rows of a batch with each other, and batch_size=1 "
                "has one; set batch_size to 2 or more, or train.contrastive to 0.0"
            )
        return self

    @model_validator(mode="after")
    def _check_processes(self) -> Self:
        processes = self.train.distributed.processes
        sizes = {"batch_size": self.batch_size}
        if self.pretrain.epochs:
            sizes["pretrain.batch_size"] = self.pretrain.batch_size
        for key, size in sizes.items():
            if size < processes:
                raise ValueError(
                    f"train.distributed.processes: {processes} processes share the rows of a "
                    f"batch, and {key} is {size}; set processes to at most {size}, or raise {key}"
                )
        if self.pretrain.epochs and self.train.distributed.strategy == "fsdp":
            raise ValueError(
                "train.distributed.strategy: fsdp cannot shard the tied embeddings of the language "
                "model that pretrain.epochs trains; set strategy to ddp, or pretrain.epochs to 0"
            )
        return self

    @model_validator(mode="after")
    def _check_scratch_options(self) -> Self:
        if "scratch" not in self.models:
            return self
        if self.train.reinit_layers:
            raise ValueError(
                f"train.reinit_layers: draws the {self.train.reinit_layers} top layers of a folder "
                "or a hub id anew, and leaves model=scratch as it is; set it to 0"
            )
        if self.train.soup > 1:
            raise ValueError(
                "train.soup: averages models that start from pretrained weights; from the random "
                "ones of model=scratch they grow apart, and none but the best would enter. Set it "
                "to 1 and use train.swa, train.snapshots or bagging, or name a folder or a hub id "
                "as model"
            )
        enabled = {"rdrop": self.train.rdrop > 0, "dropout_samples": self.train.dropout_samples > 1}
        for name in [
            name for name, is_enabled in enabled.items() if is_enabled and not self.scratch.dropout
        ]:
            raise ValueError(
                f"train.{name}: compares draws of dropout, and scratch.dropout is 0; set that "
                f"above 0, or train.{name} to {'0.0' if name == 'rdrop' else '1'}"
            )
        if self.scratch.experts > 1 and self.train.distributed.strategy == "fsdp":
            raise ValueError(
                f"scratch.experts: {self.scratch.experts} are counted over validation rows by the "
                "whole model, and train.distributed.strategy=fsdp leaves each process a part of "
                "it; set experts to 1, or strategy to ddp"
            )
        return self

    @model_validator(mode="after")
    def _check_pretraining(self) -> Self:
        if "scratch" not in self.models:
            return self
        if self.train.lora and not self.pretrain.epochs:
            raise ValueError(
                "train.lora: freezes the encoder, and that of model=scratch knows nothing yet; set "
                "it to 0, or pretrain.epochs above 0"
            )
        if self.train.trainable_layers != "all" and not self.pretrain.epochs:
            raise ValueError(
                f"train.trainable_layers: {self.train.trainable_layers} freezes layers, and those "
                "of model=scratch know nothing yet; set it to all, or pretrain.epochs above 0"
            )
        if self.pretrain.epochs and self.pretrain.max_length > self.max_length:
            raise ValueError(
                f"pretrain.max_length: model=scratch reads max_length={self.max_length} tokens; "
                f"set it to {self.max_length} or less (found {self.pretrain.max_length})"
            )
        return self

    @model_validator(mode="after")
    def _check_task_options(self) -> Self:
        aggregate = self.data.annotations.aggregate
        if aggregate != "none" and self.data.annotations.file is None:
            raise ValueError(
                f"data.annotations.aggregate: {aggregate} makes labels of judgements, but "
                "data.annotations.file, which would hold them, is null; name it, or set aggregate "
                "to none"
            )
        if self.task == "regression" and aggregate in ("majority", "soft"):
            raise ValueError(
                f"data.annotations.aggregate: {aggregate} needs classes; use mean for regression"
            )
        if self.task != "regression" and aggregate == "mean":
            raise ValueError(
                "data.annotations.aggregate: mean needs task=regression; use majority or soft"
            )
        if self.task == "multilabel" and aggregate != "none":
            raise ValueError(
                f"data.annotations.aggregate: {aggregate} makes one label a row; set it to none "
                "for multilabel"
            )
        if self.task != "multilabel" and not isinstance(self.data.label, str):
            raise ValueError(
                f"data.label: several columns need task=multilabel (found {self.data.label}, "
                f"task={self.task}); name one column, or change the task"
            )
        if self.train.loss == "ordinal" and self.data.classes is None:
            raise ValueError(
                "train.loss: ordinal counts how many classes a row is off, and data.classes, which "
                "gives their order, is null; list them there from the lowest to the highest"
            )
        if self.task != "regression" and self.target.transform != "none":
            raise ValueError(f"target.transform: needs numbers; set it to none for {self.task}")
        return self

    @model_validator(mode="after")
    def _check_ensemble(self) -> Self:
        for key in ("calibration", "threshold", "prior"):
            value = getattr(self.ensemble, key)
            if self.task == "regression" and value != "none":
                raise ValueError(
                    f"ensemble.{key}: {value} needs probabilities; set it to none for regression"
                )
        if self.ensemble.prior == "predict" and self.data.predict is None:
            raise ValueError(
                "ensemble.prior: predict estimates the shares of classes among the rows of "
                "data.predict, which is null; name a file there, or set prior to train"
            )
        return self

    @model_validator(mode="after")
    def _check_costs(self) -> Self:
        costs, classes = self.ensemble.costs, self.data.classes
        if self.ensemble.threshold == "cost" and costs is None:
            raise ValueError(
                "ensemble.threshold: cost decides by ensemble.costs, which is null; give it costs, "
                "as {spam: {ham: 5}} for a spam that is taken for ham, or set threshold to none"
            )
        for name in costs or {}:
            if classes is not None and name not in classes:
                raise ValueError(f"ensemble.costs: {unknown_name('class', name, classes)}")
        return self

    @model_validator(mode="after")
    def _check_boosting(self) -> Self:
        if not self.boosting.is_on:
            return self
        if self.task == "multilabel":
            raise ValueError(
                "boosting.n_estimators: SAMME asks whether the one label of a row was missed, and "
                "task=multilabel has several; set it to 1"
            )
        if self.model in UNWEIGHTED:
            raise ValueError(
                f"boosting.n_estimators: model={self.model} does not learn from weighted rows; set "
                "it to 1, or use length, tfidf, gbdt, static, embed or a transformer"
            )
        return self

    @model_validator(mode="after")
    def _check_tta(self) -> Self:
        if self.tta.is_on and self.model == "external":
            raise ValueError(
                "tta.method: model=external predicts ids, whatever their text; set it to none"
            )
        if self.tta.method == "pairswap" and self.data.text_pair is None:
            raise ValueError(
                "tta.method: pairswap exchanges two texts, and data.text_pair, the second one's "
                "column, is null; name it, or choose another method"
            )
        return self

    @model_validator(mode="after")
    def _check_component_options(self) -> Self:
        """Raise for options of a component that does not exist or does not accept them."""
        for name in self.components:
            path = component_path(name)
            if not Path(path).is_file():
                raise ValueError(
                    f"components.{name}: holds options, but there is no {path}; "
                    "correct the name, or remove them"
                )
        uses = [(method, "augmenter") for method in (self.augment.method, *self.augment.mix)]
        uses += [(self.train.loss, "loss"), (self.prepare.clean or "", "cleaner")]
        uses += [(name, "metric") for name in self.evaluate.own_metrics]
        for name, kind in uses:
            if is_component(name):
                try:
                    check_options(name, kind, self.components.get(short_name(name), {}))
                except FoldlineError as error:
                    raise ValueError(f"{name}: {error}") from None
        return self
