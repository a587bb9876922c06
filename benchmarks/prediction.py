"""Predictions of transformers: pipeline of transformers, Foldline, and the exported graphs.

    python -m benchmarks.prediction [--data FILE] [--rows N] [--turns N] [--sizes 128x4 384x6]

FILE is a csv or csv.gz with a column `text`; without it, texts are written here, of lengths like
those of film reviews. Weights are random, in two sizes: 4 layers of 128, 6 of 384. Contestants
alternate in one process on one thread; times are CPU seconds with tokenisation, medians of turns.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import existing

LENGTH, VOCABULARY = 128, 8000
SIZES = {"128x4": (128, 4, 2), "384x6": (384, 6, 6)}
BASE = "pipeline, batches of 64"


def texts(file: Path | None, rows: int) -> list[str]:
    """Return texts of a file, or make some: words of two to four syllables, 9 on average."""
    if file:
        found: list[str] = pd.read_csv(file, keep_default_na=False)["text"].tolist()[:rows]
        return found
    rng = np.random.default_rng(5)
    syllables = [chr(code) for code in rng.choice(np.arange(0xAC00, 0xD7A4), 300, replace=False)]
    words = ["".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(6000)]
    share = 1 / np.arange(1, len(words) + 1)
    counts = np.clip(rng.lognormal(2.0, 0.6, rows).round().astype(int), 1, 40)
    return [" ".join(rng.choice(words, count, p=share / share.sum())) for count in counts]


def transformer(given: list[str], size: tuple[int, int, int], seed: int = 0) -> Any:
    """Make a BERT with random weights, drawn by the seed, and a tokenizer of the texts."""
    from transformers import BertConfig, BertForSequenceClassification, set_seed

    from foldline.core.io.labels import Labels
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models.neural import scratch
    from foldline.models.neural.long_text import LongTextReader
    from foldline.models.neural.transformer import Transformer

    recipe = load_params(Recipe).model_copy(update={"max_length": LENGTH})
    options = recipe.scratch.model_copy(update={"vocabulary": VOCABULARY, "pooling": "cls"})
    tokenizer = scratch.train_tokenizer(given, recipe.model_copy(update={"scratch": options}))
    set_seed(seed)
    width, layers, heads = size
    config: Any = BertConfig
    model = BertForSequenceClassification(
        config(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            max_position_embeddings=LENGTH,
            vocab_size=len(tokenizer),
        )
    )
    reader = LongTextReader("head", 0.25, "mean", LENGTH)
    return Transformer(Labels("classification", ("a", "b")), tokenizer, model, reader, 1, "float32")


def contestants(model: Any, table: pd.DataFrame, folder: Path) -> dict[str, Callable[[], Any]]:
    """Return each contestant as a function that predicts all rows."""
    from transformers import pipeline

    from foldline.onnx import graph
    from foldline.onnx.export import write_folder
    from foldline.onnx.inference import FLOAT, INT8, open_graph

    write_folder(model, folder)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    graph.write_graph(model.model, names, folder / FLOAT)
    graph.quantize(folder / FLOAT, folder / INT8)
    given = table["text"].tolist()
    pipe = pipeline(
        "text-classification",
        model=model.model,
        tokenizer=model.tokenizer,
        device="cpu",
        top_k=None,
        truncation=True,
    )
    half = replace(model, precision="bfloat16")
    graphs = [open_graph(folder, name, "classification", 1) for name in (FLOAT, INT8)]
    return {
        "pipeline, one by one": lambda: pipe(given),
        BASE: lambda: pipe(given, batch_size=64),
        "Foldline, float32": lambda: model.predict(table),
        "Foldline, bfloat16": lambda: half.predict(table),
        "exported, float32": lambda: graphs[0].predict(table),
        "exported, int8": lambda: graphs[1].predict(table),
    }


def main() -> None:
    """Let the contestants take turns, and print a table for each size."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = texts(given.data, given.rows)
    table = pd.DataFrame({"text": found, "text_pair": ""})
    for name in given.sizes:
        model = transformer(found, SIZES[name])
        tokens = np.mean(
            [len(ids) for ids in model.reader.read(model.tokenizer, table)[0]["input_ids"]]
        )
        print(f"\n{name}: {len(found)} rows, {tokens:.1f} tokens on average\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            runs = contestants(model, table, Path(folder))
            taken: dict[str, list[float]] = {one: [] for one in runs}
            expected = runs["Foldline, float32"]()
            alike = {}
            for one in list(runs)[3:]:
                alike[one] = np.mean(runs[one]().argmax(1) == expected.argmax(1))
            for _ in range(given.turns):
                for one, run in runs.items():
                    begun = time.process_time()
                    run()
                    taken[one].append(time.process_time() - begun)
        medians = {one: statistics.median(each) for one, each in taken.items()}
        print("| contestant | rows/s | ratio | labels as float32's |\n|---|---|---|---|")
        for one, seconds in medians.items():
            same = f"{alike[one]:.4f}" if one in alike else ""
            ratio = medians[BASE] / seconds
            print(f"| {one} | {len(found) / seconds:,.0f} | {ratio:.1f} | {same} |", flush=True)


if __name__ == "__main__":
    main()
