"""The contestants of `benchmarks.training`: each trains a model of its own, an epoch a turn."""

import copy
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.prediction import LENGTH

BATCH = 32
LR = {128: 5e-4, 384: 1e-4}  # by width: wide models learn nothing at the rate of narrow ones
PUBLIC = "public recipe: Trainer, padded to 128"
GROUPED: dict[str, Any] = {"train_sampling_strategy": "group_by_length"}


class Trained:
    """A contestant: its model, its seconds by turn, and what its batches were padded to."""

    def __init__(self, start: Any, train: Callable[["Trained", int], None]) -> None:
        self.model, self.train = copy.deepcopy(start.model), train
        self.seconds: list[float] = []
        self.places = self.tokens = 0

    def turn(self, number: int) -> None:
        """Train one epoch more."""
        from transformers import set_seed

        set_seed(number)
        begun = time.process_time()
        self.train(self, number)
        self.seconds.append(time.process_time() - begun)

    def counting(self, collate: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a collator that counts the places and the tokens of its batches."""

        def counted(rows: Any) -> Any:
            batch = collate(rows)
            self.places += batch["attention_mask"].numel()
            self.tokens += int(batch["attention_mask"].sum())
            return batch

        return counted


def by_trainer(start: Any, table: pd.DataFrame, padded: bool, **how: Any) -> Trained:
    """Return Trainer of transformers, over an Arrow table of padded or of plain token ids."""
    from datasets import Dataset
    from transformers import (
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        default_data_collator,
    )

    fill = {"padding": "max_length"} if padded else {}
    found = start.tokenizer(table["text"].tolist(), truncation=True, max_length=LENGTH, **fill)
    lengths = [len(ids) for ids in found["input_ids"]]
    labels = (table["label"] == "b").astype(int).tolist()
    data = Dataset.from_dict({**found, "labels": labels, "length": lengths})

    def train(own: Trained, turn: int) -> None:
        collate = default_data_collator if padded else DataCollatorWithPadding(start.tokenizer)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH,
                learning_rate=LR[own.model.config.hidden_size],
                num_train_epochs=1,
                seed=turn,
                report_to="none",
                disable_tqdm=True,
                **how,
            )
            trainer = Trainer(own.model, arguments, own.counting(collate), data)
            trainer.remove_callback(PrinterCallback)
            trainer.train()

    return Trained(start, train)


def by_foldline(start: Any, table: pd.DataFrame, precision: str) -> Trained:
    """Return Foldline's training, as the stage `train` calls it, without rows to stop by."""
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models.interface import Job
    from foldline.models.neural.training import train as trained
    from foldline.models.neural.transformer import encode_rows

    recipe = load_params(Recipe)
    changes = {"precision": precision, "warmup": 0.0, "weight_decay": 0.0}
    options = recipe.train.model_copy(update=changes)
    lr = LR[start.model.config.hidden_size]
    top = {"lr": lr, "epochs": 1, "batch_size": BATCH, "max_length": LENGTH, "train": options}
    rows, none = (
        encode_rows(start.tokenizer, part, start.labels, start.reader)[0]
        for part in (table, table[:0])
    )

    def train(own: Trained, turn: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            now = recipe.model_copy(update=top | {"seed": turn})
            job = Job(table, table[:0], start.labels, now, Path(folder))
            done = trained(job, start.tokenizer, own.model, rows, none, lambda: np.zeros(0))
        own.tokens += sum(rows.lengths)
        own.places += round(done.summary["padding"] * sum(rows.lengths))

    return Trained(start, train)


def by_hand(start: Any, table: pd.DataFrame, half: bool) -> Trained:
    """Return a loop that does nothing but train, over batches like Foldline's."""
    import torch

    from foldline.models.neural.batching import make_sampler
    from foldline.models.neural.precision import fast_float32
    from foldline.models.neural.prediction import Padding

    columns, _, _ = start.reader.read(start.tokenizer, table)
    lengths = [len(ids) for ids in columns["input_ids"]]
    labels = torch.tensor((table["label"] == "b").astype(int).tolist())
    padding = Padding.from_tokenizer(start.tokenizer)

    def train(own: Trained, turn: int) -> None:
        one = SimpleNamespace(
            world_size=1, process_index=0, gradient_accumulation_steps=1, seed=turn
        )
        batches, model = [*make_sampler(lengths, one, BATCH)], own.model.train()
        parameters, lr = list(model.parameters()), LR[model.config.hidden_size]
        optimizer = torch.optim.AdamW(parameters, lr, weight_decay=0.0, fused=True)
        count = len(batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / count)
        with fast_float32():
            for places in batches:
                batch = padding.pad(columns, np.array(places))
                own.places += batch["attention_mask"].size
                given = {name: torch.from_numpy(v) for name, v in batch.items()}
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    logits = model(**given).logits
                loss: Any = torch.nn.functional.cross_entropy(logits.float(), labels[places])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
        own.tokens += sum(lengths)

    return Trained(start, train)


CONTESTANTS: dict[str, Callable[[Any, pd.DataFrame], Trained]] = {
    PUBLIC: partial(by_trainer, padded=True),
    "Trainer, padded by batch": partial(by_trainer, padded=False),
    "Trainer, group_by_length": partial(by_trainer, padded=False, **GROUPED),
    "Foldline, float32": partial(by_foldline, precision="float32"),
    "bare loop, float32": partial(by_hand, half=False),
    "Foldline, bfloat16": partial(by_foldline, precision="bfloat16"),
    "bare loop, bfloat16": partial(by_hand, half=True),
}
