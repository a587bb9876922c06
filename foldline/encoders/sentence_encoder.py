"""A frozen sentence encoder: one vector for each text, always the same one.

Loads a folder or hub id of transformers, and follows the sentence-transformers files beside the
weights (pooling, normalisation, maximum length, default prompt).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foldline.core.environment import package_version
from foldline.core.errors import FoldlineError
from foldline.core.io.threads import limit_threads
from foldline.core.progress import show_progress
from foldline.encoders import hub, model_sizes
from foldline.encoders.pooling import POOLINGS, EncoderConfig, read_encoder_config
from foldline.encoders.vector_cache import get_or_compute

# Batches have one of a few shapes, so that a text's vector is bitwise the same alone and among
# other texts.
LENGTH_STEP, BATCH_TOKENS = 8, 512
LIBRARIES = ("tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class SentenceEncoder:
    """Tokenizer and model, and how their states become one vector.

    `identity` covers everything that a vector depends on besides its text; `source` is what the
    encoder is loaded by.
    """

    source: dict[str, Any]
    identity: str
    tokenizer: Any
    model: Any
    config: EncoderConfig
    max_tokens: int

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return (n, width) float32 vectors in the order of the texts, cached."""
        return get_or_compute(self.identity, texts, self._encode_new)

    def _encode_new(self, texts: list[str]) -> np.ndarray:
        import torch

        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        if not texts:
            return vectors
        ids = [self._tokenise(text) for text in texts]
        steps = [
            min(-(-len(tokens) // LENGTH_STEP) * LENGTH_STEP, max(self.max_tokens, len(tokens)))
            for tokens in ids
        ]
        with limit_threads(self.source["threads"]), torch.inference_mode():
            batches = list(_make_batches(steps))
            for length, indices in show_progress(batches, "embeddings", "batch", len(batches)):
                missing = BATCH_TOKENS // length - len(indices)
                padded = indices + [indices[-1]] * missing
                batch = self._encode_batch([ids[i] for i in padded], length)
                vectors[indices] = batch[: len(indices)]
        return vectors

    @property
    def width(self) -> int:
        """Return the length of a vector."""
        return int(self.model.config.hidden_size) * len(self.config.pooling)

    def _tokenise(self, text: str) -> list[int]:
        truncation = {"truncation": True, "max_length": self.max_tokens}
        ids = self.tokenizer(self.config.prefix + text, **truncation)["input_ids"]
        return list(ids) or [self.tokenizer.pad_token_id or 0]

    def _encode_batch(self, ids: list[list[int]], length: int) -> np.ndarray:
        import torch

        features = {"input_ids": ids}
        inputs = self.tokenizer.pad(
            features, padding="max_length", max_length=length, return_tensors="pt"
        ).to(self.model.device)
        states = self.model(**inputs).last_hidden_state.float()
        mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        vectors = torch.cat([POOLINGS[name](states, mask) for name in self.config.pooling], dim=1)
        if self.config.normalise:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return np.asarray(vectors.cpu().numpy())


def _make_batches(steps: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield a length in tokens, and the indices of some texts that are cut or padded to it."""
    for length in sorted(set(steps)):
        indices = [i for i, step in enumerate(steps) if step == length]
        size = max(1, BATCH_TOKENS // length)
        for start in range(0, len(indices), size):
            yield length, indices[start : start + size]


def open_encoder(key: str, name: str | None, max_length: int, cpu_threads: int) -> SentenceEncoder:
    """Load an encoder that reads at most `max_length` tokens; `key` is the param that names it.

    Raises:
        FoldlineError: if the param is null, or the encoder cannot be loaded or is unsupported.
    """
    if name is None:
        raise FoldlineError(
            f"{key} is null: name a folder under models/pretrained/ or a Hugging Face id"
        )
    return reopen_encoder(key, {"name": name, "max_length": max_length, "threads": cpu_threads})


def reopen_encoder(key: str, source: dict[str, Any]) -> SentenceEncoder:
    """Load the encoder described by another one's `source`.

    Raises:
        FoldlineError: if it cannot be loaded or has changed.
    """
    name = source["name"]
    offline = Path(name).is_dir() or not hub.is_reachable()
    try:
        reading = read_encoder_config(
            name, offline, None if Path(name).is_dir() else source.get("content")
        )
    except FoldlineError as error:
        raise FoldlineError(f"{key}={name}: {error}") from error
    except Exception as error:  # each library raises its own errors
        raise hub.loading_error(key, name, error) from error
    tokenizer, model, content = hub.load_frozen(
        key, source, "AutoModel", "its vectors were learnt from", reading.folder
    )
    if model.config.is_encoder_decoder:  # T5, BART: the decoder is not needed
        model = model.get_encoder()
    source = source | {"content": content}
    limits = (source["max_length"], reading.max_tokens, model_sizes.max_positions(model))
    limit = min(number for number in limits if number is not None)
    made_of = [*map(str, source.values()), str(reading), str(limit), str(model.device)]
    made_of += [f"{library} {package_version(library)}" for library in LIBRARIES]
    identity = hashlib.sha256("\x1f".join(made_of).encode()).hexdigest()[:32]
    return SentenceEncoder(source, identity, tokenizer, model, reading, limit)
