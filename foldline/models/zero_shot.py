"""An NLI model as a zero-shot classifier (Yin, Hay and Roth, 2019).

It scores whether a text entails the hypothesis made from each class's description.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.threads import limit_threads
from foldline.encoders import hub, model_sizes
from foldline.models.interface import FitResult, Job
from foldline.models.scaling import softmax

KEY = "zero_shot.model"
NOT_ENTAILED = ("contradiction", "not_entailment")
CARD = "zero_shot.json"
BATCH = 32


@dataclass(frozen=True)
class ZeroShotModel:
    """Tokenizer and NLI model, and the hypothesis of each class.

    `source` is what the model is loaded by: name, content, max_length and threads.
    """

    labels: Labels
    source: dict[str, Any]
    hypotheses: tuple[str, ...]
    tokenizer: Any
    model: Any

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c): entailment among the classes, or against contradiction for each label."""
        classes, seconds = len(self.hypotheses), rows["text_pair"].tolist()
        texts = [f"{a}\n{b}" if b else a for a, b in zip(rows["text"], seconds, strict=True)]
        if not texts:
            return np.zeros((0, classes))
        with limit_threads(self.source["threads"]):
            logits = np.stack(
                [self._logits(texts, hypothesis) for hypothesis in self.hypotheses], axis=1
            )
        entails, against = find_outputs(self.source["name"], self.model.config.id2label)
        if self.labels.task == "multilabel":
            return softmax(logits[:, :, [against, entails]])[:, :, 1]
        return softmax(logits[:, :, entails])

    def save(self, folder: Path) -> None:
        """Write the hypotheses, and what is needed to load the model again."""
        write_json(folder / CARD, {"source": self.source, "hypotheses": self.hypotheses})

    def _logits(self, texts: list[str], hypothesis: str) -> np.ndarray:
        """Return (n, outputs) for one hypothesis; texts are truncated, hypotheses never."""
        import torch

        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        logits = np.zeros((len(texts), int(self.model.config.num_labels)))
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                inputs = self.tokenizer(
                    [texts[i] for i in batch],
                    [hypothesis] * len(batch),
                    truncation="only_first",
                    max_length=self.source["max_length"],
                    padding=True,
                    return_tensors="pt",
                ).to(self.model.device)
                logits[batch] = self.model(**inputs).logits.float().cpu().numpy()
        return logits


def fit(job: Job) -> FitResult:
    """Load the model and build the hypotheses; nothing is learnt from the rows.

    Raises:
        FoldlineError: if the task has no classes, the model cannot be loaded or is no NLI model, or
            a description names an unknown class.
    """
    labels, options = job.labels, job.recipe.zero_shot
    if labels.task == "regression":
        raise FoldlineError(
            "model=zero-shot supports only classification: it cannot predict numbers"
        )
    if options.model is None:
        raise FoldlineError(
            f"{KEY} is null: name a folder under models/pretrained/ or a Hugging Face id"
        )
    unknown = [name for name in options.descriptions if name not in labels.classes]
    if unknown:
        raise FoldlineError(
            f"zero_shot.descriptions: '{unknown[0]}' is not a class; classes are "
            f"{listing(labels.classes)}"
        )
    descriptions = [options.descriptions.get(name, name) for name in labels.classes]
    hypotheses = tuple(
        options.hypothesis.replace("{label}", description) for description in descriptions
    )
    source = {
        "name": options.model,
        "max_length": job.recipe.max_length,
        "threads": job.recipe.train.cpu_threads,
    }
    model = _open_model(labels, source, hypotheses)
    longest = max(len(model.tokenizer("", description)["input_ids"]) for description in hypotheses)
    if longest >= job.recipe.max_length:
        raise FoldlineError(
            f"max_length={job.recipe.max_length} leaves no room for texts: the longest hypothesis "
            f"has {longest} tokens. Raise max_length, or shorten zero_shot.descriptions or "
            "zero_shot.hypothesis"
        )
    return FitResult(model)


def load(folder: Path, labels: Labels) -> ZeroShotModel:
    """Load the model again.

    Raises:
        FoldlineError: if it is gone or has changed.
    """
    card = read_json(folder / CARD)
    return _open_model(labels, card["source"], tuple(card["hypotheses"]))


def find_outputs(name: str, names: Mapping[int, str]) -> tuple[int, int]:
    """Return the output indices of entailment and contradiction (or not entailment).

    Raises:
        FoldlineError: if the model's labels do not name them.
    """
    indices = {str(label).casefold().replace("-", "_"): int(code) for code, label in names.items()}
    not_entailed = [indices[label] for label in NOT_ENTAILED if label in indices]
    if "entailment" not in indices or not not_entailed:
        raise FoldlineError(
            f"{KEY}={name} is not an NLI model: its labels are {listing(names.values())}, but "
            f"entailment and {' or '.join(NOT_ENTAILED)} are needed. Name a model that was trained "
            "on NLI"
        )
    return indices["entailment"], not_entailed[0]


def _open_model(
    labels: Labels, source: dict[str, Any], hypotheses: tuple[str, ...]
) -> ZeroShotModel:
    tokenizer, model, content = hub.load_frozen(
        KEY, source, "AutoModelForSequenceClassification", "the model was chosen"
    )
    find_outputs(source["name"], model.config.id2label)
    model_sizes.check_length(source["name"], model, source["max_length"])
    return ZeroShotModel(labels, source | {"content": content}, hypotheses, tokenizer, model)
