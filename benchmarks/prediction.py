"""Prediction speed of transformers: the transformers pipeline, Foldline, and exported graphs.

    python -m benchmarks.prediction [--data FILE] [--rows N] [--turns N] [--sizes 128x4 384x6]

FILE is a csv or csv.gz with a column `text`; without it, texts as long as film reviews are
generated. Weights are random, in two sizes: 4 layers of width 128, 6 of 384. Contestants alternate
in one process on one thread; times are medians of CPU seconds, tokenisation included.
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

from benchmarks.measurement import existing_file

LENGTH, VOCABULARY = 128, 8000
SIZES = {"128x4": (128, 4, 2), "384x6": (384, 6, 6)}
BASE = "pipeline, batches of 64"


def load_texts(file: Path | None, rows: int) -> list[str]:
    """Return the texts of a file, or generated ones of 9 words on average."""
    if file:
        texts: list[str] = pd.read_csv(file, keep_default_na=False)["text"].tolist()[:rows]
        return texts
    rng = np.random.default_rng(5)
    syllables = [chr(code) for code in rng.choice(np.arange(0xAC00, 0xD7A4), 300, replace=False)]
    words = ["".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(6000)]
    weights = 1 / np.arange(1, len(words) + 1)
    counts = np.clip(rng.lognormal(2.0, 0.6, rows).round().astype(int), 1, 40)
    return [" ".join(rng.choice(words, count, p=weights / weights.sum())) for count in counts]


def build_transformer(texts: list[str], size: tuple[int, int, int], seed: int = 0) -> Any:
    """Return a BERT with random weights and a tokenizer trained on the texts."""
    from transformers import BertConfig, BertForSequenceClassification, set_seed

    from foldline.core.io.labels import Labels
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models.neural import scratch
    from foldline.models.neural.long_text import LongTextReader
    from foldline.models.neural.transformer import Transformer

    recipe = load_params(Recipe).model_copy(update={"max_length": LENGTH})
    options = recipe.scratch.model_copy(update={"vocabulary": VOCABULARY, "pooling": "cls"})
    tokenizer = scratch.train_tokenizer(texts, recipe.model_copy(update={"scratch": options}))
    set_seed(seed)
    width, layers, heads = size
    config_class: Any = BertConfig
    model = BertForSequenceClassification(
        config_class(
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


def build_contestants(
    model: Any, table: pd.DataFrame, folder: Path
) -> dict[str, Callable[[], Any]]:
    """Return each contestant as a function that predicts all rows."""
    from transformers import pipeline

    from foldline.onnx import graph
    from foldline.onnx.export import write_folder
    from foldline.onnx.inference import FLOAT, INT8, open_graph

    write_folder(model, folder)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    graph.write_graph(model.model, names, folder / FLOAT)
    graph.quantize(folder / FLOAT, folder / INT8)
    texts = table["text"].tolist()
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
        "pipeline, one by one": lambda: pipe(texts),
        BASE: lambda: pipe(texts, batch_size=64),
        "Foldline, float32": lambda: model.predict(table),
        "Foldline, bfloat16": lambda: half.predict(table),
        "exported, float32": lambda: graphs[0].predict(table),
        "exported, int8": lambda: graphs[1].predict(table),
    }


def main() -> None:
    """Run the contestants in turns and print a table for each size."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing_file)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = load_texts(arguments.data, arguments.rows)
    table = pd.DataFrame({"text": texts, "text_pair": ""})
    for size in arguments.sizes:
        model = build_transformer(texts, SIZES[size])
        tokens = np.mean(
            [len(ids) for ids in model.reader.read(model.tokenizer, table)[0]["input_ids"]]
        )
        print(f"\n{size}: {len(texts)} rows, {tokens:.1f} tokens on average\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            contestants = build_contestants(model, table, Path(folder))
            seconds: dict[str, list[float]] = {name: [] for name in contestants}
            expected = contestants["Foldline, float32"]()
            agreement = {}
            for name in list(contestants)[3:]:
                agreement[name] = np.mean(contestants[name]().argmax(1) == expected.argmax(1))
            for _ in range(arguments.turns):
                for name, predict in contestants.items():
                    begun = time.process_time()
                    predict()
                    seconds[name].append(time.process_time() - begun)
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        print("| contestant | rows/s | ratio | labels as float32's |\n|---|---|---|---|")
        for name, median in medians.items():
            same = f"{agreement[name]:.4f}" if name in agreement else ""
            ratio = medians[BASE] / median
            print(f"| {name} | {len(texts) / median:,.0f} | {ratio:.1f} | {same} |", flush=True)


if __name__ == "__main__":
    main()
