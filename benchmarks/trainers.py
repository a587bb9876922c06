"""The contestants of `benchmarks.training`: each trains its own model, one epoch a turn."""

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
LEARNING_RATES = {128: 5e-4, 384: 1e-4}  # by width: wide models do not converge at the higher rate
PUBLIC = "public recipe: Trainer, padded to 128"
GROUPED: dict[str, Any] = {"train_sampling_strategy": "group_by_length"}


class EpochTrainer:
    """A contestant: its model, its CPU seconds per epoch, and the padding of its batches."""

    def __init__(self, start: Any, train: Callable[["EpochTrainer", int], None]) -> None:
        self.model, self.train = copy.deepcopy(start.model), train
        self.seconds: list[float] = []
        self.positions = self.tokens = 0

    def train_epoch(self, number: int) -> None:
        """Train for one more epoch."""
        from transformers import set_seed

        set_seed(number)
        begun = time.process_time()
        self.train(self, number)
        self.seconds.append(time.process_time() - begun)

    def count_tokens(self, collate: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a collator that counts the positions and the tokens of its batches."""

        def collate_and_count(rows: Any) -> Any:
            batch = collate(rows)
            self.positions += batch["attention_mask"].numel()
            self.tokens += int(batch["attention_mask"].sum())
            return batch

        return collate_and_count


def make_trainer(start: Any, table: pd.DataFrame, padded: bool, **options: Any) -> EpochTrainer:
    """Return a contestant that trains with the Trainer of transformers."""
    from datasets import Dataset
    from transformers import (
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        default_data_collator,
    )

    fill = {"padding": "max_length"} if padded else {}
    encodings = start.tokenizer(table["text"].tolist(), truncation=True, max_length=LENGTH, **fill)
    lengths = [len(ids) for ids in encodings["input_ids"]]
    labels = (table["label"] == "b").astype(int).tolist()
    data = Dataset.from_dict({**encodings, "labels": labels, "length": lengths})

    def train(contestant: EpochTrainer, epoch: int) -> None:
        collate = default_data_collator if padded else DataCollatorWithPadding(start.tokenizer)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH,
                learning_rate=LEARNING_RATES[contestant.model.config.hidden_size],
                num_train_epochs=1,
                seed=epoch,
                report_to="none",
                disable_tqdm=True,
                **options,
            )
            trainer = Trainer(contestant.model, arguments, contestant.count_tokens(collate), data)
            trainer.remove_callback(PrinterCallback)
            trainer.train()

    return EpochTrainer(start, train)


def make_foldline(start: Any, table: pd.DataFrame, precision: str) -> EpochTrainer:
    """Return a contestant that trains like the stage `train`, without early stopping."""
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models.interface import Job
    from foldline.models.neural.training import train as train_model
    from foldline.models.neural.transformer import encode_rows

    recipe = load_params(Recipe)
    changes = {"precision": precision, "warmup": 0.0, "weight_decay": 0.0}
    options = recipe.train.model_copy(update=changes)
    lr = LEARNING_RATES[start.model.config.hidden_size]
    top = {"lr": lr, "epochs": 1, "batch_size": BATCH, "max_length": LENGTH, "train": options}
    rows, no_rows = (
        encode_rows(start.tokenizer, table_part, start.labels, start.reader)[0]
        for table_part in (table, table[:0])
    )

    def train(contestant: EpochTrainer, epoch: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            settings = recipe.model_copy(update=top | {"seed": epoch})
            job = Job(table, table[:0], start.labels, settings, Path(folder))
            result = train_model(
                job, start.tokenizer, contestant.model, rows, no_rows, lambda: np.zeros(0)
            )
        contestant.tokens += sum(rows.lengths)
        contestant.positions += round(result.summary["padding"] * sum(rows.lengths))

    return EpochTrainer(start, train)


def make_bare_loop(start: Any, table: pd.DataFrame, bfloat16: bool) -> EpochTrainer:
    """Return a contestant that only trains, on the same batches as Foldline."""
    import torch

    from foldline.models.neural.batching import make_sampler
    from foldline.models.neural.precision import fast_float32
    from foldline.models.neural.prediction import Padding

    columns, _, _ = start.reader.read(start.tokenizer, table)
    lengths = [len(ids) for ids in columns["input_ids"]]
    labels = torch.tensor((table["label"] == "b").astype(int).tolist())
    padding = Padding.from_tokenizer(start.tokenizer)

    def train(contestant: EpochTrainer, epoch: int) -> None:
        process = SimpleNamespace(
            world_size=1, process_index=0, gradient_accumulation_steps=1, seed=epoch
        )
        batches, model = [*make_sampler(lengths, process, BATCH)], contestant.model.train()
        parameters, lr = list(model.parameters()), LEARNING_RATES[model.config.hidden_size]
        optimizer = torch.optim.AdamW(parameters, lr, weight_decay=0.0, fused=True)
        count = len(batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / count)
        with fast_float32():
            for rows in batches:
                batch = padding.pad(columns, np.array(rows))
                contestant.positions += batch["attention_mask"].size
                inputs = {name: torch.from_numpy(array) for name, array in batch.items()}
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    logits = model(**inputs).logits
                loss: Any = torch.nn.functional.cross_entropy(logits.float(), labels[rows])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
        contestant.tokens += sum(lengths)

    return EpochTrainer(start, train)


CONTESTANTS: dict[str, Callable[[Any, pd.DataFrame], EpochTrainer]] = {
    PUBLIC: partial(make_trainer, padded=True),
    "Trainer, padded by batch": partial(make_trainer, padded=False),
    "Trainer, group_by_length": partial(make_trainer, padded=False, **GROUPED),
    "Foldline, float32": partial(make_foldline, precision="float32"),
    "bare loop, float32": partial(make_bare_loop, bfloat16=False),
    "Foldline, bfloat16": partial(make_foldline, precision="bfloat16"),
    "bare loop, bfloat16": partial(make_bare_loop, bfloat16=True),
}
