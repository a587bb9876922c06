"""Transformers under a classification or regression head: fit, predict, save, load."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldline.frame.files import read_json, write_json
from foldline.frame.labels import Labels
from foldline.frame.stage import say
from foldline.modeling import machine
from foldline.modeling.encoding import Columns, check_tokens
from foldline.modeling.fitted import Fitted, Job
from foldline.modeling.neural.long_text import LongText, long_text
from foldline.modeling.soft import targets_of

if TYPE_CHECKING:
    from foldline.modeling.neural.rows import Rows

FILE = "reading.json"
BATCH = 64


@dataclass
class Transformer:
    """Tokenizer and model; both folders open with plain transformers, label names included.

    `threads` is kept with the model: another number of them would give other last digits.
    """

    labels: Labels
    tokenizer: Any
    model: Any
    reading: LongText
    threads: int

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers, in the order of the rows."""
        from foldline.modeling.neural.precision import float32_by_avx512

        columns, owners, _ = self.reading.read(self.tokenizer, rows)
        with machine.threads(self.threads), float32_by_avx512():
            logits = self.reading.pooled(self._logits(columns), owners, len(rows))
        if self.labels.task == "regression":
            return logits[:, 0]
        if self.labels.task == "multilabel":
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        """Write model and tokenizer as transformers does, and how texts are read."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_json(folder / FILE, asdict(self.reading) | {"threads": self.threads})

    def _logits(self, encoded: Columns) -> np.ndarray:
        """Run rows sorted by length, which pads little, and put them back by number: (n, c)."""
        import torch

        lengths = np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)
        order = np.argsort(-lengths, kind="stable")
        logits = np.zeros((len(order), self.labels.outputs))
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                chosen = {name: [values[i] for i in batch] for name, values in encoded.items()}
                inputs = self.tokenizer.pad(chosen, return_tensors="pt").to(self.model.device)
                logits[batch] = self.model(**inputs).logits.float().cpu().numpy()
        return logits


def fit_scratch(job: Job) -> Fitted:
    """Train tokenizer and model from the training rows."""
    return _fit(job)


def fit_pretrained(job: Job) -> Fitted:
    """Fine-tune a model from a folder or the hub."""
    return _fit(job)


def begun(job: Job) -> tuple[Any, Any]:
    """Give tokenizer and model as they are when training begins, the same for the same seed."""
    from foldline.modeling.neural.layers import freeze

    machine.seeded(job.recipe.seed)
    tokenizer, model = (_new if job.recipe.model == "scratch" else _loaded)(job)
    tokenizer.model_max_length = job.recipe.max_length
    freeze(model, job.recipe.train.trainable_layers)
    return tokenizer, model


def load(folder: Path, labels: Labels) -> Transformer:
    """Read tokenizer and model."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    machine.quiet()
    reading = read_json(folder / FILE)
    threads = reading.pop("threads")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).to(machine.device())
    return Transformer(labels, tokenizer, model, LongText(**reading), threads)


def _new(job: Job) -> tuple[Any, Any]:
    from foldline.modeling.neural import scratch

    texts = job.train["text"].tolist() + [t for t in job.train["text_pair"].tolist() if t]
    tokenizer = scratch.tokenizer(texts, job.recipe)
    return tokenizer, scratch.model(len(tokenizer), job.labels, job.recipe, _names(job.labels))


def _loaded(job: Job) -> tuple[Any, Any]:
    from foldline.modeling.neural import pretrained
    from foldline.modeling.neural.layers import restart

    tokenizer, model = pretrained.load(job.recipe, job.labels, _names(job.labels))
    restart(model, job.recipe.train.reinit_layers)
    return tokenizer, model


def _fit(job: Job) -> Fitted:
    from foldline.modeling.neural.training import train

    recipe = job.recipe
    tokenizer, model = begun(job)
    reading = long_text(recipe)
    rows, cut = rows_of(tokenizer, job.train, job.labels, reading)
    check_tokens(tokenizer, rows.columns, recipe.model)
    if cut:
        say(_told(cut, reading))
    valid, _ = rows_of(tokenizer, job.valid, job.labels, reading)
    with machine.threads(recipe.train.threads):
        done = train(job, tokenizer, model, rows, valid)
    fitted = Transformer(job.labels, tokenizer, model, reading, recipe.train.threads)
    return Fitted(fitted, done.history, done.summary | {"cut_texts": cut}, done.ran)


def rows_of(
    tokenizer: Any, table: pd.DataFrame, labels: Labels, reading: LongText
) -> tuple["Rows", float]:
    """Give rows as a training sees them, and the share of those that are too long."""
    from foldline.modeling.neural.rows import Rows

    columns, owners, cut = reading.read(tokenizer, table)
    rows = Rows(columns, targets_of(table, labels)[owners], owners, table["id"].tolist())
    return rows, float(cut.mean()) if len(cut) else 0.0


def _told(cut: float, reading: LongText) -> str:
    how = "read in pieces" if reading.how == "window" else f"cut to their {reading.how}"
    return (
        f"{cut:.1%} of the training rows have more than max_length={reading.max_length} tokens "
        f"and are {how} (train.long_text)"
    )


_PROBLEMS = {
    "classification": "single_label_classification",
    "multilabel": "multi_label_classification",
}


def _names(labels: Labels) -> dict[str, Any]:
    if labels.task == "regression":
        return {"problem_type": "regression"}
    return {
        "id2label": dict(enumerate(labels.classes)),
        "label2id": {name: code for code, name in enumerate(labels.classes)},
        "problem_type": _PROBLEMS[labels.task],
    }
