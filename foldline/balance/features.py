"""Rows as numbers, for distances between them and for a second opinion on their labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from foldline.frame import hub
from foldline.frame.errors import FoldlineError
from foldline.frame.params import Undersample
from foldline.frame.seeds import derive

GRAMS = (2, 4)
FEW = 1000  # texts; of more, n-grams of one text alone are left out
MOST = 50_000  # n-grams, the most frequent; this bounds the memory of the SVD
BATCH = 32  # texts that an encoder reads at once
LONGEST = 256  # tokens of them


class Bags:
    """TF-IDF of character 2- to 4-grams within words, fitted on some rows.

    Raises:
        FoldlineError: where no text of theirs holds a character.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        seconds = [text for text in rows["text_pair"].tolist() if text]
        texts = [text for text in rows["text"].tolist() if text.strip()] + seconds
        if not texts:
            raise FoldlineError(f"all {len(rows)} texts are empty: nothing tells them apart")
        self._pairs = bool(seconds)
        # In a few short texts no n-gram may stand twice.
        self._vectoriser = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=GRAMS,
            sublinear_tf=True,
            min_df=2 if len(texts) > FEW else 1,
            max_features=MOST,
        ).fit(texts)

    def of(self, rows: pd.DataFrame) -> Any:
        """Give (n, features) sparse; of pairs both texts' bags and what tells them apart."""
        from scipy import sparse

        first = self._vectoriser.transform(rows["text"].tolist())
        if not self._pairs:
            return first
        second = self._vectoriser.transform(rows["text_pair"].tolist())
        return sparse.hstack([first, second, abs(first - second)], format="csr")


def dense(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give (n, d) float64 rows of length 1 (0 for what no feature knows), fitted on these alone.

    Raises:
        FoldlineError: where texts are empty, or the encoder cannot be loaded.
    """
    from sklearn.preprocessing import normalize

    make = embeddings if options.features == "embeddings" else svd
    return np.asarray(normalize(make(rows, options, seed)), dtype=np.float64)


def svd(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give the strongest directions of the rows' TF-IDF: (n, `dimensions` or as many as there are).

    Latent semantic analysis (Deerwester et al., 1990) by a randomised SVD (Halko et al., 2011).
    """
    from sklearn.decomposition import TruncatedSVD

    found = Bags(rows).of(rows)
    most = min(options.dimensions, *found.shape)
    state = derive(seed, "svd") % 2**32
    with np.errstate(invalid="ignore", divide="ignore"):  # equal texts have no variance
        return np.asarray(TruncatedSVD(most, random_state=state).fit_transform(found))


def embeddings(rows: pd.DataFrame, options: Undersample, seed: int) -> np.ndarray:
    """Give the mean of a frozen encoder's last states over each row's tokens: (n, width).

    Raises:
        FoldlineError: where params name no encoder, or it cannot be loaded.
    """
    import torch

    tokenizer, model = _encoder(options.encoder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    found = []
    with _one_thread(), torch.inference_mode():
        for begin in range(0, len(rows), BATCH):
            part = rows.iloc[begin : begin + BATCH]
            pairs = part["text_pair"].tolist() if (rows["text_pair"] != "").any() else None
            inputs = tokenizer(
                part["text"].tolist(), pairs, padding=True, truncation=True, return_tensors="pt"
            ).to(device)
            states = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
            found.append((states * mask).sum(1) / mask.sum(1).clamp(min=1))
    return np.asarray(torch.cat(found).double().cpu().numpy())


def _encoder(name: str | None) -> tuple[Any, Any]:
    """Load tokenizer and model; texts are cut to what it reads, at most `LONGEST` tokens."""
    if name is None:
        raise FoldlineError(
            "augment.undersample.encoder is null, but features=embeddings needs it: name a folder "
            "under models/pretrained/ or a Hugging Face id, or set features to svd"
        )
    from transformers import AutoModel, AutoTokenizer

    local = hub.local_only(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=local)
        model = AutoModel.from_pretrained(name, local_files_only=local, dtype="float32")
    except Exception as error:  # each library beneath has errors of its own
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        raise FoldlineError(
            f"augment.undersample.encoder={name} cannot be loaded: give a folder under "
            f"models/pretrained/ that holds a model, or a Hugging Face id. ({reason})"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    # RoBERTa counts positions from behind its padding's: two fewer tokens than positions.
    positions = getattr(model.config, "max_position_embeddings", LONGEST + 2) - 2
    tokenizer.model_max_length = min(LONGEST, positions, tokenizer.model_max_length)
    return tokenizer, model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sum in one order, however many threads the process had: near ties decide who stays."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
