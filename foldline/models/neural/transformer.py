"""Transformers with a classification or regression head: fit, predict, save, load."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.threads import limit_threads
from foldline.encoders import hub
from foldline.models import device
from foldline.models.interface import FitResult, Job
from foldline.models.neural.long_text import LongTextReader, make_reader
from foldline.models.neural.snapshot_ensemble import SnapshotEnsemble, load_snapshots
from foldline.models.sample_predictions import select_rows
from foldline.models.scaling import softmax
from foldline.models.soft_labels import sample_weights, training_targets
from foldline.models.text_encoding import check_tokens

if TYPE_CHECKING:
    from foldline.models.neural.dataset import TokenizedRows

FILE = "reading.json"
# Results of pre-training in the summary; the others are in `run_info`.
PRETRAINING_KEYS = ("steps", "perplexity", "test_texts")


@dataclass
class Transformer:
    """Tokenizer and model; plain transformers opens the saved folder, label names included.

    `threads` and `precision` (float32 or bfloat16) are saved with the model: other values would
    change the last digits.
    """

    labels: Labels
    tokenizer: Any
    model: Any
    reader: LongTextReader
    threads: int
    precision: str

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers, in the order of the rows."""
        from foldline.models.neural.precision import fast_float32
        from foldline.models.neural.prediction import Padding, predict_logits

        columns, piece_rows, _ = self.reader.read(self.tokenizer, rows)
        with limit_threads(self.threads), fast_float32():
            logits = predict_logits(
                self._prediction_model, columns, Padding.from_tokenizer(self.tokenizer)
            )
        return to_predictions(self.reader.pool(logits, piece_rows, len(rows)), self.labels.task)

    def save(self, folder: Path) -> None:
        """Write model and tokenizer as transformers does, and the long-text settings."""
        from foldline.models.neural.checkpoints import name_disk_errors

        # A tokenizer is saved with the max_length of its last call.
        self.tokenizer("", truncation=True, max_length=self.reader.max_length)
        with name_disk_errors():
            self.model.save_pretrained(folder)
            hub.copy_code(self.model, folder)
            self.tokenizer.save_pretrained(folder)
        card = asdict(self.reader) | {"threads": self.threads, "precision": self.precision}
        write_json(folder / FILE, card)

    @cached_property
    def _prediction_model(self) -> Any:
        """Return the model that predicts: itself, or its bfloat16 copy."""
        from foldline.models.neural.prediction import to_bfloat16

        return self.model if self.precision == "float32" else to_bfloat16(self.model)


def to_predictions(logits: np.ndarray, task: str) -> np.ndarray:
    """Return (n, c) probabilities or (n,) values from (n, c) logits."""
    if task == "regression":
        return logits[:, 0]
    if task == "multilabel":
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))
    return softmax(logits)


def initial_model(job: Job) -> tuple[Any, Any]:
    """Return tokenizer and model at the start of training, without pre-training."""
    return _build_model(job, with_pretraining=False)[:2]


def load(folder: Path, labels: Labels) -> Transformer | SnapshotEnsemble:
    """Read tokenizer and model, or several snapshots of it."""
    from foldline.models.neural.allocator import reallocate_parameters

    device.silence_transformers()
    reader = read_json(folder / FILE)
    threads, precision = reader.pop("threads"), reader.pop("precision")
    snapshots = reader.pop("snapshots", 1)
    tokenizer = hub.load_tokenizer(str(folder))
    model = hub.load_model(str(folder), "AutoModelForSequenceClassification")
    model = reallocate_parameters(model).to(device.get_device())
    last = Transformer(labels, tokenizer, model, LongTextReader(**reader), threads, precision)
    return last if snapshots == 1 else load_snapshots(folder, last, snapshots)


def _build_model(job: Job, with_pretraining: bool) -> tuple[Any, Any, dict[str, float]]:
    """Return tokenizer, model, and the pre-training summary (empty if there was none)."""
    from foldline.models.neural import pretrained, scratch
    from foldline.models.neural.layers import freeze, reinitialise
    from foldline.models.neural.pretraining import pretrain

    recipe, label_names = job.recipe, _label_config(job.labels)
    device.set_seed(recipe.seed)
    is_new = recipe.model == "scratch"
    if is_new:
        texts = job.train["text"].tolist() + [t for t in job.train["text_pair"].tolist() if t]
        tokenizer = scratch.train_tokenizer(texts, recipe)
        model = scratch.build_model(len(tokenizer), job.labels, recipe, label_names)
    else:
        tokenizer, model = pretrained.load(recipe, job.labels, label_names)
    pretraining = pretrain(job, tokenizer, model) if with_pretraining else {}
    if not is_new:
        reinitialise(model, recipe.train.reinit_layers)
    tokenizer.model_max_length = recipe.max_length
    freeze(model, recipe.train.trainable_layers)
    return tokenizer, model, pretraining


def fit(job: Job) -> FitResult:
    """Train a transformer in this process, or in those of `train.distributed`."""
    if job.recipe.train.distributed.processes == 1:
        return fit_alone(job)
    from foldline.models.neural.process_group import fit_in_processes

    return fit_in_processes(job)


def fit_alone(job: Job) -> FitResult:
    """Train a transformer: from random weights, or pretrained from a folder or the hub.

    Processes of a group each call it with the same job.
    """
    from foldline.models.neural import learning_rate, lora
    from foldline.models.neural.precision import resolve_precision
    from foldline.models.neural.training import train

    recipe = job.recipe
    tokenizer, model, pretraining = _build_model(job, with_pretraining=True)
    n_parameters = model.num_parameters()
    notes = learning_rate.warn_of_high_lr(recipe, model)
    recipe = learning_rate.resolve_lr(recipe, model)
    job = replace(job, recipe=recipe)
    tuner = lora.add_adapters(model, recipe)
    reader = make_reader(recipe)
    # The tokenizer of `scratch` is trained for each fold.
    shared = recipe.model != "scratch"
    rows, cut = encode_rows(tokenizer, job.train, job.labels, reader, shared)
    check_tokens(tokenizer, rows.columns["input_ids"].flat, recipe.model)
    notes += [_format_cut(cut, reader)] if cut else []
    # Validation rows count the same, as in every score.
    valid_table = job.valid.drop(columns="weight", errors="ignore")
    valid, _ = encode_rows(tokenizer, valid_table, job.labels, reader, shared)
    # A half-precision copy would keep the weights of the first epoch.
    threads = recipe.train.cpu_threads
    live_model = Transformer(job.labels, tokenizer, model, reader, threads, "float32")
    sample_rows = select_rows(job.valid, job.sample_ids)
    with device.deterministic(recipe.train):
        result = train(job, tokenizer, model, rows, valid, lambda: live_model.predict(sample_rows))
    precision = resolve_precision(recipe.train.predict_precision)
    pretraining_summary = {
        f"pretrain_{name}": pretraining[name] for name in PRETRAINING_KEYS if name in pretraining
    }
    summary = result.summary | {"lr": recipe.peak_lr, "cut_texts": cut} | pretraining_summary
    run_info = result.run_info | {"predict_precision": precision}
    if pretraining:
        run_info = run_info | {"pretraining": pretraining}
    if tuner is not None:
        summary["parameters"] = float(n_parameters)
        run_info = run_info | {"trainable_parameters": model.num_parameters(only_trainable=True)}
        lora.merge_adapters(tuner)
    last = Transformer(job.labels, tokenizer, model, reader, threads, precision)
    snapshots = tuple(replace(last, model=own) for own in (*result.snapshots, model))
    fitted = SnapshotEnsemble(snapshots) if result.snapshots else last
    return FitResult(fitted, result.history, summary, run_info, result.samples, result.speed, notes)


def encode_rows(
    tokenizer: Any,
    table: pd.DataFrame,
    labels: Labels,
    reader: LongTextReader,
    shared: bool = False,
) -> tuple["TokenizedRows", float]:
    """Return tokenised rows for training, and the share of texts that are too long.

    `shared` caches the tokens in this process, for other rows of an equal tokenizer.
    """
    from foldline.models.neural.dataset import TokenizedRows
    from foldline.models.neural.token_cache import encode_cached

    columns, piece_rows, cut = encode_cached(tokenizer, table, reader, shared)
    targets, weights = training_targets(table, labels), sample_weights(table)
    rows = TokenizedRows(
        columns,
        targets[piece_rows],
        piece_rows,
        table["id"].tolist(),
        None if weights is None else weights[piece_rows],
    )
    return rows, float(cut.mean()) if len(cut) else 0.0


def _format_cut(cut: float, reader: LongTextReader) -> str:
    return (
        f"{cut:.1%} of the training rows have more than max_length={reader.max_length} tokens "
        f"and are {CUT_DESCRIPTIONS[reader.how]} (train.long_text={reader.how})"
    )


CUT_DESCRIPTIONS = {
    "head": "cut to their first",
    "tail": "cut to their last",
    "head_tail": "cut to their first quarter and last three quarters",
    "window": "read in pieces",
}


PROBLEM_TYPES = {
    "classification": "single_label_classification",
    "multilabel": "multi_label_classification",
}


def _label_config(labels: Labels) -> dict[str, Any]:
    if labels.task == "regression":
        return {"problem_type": "regression"}
    return {
        "id2label": dict(enumerate(labels.classes)),
        "label2id": {name: code for code, name in enumerate(labels.classes)},
        "problem_type": PROBLEM_TYPES[labels.task],
    }
