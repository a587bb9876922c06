"""Transformers under a classification or regression head: fit, predict, save, load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.frame.files import read_json, write_json
from foldline.frame.labels import Labels
from foldline.modeling import machine
from foldline.modeling.encoding import check_tokens, encode
from foldline.modeling.fitted import Fitted, Job
from foldline.modeling.soft import targets_of

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
    max_length: int
    threads: int

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers, in the order of the rows."""
        with machine.threads(self.threads):
            logits = self._logits(encode(self.tokenizer, rows, self.max_length))
        if self.labels.task == "regression":
            return logits[:, 0]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        """Write model and tokenizer as transformers does, and how texts are read."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_json(folder / FILE, {"max_length": self.max_length, "threads": self.threads})

    def _logits(self, encoded: dict[str, list[list[int]]]) -> np.ndarray:
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
    from foldline.modeling.neural import scratch

    machine.seeded(job.recipe.seed)
    texts = job.train["text"].tolist() + [t for t in job.train["text_pair"].tolist() if t]
    tokenizer = scratch.tokenizer(texts, job.recipe)
    model = scratch.model(len(tokenizer), job.labels, job.recipe, _names(job.labels))
    return _fit(job, tokenizer, model)


def fit_pretrained(job: Job) -> Fitted:
    """Fine-tune a model from a folder or the hub."""
    from foldline.modeling.neural import pretrained

    machine.seeded(job.recipe.seed)
    tokenizer, model = pretrained.load(job.recipe, job.labels, _names(job.labels))
    return _fit(job, tokenizer, model)


def load(folder: Path, labels: Labels) -> Transformer:
    """Read tokenizer and model."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    machine.quiet()
    reading = read_json(folder / FILE)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).to(machine.device())
    return Transformer(labels, tokenizer, model, reading["max_length"], reading["threads"])


def _fit(job: Job, tokenizer: Any, model: Any) -> Fitted:
    from foldline.modeling.neural.training import train

    recipe = job.recipe
    tokenizer.model_max_length = recipe.max_length
    encoded = encode(tokenizer, job.train, recipe.max_length)
    check_tokens(tokenizer, encoded, recipe.model)
    rows = encoded, targets_of(job.train, job.labels)
    valid = (
        encode(tokenizer, job.valid, recipe.max_length),
        targets_of(job.valid, job.labels),
    )
    with machine.threads(recipe.train.threads):
        history, summary = train(job, tokenizer, model, rows, valid)
    fitted = Transformer(job.labels, tokenizer, model, recipe.max_length, recipe.train.threads)
    return Fitted(fitted, history, summary)


def _names(labels: Labels) -> dict[str, Any]:
    if labels.task == "regression":
        return {"problem_type": "regression"}
    return {
        "id2label": dict(enumerate(labels.classes)),
        "label2id": {name: code for code, name in enumerate(labels.classes)},
        "problem_type": "single_label_classification",
    }
