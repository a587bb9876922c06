"""A frozen sentence encoder with a small head: often the best model for few rows, in seconds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.encoders.sentence_encoder import SentenceEncoder, open_encoder, reopen_encoder
from foldline.models import dense_heads
from foldline.models.chain_input import append_features
from foldline.models.interface import FitResult, Job
from foldline.models.pair_features import combine_pairs
from foldline.models.soft_labels import sample_weights, training_targets

KEY = "embed.encoder"
ARRAYS, CARD = "embed.safetensors", "embed.json"


@dataclass(frozen=True)
class EmbedModel:
    """An encoder and a head; the encoder is saved by name and content, not as a copy."""

    labels: Labels
    encoder: SentenceEncoder
    pairs: bool
    head: dense_heads.Head

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers, in the order of the rows."""
        return self.head.predict(extract_features(self.encoder, self.pairs, rows), self.labels)

    def save(self, folder: Path) -> None:
        """Write the head's arrays, and what is needed to load the encoder again."""
        save_arrays(folder / ARRAYS, self.head.arrays())
        write_json(folder / CARD, {"pairs": self.pairs, "encoder": self.encoder.source})


def fit(job: Job) -> FitResult:
    """Fit the head to the vectors of the training rows."""
    options, recipe = job.recipe.embed, job.recipe
    encoder = open_encoder(KEY, options.encoder, recipe.max_length, recipe.train.cpu_threads)
    pairs = bool((job.train["text_pair"] != "").any())
    vectors = extract_features(encoder, pairs, job.train)
    target, weights = training_targets(job.train, job.labels), sample_weights(job.train)
    head = dense_heads.fit_head(options, vectors, target, job.labels, weights, recipe.seed)
    summary = {"features": float(vectors.shape[1]), "max_length": float(encoder.max_tokens)}
    return FitResult(EmbedModel(job.labels, encoder, pairs, head), summary=summary)


def load(folder: Path, labels: Labels) -> EmbedModel:
    """Read the head and load the encoder.

    Raises:
        FoldlineError: if the encoder is gone or has changed.
    """
    card = read_json(folder / CARD)
    head = dense_heads.restore_head(load_arrays(folder / ARRAYS))
    return EmbedModel(labels, reopen_encoder(KEY, card["encoder"]), card["pairs"], head)


def extract_features(encoder: SentenceEncoder, pairs: bool, rows: pd.DataFrame) -> np.ndarray:
    """Return (n, width) float64 vectors, or the combined vectors of pairs."""
    vectors = encoder.encode(rows["text"].tolist()).astype(np.float64)
    if pairs:
        second = encoder.encode(rows["text_pair"].tolist()).astype(np.float64)
        vectors = combine_pairs(vectors, second)
    return np.asarray(append_features(vectors, rows))
