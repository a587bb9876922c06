"""Training speed of transformers: the public recipe, Trainer options, Foldline, a bare loop.

    python -m benchmarks.training [--data FILE] [--rows N] [--turns N] [--sizes 128x4 384x6]
                                  [--only WORD ...] [--public-rows N]

FILE is a csv or csv.gz with columns `text` and `label` (0 or 1); without it, texts are generated
whose label follows from their words. The public recipe is run_classification of transformers:
Trainer with default arguments, every text padded to 128 tokens. All contestants start from the same
random weights, use batches of 32 rows and the same learning rate, and run in separate processes of
one thread, in rotation, three seconds each. A turn is one more epoch over the same rows, with the
learning rate decaying to 0. Times are medians of CPU seconds per turn without tokenisation, after
one turn of warm-up; accuracy is that of 1,000 test rows after N turns. `--only` selects the
contestants whose names contain one of the words. `--public-rows` trains the slow public recipe on
fewer rows: all its batches have the same shape, so its speed does not change.
"""

import argparse
import json
import re
import statistics
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measurement import ContestantProcess, existing_file, run_contestant, run_in_rotation
from benchmarks.prediction import SIZES, build_transformer, load_texts
from benchmarks.trainers import BATCH, CONTESTANTS, PUBLIC, make_foldline
from foldline.core.io.threads import configure_threads

N_TEST = 1000
MEMORY_SIZE = "128x4"  # the size whose memory is measured


def load_table(file: Path | None, rows: int) -> pd.DataFrame:
    """Return the first rows of a file, or generated ones, with the labels a and b."""
    if file:
        table = pd.read_csv(file, keep_default_na=False, nrows=rows, dtype=str)[["text", "label"]]
    else:
        generated = load_texts(None, rows)
        votes = [sum(1 if ord(word[0]) % 2 else -1 for word in text.split()) for text in generated]
        table = pd.DataFrame({"text": generated, "label": [str(int(vote > 0)) for vote in votes]})
    table["label"] = table["label"].map({"0": "a", "1": "b"})
    return table.assign(id=[str(number) for number in range(len(table))], text_pair="")


def measure_peak_flops(bfloat16: bool) -> float:
    """Return the speed of matrix products on this machine, in operations per CPU second."""
    import torch

    from foldline.models.neural.precision import fast_float32

    size, count = 1024, 0
    left, right = torch.rand(2, size, size, dtype=torch.bfloat16 if bfloat16 else torch.float32)
    with fast_float32():
        left @ right
        begun = time.process_time()
        while (seconds := time.process_time() - begun) < 2:
            left @ right
            count += 1
    return 2.0 * size**3 * count / seconds


def count_flops(start: Any, lengths: np.ndarray) -> float:
    """Return the operations of the matrix products of an epoch, without padding.

    Forward and backward: 6 per weight and token, and in attention 12 times the width per pair of
    tokens and layer.
    """
    import torch

    layers = start.model.base_model.encoder
    weights: float = sum(
        module.weight.numel() for module in layers.modules() if isinstance(module, torch.nn.Linear)
    )
    config = start.model.config
    total_width = int(config.num_hidden_layers * config.hidden_size)
    attention_flops = 12.0 * total_width * float((lengths**2).sum())
    return 6.0 * weights * float(lengths.sum()) + attention_flops


def measure_memory(table: pd.DataFrame) -> dict[str, Any]:
    """Train with Foldline in bfloat16 on 1,000 rows, then on all; return the peaks in MB."""
    start = build_transformer(table["text"].tolist()[:N_TEST], SIZES[MEMORY_SIZE])
    make_foldline(start, table[:N_TEST], "bfloat16").train_epoch(0)
    first_peak = peak_memory_mb()
    make_foldline(start, table, "bfloat16").train_epoch(0)
    return {"rows": len(table), "peak_of_first": first_peak, "peak_of_all": peak_memory_mb()}


def peak_memory_mb() -> int:
    """Return the peak memory of this process in MB (Linux; rusage would count the parent's)."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(match[1]) // 1024 if match else 0


class Contestant:
    """A contestant in its process, after one epoch of warm-up."""

    def __init__(self, name: str, size: str, data: Path | None, rows: int, train_rows: int) -> None:
        if name.startswith("Foldline"):  # as its stages do; the others are plain scripts
            configure_threads()
        import torch
        from transformers.utils import logging

        torch.set_num_threads(1)
        logging.set_verbosity_error()
        self.test_rows, table = split_rows(data, rows)
        self.start = build_transformer(table["text"].tolist(), SIZES[size])
        # Kernels are compiled once per batch shape; padded batches all have the same.
        first = table.head(2 * BATCH) if name == PUBLIC else table
        CONTESTANTS[name](self.start, first).train_epoch(0)
        self.trainer = CONTESTANTS[name](self.start, table.head(train_rows))

    def run_turn(self, number: int) -> float:
        """Train for one more epoch; return its CPU seconds."""
        self.trainer.train_epoch(number)
        return self.trainer.seconds[-1]

    def result(self) -> dict[str, float]:
        """Return the padding ratio and the accuracy on the test rows."""
        predicted = (
            replace(self.start, model=self.trainer.model).predict(self.test_rows).argmax(axis=1)
        )
        accuracy = float((predicted == (self.test_rows["label"] == "b")).mean())
        return {"padding_ratio": self.trainer.positions / self.trainer.tokens, "accuracy": accuracy}


def split_rows(data: Path | None, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return test rows and training rows."""
    table = load_table(data, rows + N_TEST)
    return table[:N_TEST], table[N_TEST:]


def compare_contestants(
    size: str, data: Path | None, rows: dict[str, int], turns: int, names: list[str]
) -> None:
    """Run the contestants of one model size in turns, each on its first `rows`; print a table."""
    max_rows = max(rows.values())
    _, table = split_rows(data, max_rows)
    start = build_transformer(table["text"].tolist(), SIZES[size])
    lengths = np.array(
        [len(ids) for ids in start.reader.read(start.tokenizer, table)[0]["input_ids"]]
    )
    with ExitStack() as stack:
        processes = {}
        for name in names:
            processes[name] = ContestantProcess(Contestant, name, size, data, max_rows, rows[name])
            stack.callback(processes[name].close)
        costs, results = run_in_rotation(processes, turns)
    speed = {name: rows[name] / statistics.median(values) for name, values in costs.items()}
    peak_flops = {bfloat16: measure_peak_flops(bfloat16) for bfloat16 in (False, True)}
    print(
        f"\n{size}: {len(table)} rows, {lengths.mean():.1f} tokens on average, {turns} turns; "
        f"products {peak_flops[False] / 1e9:.0f} GFLOP/s in float32, "
        f"{peak_flops[True] / 1e9:.0f} in bfloat16\n\n"
        "| contestant | rows/s | ratio | padding ratio | accuracy | of the products |\n"
        "|---|---|---|---|---|---|"
    )
    for name in names:
        flops = count_flops(start, lengths[: rows[name]]) / rows[name]
        utilisation = flops * speed[name] / peak_flops["bfloat16" in name]
        score = f"{results[name]['accuracy']:.3f}" if rows[name] == max_rows else ""
        print(
            f"| {name} | {speed[name]:,.1f} | {speed[name] / speed[names[0]]:.1f} | "
            f"{results[name]['padding_ratio']:.3f} | {score} | {utilisation:.0%} |",
            flush=True,
        )


def main() -> None:
    """Print a table for each size, then the memory of training with Foldline."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing_file)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORD")
    parser.add_argument("--public-rows", type=int, metavar="N")
    parser.add_argument("--contestant", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.contestant:
        configure_threads()
        print(json.dumps(measure_memory(load_table(arguments.data, arguments.contestant))))
        return
    names = [name for name in CONTESTANTS if any(word in name for word in arguments.only)]
    rows = dict.fromkeys(names, arguments.rows)
    if PUBLIC in rows:
        rows[PUBLIC] = min(arguments.public_rows or arguments.rows, arguments.rows)
    for size in arguments.sizes:
        compare_contestants(size, arguments.data, rows, arguments.turns, names)
    if MEMORY_SIZE not in arguments.sizes:
        return
    print(f"\nmemory of Foldline in MB, {MEMORY_SIZE}, bfloat16, by rows:")
    data = ["--data", str(arguments.data.resolve())] if arguments.data else []
    for rows in (arguments.rows, 4 * arguments.rows):
        print(run_contestant("benchmarks.training", str(rows), *data), flush=True)


if __name__ == "__main__":
    main()
