"""Training of transformers: the public recipe, Trainer's own options, Foldline, a bare loop.

    python -m benchmarks.training [--data FILE] [--rows N] [--turns N] [--sizes 128x4 384x6]

FILE is a csv or csv.gz with columns `text` and `label` (0 or 1); without it, texts are written
here, whose label follows from their words. The public recipe is that of transformers'
run_classification: Trainer by its default arguments, every text padded to 128 tokens. All begin
with the same random weights, read batches of 32 rows at one learning rate, in one process on one
thread, and take turns; a turn is one more epoch over the same rows, the rate falling to 0. Times
are CPU seconds without tokenisation, medians of turns; scores are of 1,000 other rows after the
last turn.
"""

import argparse
import json
import re
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import contest, existing
from benchmarks.prediction import SIZES, texts, transformer
from benchmarks.trainers import PUBLIC, Trained, by_foldline, by_hand, contestants
from foldline.frame.threads import settle

HELD = 1000
MEMORY = "128x4"  # the size whose memory is measured


def table_of(file: Path | None, rows: int) -> pd.DataFrame:
    """Give rows of a file, or make some whose words speak for either label; labels are a and b."""
    if file:
        table = pd.read_csv(file, keep_default_na=False, nrows=rows, dtype=str)[["text", "label"]]
    else:
        given = texts(None, rows)
        votes = [sum(1 if ord(word[0]) % 2 else -1 for word in text.split()) for text in given]
        table = pd.DataFrame({"text": given, "label": [str(int(v > 0)) for v in votes]})
    table["label"] = table["label"].map({"0": "a", "1": "b"})
    return table.assign(id=[str(n) for n in range(len(table))], text_pair="")


def peak(half: bool) -> float:
    """Measure the machine's matrix products, in operations a CPU second."""
    import torch

    from foldline.modeling.neural.precision import float32_by_avx512

    size, count = 1024, 0
    one, other = torch.rand(2, size, size, dtype=torch.bfloat16 if half else torch.float32)
    with float32_by_avx512():
        one @ other
        begun = time.process_time()
        while (spent := time.process_time() - begun) < 2:
            one @ other
            count += 1
    return 2.0 * size**3 * count / spent


def needed(start: Any, lengths: np.ndarray) -> float:
    """Count the operations of an epoch's products, forward and backward, without padding.

    Six for each weight of a layer and token, and twelve times the width in attention for each
    pair of tokens and layer.
    """
    import torch

    layers = start.model.base_model.encoder
    weights: float = sum(
        m.weight.numel() for m in layers.modules() if isinstance(m, torch.nn.Linear)
    )
    config = start.model.config
    width = int(config.num_hidden_layers * config.hidden_size)
    pairs = 12.0 * width * float((lengths**2).sum())
    return 6.0 * weights * float(lengths.sum()) + pairs


def memory(table: pd.DataFrame) -> dict[str, Any]:
    """Train Foldline's bfloat16 contestant on 1,000 rows, then on all; give the peaks in MB."""
    start = transformer(table["text"].tolist()[:HELD], SIZES[MEMORY])
    by_foldline(start, table[:HELD], "bfloat16").turn(0)
    before = highest()
    by_foldline(start, table, "bfloat16").turn(0)
    return {"rows": len(table), "peak_of_first": before, "peak_of_all": highest()}


def highest() -> int:
    """Give the most memory that this process had, in MB (Linux; rusage counts the parent's)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(found[1]) // 1024 if found else 0


def scored(start: Any, own: Trained, held: pd.DataFrame) -> float:
    """Give the accuracy of other rows, predicted in the same way for all."""
    found = replace(start, model=own.model).predict(held).argmax(axis=1)
    return float((found == (held["label"] == "b")).mean())


def compete(name: str, table: pd.DataFrame, held: pd.DataFrame, turns: int) -> None:
    """Let the contestants of a size take turns, and print their table."""
    start = transformer(table["text"].tolist(), SIZES[name])
    lengths = np.array(
        [len(ids) for ids in start.reading.read(start.tokenizer, table)[0]["input_ids"]]
    )
    runs = contestants(start, table)
    for half in (False, True):
        # Kernels are made when a shape of a batch is first met: whoever comes first would pay.
        by_hand(start, table, half).turn(0)
    for turn in range(turns):
        for own in runs.values():
            own.turn(turn)
    seconds = {one: statistics.median(own.seconds) for one, own in runs.items()}
    limit = {half: peak(half) for half in (False, True)}
    work = needed(start, lengths)
    print(
        f"\n{name}: {len(table)} rows, {lengths.mean():.1f} tokens on average, {turns} turns; "
        f"products {limit[False] / 1e9:.0f} GFLOP/s in float32, {limit[True] / 1e9:.0f} in "
        "bfloat16\n\n"
        "| contestant | rows/s | ratio | places a token | accuracy | of the products |\n"
        "|---|---|---|---|---|---|"
    )
    for one, own in runs.items():
        used = work / seconds[one] / limit["bfloat16" in one]
        print(
            f"| {one} | {len(table) / seconds[one]:,.0f} | {seconds[PUBLIC] / seconds[one]:.1f} | "
            f"{own.places / own.tokens:.3f} | {scored(start, own, held):.3f} | {used:.0%} |",
            flush=True,
        )


def main() -> None:
    """Print a table for each size, then the memory of Foldline's training."""
    import torch
    from transformers.utils import logging

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--contestant", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    settle()  # as a stage does
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    if given.contestant:
        print(json.dumps(memory(table_of(given.data, given.contestant))))
        return
    table = table_of(given.data, given.rows + HELD)
    for name in given.sizes:
        compete(name, table[HELD:], table[:HELD], given.turns)
    if MEMORY not in given.sizes:
        return
    print(f"\nmemory of Foldline in MB, {MEMORY}, bfloat16, by rows:")
    data = ["--data", str(given.data.resolve())] if given.data else []
    for rows in (given.rows, 4 * given.rows):
        print(contest("benchmarks.training", str(rows), *data), flush=True)


if __name__ == "__main__":
    main()
