"""Export a trained transformer to a folder for onnxruntime and tokenizers alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically, write_text
from foldline.models.neural.transformer import Transformer
from foldline.onnx import graph
from foldline.onnx.inference import FLOAT, INT8, open_graph
from foldline.onnx.readme import format_readme

FLOAT_TOLERANCE = 1e-4  # of probabilities, or as a share of the largest value
INT8_AGREEMENT = 0.995  # share of equal labels, or the correlation
TURNS = 3


@dataclass(frozen=True)
class Parity:
    """How an exported model compares with its source over `rows` rows.

    `difference` is the largest difference of a probability or value, `agreement` the share of rows
    with equal labels, for regression the correlation.
    """

    rows: int
    difference: float
    agreement: float
    largest: float


def export(model: Transformer, rows: pd.DataFrame, folder: Path, int8: bool) -> dict[str, Parity]:
    """Write the folder, whole or not at all, and return the parity of each of its graphs.

    Raises:
        FoldlineError: if a package is missing, torch cannot export the model, there is no row to
            compare, or a graph predicts otherwise than the model.
    """
    graph.check_installed()
    compared = _uncut_rows(model, rows)
    float32_model = replace(model, precision="float32")
    expected = float32_model.predict(compared)
    parities = {}
    with replace_atomically(folder) as temporary:
        temporary.mkdir(parents=True)
        write_folder(model, temporary)
        graph.write_graph(model.model, _input_names(model), temporary / FLOAT)
        if int8:
            graph.quantize(temporary / FLOAT, temporary / INT8)
        for name in (FLOAT, INT8)[: 1 + int8]:
            exported = open_graph(temporary, name, model.labels.task, model.threads).predict(
                compared
            )
            parities[name] = measure_parity(expected, exported, model)
            check_parity(name, parities[name], model.labels.task)
    return parities


def write_folder(model: Transformer, folder: Path) -> None:
    """Write the files beside the graphs: tokenizer, config with the label names, README."""
    tokenizer = _fast_tokenizer(model.tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.model.config.save_pretrained(folder)
    write_text(folder / "README.md", format_readme(model.labels.task, model.reader))


def measure_parity(expected: np.ndarray, predictions: np.ndarray, model: Transformer) -> Parity:
    """Compare (n, c) probabilities or (n,) values with those of the source model."""
    largest = max(1.0, float(np.abs(expected).max()))
    if model.labels.task == "regression":
        varied = bool(np.ptp(expected) and np.ptp(predictions))
        agreement = float(np.corrcoef(expected, predictions)[0, 1]) if varied else 1.0
    else:
        pairs = zip(model.labels.decode(expected), model.labels.decode(predictions), strict=True)
        agreement = float(np.mean([a == b for a, b in pairs]))
    return Parity(len(expected), float(np.abs(expected - predictions).max()), agreement, largest)


def check_parity(name: str, parity: Parity, task: str) -> None:
    """Refuse a graph that predicts otherwise.

    Raises:
        FoldlineError: with the measured and the allowed difference.
    """
    if name == FLOAT and not parity.difference <= FLOAT_TOLERANCE * parity.largest:
        raise FoldlineError(
            f"{FLOAT} differs from the model by up to {parity.difference:.2g} over {parity.rows} "
            f"rows (allowed: {FLOAT_TOLERANCE * parity.largest:.2g}): the export of this "
            "architecture is wrong, so nothing was written. Use the model itself"
        )
    if name == INT8 and not parity.agreement >= INT8_AGREEMENT:
        measure = "a correlation of" if task == "regression" else "equal labels for"
        raise FoldlineError(
            f"{INT8} has {measure} {parity.agreement:.4f} over {parity.rows} rows (needed: "
            f"{INT8_AGREEMENT}): 8 bits are too few for this model, so nothing was written. Export "
            "it with --int8 no"
        )


def measure_speeds(
    model: Transformer, rows: pd.DataFrame, folder: Path, int8: bool
) -> dict[str, float]:
    """Return rows per second of the model and of each graph: medians of alternating runs."""
    compared = _uncut_rows(model, rows)
    names = (FLOAT, INT8)[: 1 + int8]
    runs: dict[str, Callable[[pd.DataFrame], Any]] = {f"torch, {model.precision}": model.predict}
    task, threads = model.labels.task, model.threads
    runs |= {name: open_graph(folder, name, task, threads).predict for name in names}
    durations: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            start = time.perf_counter()
            run(compared)
            durations[name].append(time.perf_counter() - start)
    return {name: len(compared) / float(np.median(seconds)) for name, seconds in durations.items()}


def _uncut_rows(model: Transformer, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the exported tokenizer reads as the model does.

    It truncates a text to its head or tail, and does not split it into pieces.
    """
    if model.reader.how not in ("head", "tail"):
        rows = rows[~model.reader.read(model.tokenizer, rows)[2]]
    if rows.empty:
        raise FoldlineError(
            "there is no row to compare the exported model with: export needs validation or "
            f"training rows of at most max_length={model.reader.max_length} tokens"
        )
    return rows


def _input_names(model: Transformer) -> list[str]:
    """Return the input names in the order of the tokenizer."""
    example = pd.DataFrame({"text": ["a"], "text_pair": [""]})
    return list(model.reader.read(model.tokenizer, example)[0])


def _fast_tokenizer(tokenizer: Any) -> Any:
    """Return a tokenizer of `tokenizers` that truncates and pads as in training.

    Raises:
        FoldlineError: if the model's tokenizer is written in Python.
    """
    from tokenizers import Tokenizer

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise FoldlineError(
            f"{type(tokenizer).__name__} is a Python tokenizer, which cannot be used without "
            "transformers: export needs a model with a tokenizer.json"
        )
    fast_tokenizer = Tokenizer.from_str(backend.to_str())
    fast_tokenizer.enable_truncation(
        tokenizer.model_max_length, direction=tokenizer.truncation_side
    )
    fast_tokenizer.enable_padding(
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id,
        pad_type_id=tokenizer.pad_token_type_id,
        pad_token=tokenizer.pad_token,
    )
    return fast_tokenizer
