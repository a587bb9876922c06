"""Training of transformers: the public recipe, Trainer's own options, Foldline, a bare loop.

    python -m benchmarks.training [--data FILE] [--rows N] [--turns N] [--sizes 128x4 384x6]
                                  [--only WORD ...] [--public-rows N]

FILE is a csv or csv.gz with columns `text` and `label` (0 or 1); without it, texts are written
here, whose label follows from their words. The public recipe is that of transformers'
run_classification: Trainer by its default arguments, every text padded to 128 tokens. All begin
with the same random weights, read batches of 32 rows at one learning rate, each in a process of
its own on one thread. They work in rotation, three seconds each; a turn is one more epoch over
the same rows, the rate falling to 0. Times are CPU seconds without tokenisation, medians of turns,
after one that does not count; scores are of 1,000 other rows after N turns. `--only` leaves
contestants out whose names have none of the words. `--public-rows` lets the public recipe learn
fewer rows: its batches are all of one shape, so that its speed is the same, and it takes long.
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

from benchmarks.measuring import Apart, contest, existing, in_slices
from benchmarks.prediction import SIZES, texts, transformer
from benchmarks.trainers import BATCH, CONTESTANTS, PUBLIC, by_foldline
from foldline.core.io.threads import set_wait_policy

HELD = 1000
MEMORY = "128x4"  # the size whose memory is measured


def table_of(file: Path | None, rows: int) -> pd.DataFrame:
    """Return rows of a file, or synthetic ones with the labels a and b."""
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

    from foldline.models.neural.precision import fast_float32

    size, count = 1024, 0
    one, other = torch.rand(2, size, size, dtype=torch.bfloat16 if half else torch.float32)
    with fast_float32():
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
    """Return the most memory that this process had, in MB (Linux; rusage counts the parent's)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(found[1]) // 1024 if found else 0


class Contestant:
    """A contestant in its process, which has met every shape of its batches."""

    def __init__(self, name: str, size: str, data: Path | None, rows: int, own_rows: int) -> None:
        if name.startswith("Foldline"):  # as its stages do; the others are plain scripts
            set_wait_policy()
        import torch
        from transformers.utils import logging

        torch.set_num_threads(1)
        logging.set_verbosity_error()
        self.held, table = split(data, rows)
        self.start = transformer(table["text"].tolist(), SIZES[size])
        # Kernels are made when a shape is first met; padded rows are all of one.
        first = table.head(2 * BATCH) if name == PUBLIC else table
        CONTESTANTS[name](self.start, first).turn(0)
        self.own = CONTESTANTS[name](self.start, table.head(own_rows))

    def turn(self, number: int) -> float:
        """Train an epoch more; give its CPU seconds."""
        self.own.turn(number)
        return self.own.seconds[-1]

    def result(self) -> dict[str, float]:
        """Return places a token, and the accuracy of other rows, predicted in one way for all."""
        found = replace(self.start, model=self.own.model).predict(self.held).argmax(axis=1)
        accuracy = float((found == (self.held["label"] == "b")).mean())
        return {"places": self.own.places / self.own.tokens, "accuracy": accuracy}


def split(data: Path | None, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows to predict, and those to learn from."""
    table = table_of(data, rows + HELD)
    return table[:HELD], table[HELD:]


def compete(
    size: str, data: Path | None, rows: dict[str, int], turns: int, names: list[str]
) -> None:
    """Let contestants of a size take turns, each over so many of the first rows; print a table."""
    most = max(rows.values())
    _, table = split(data, most)
    start = transformer(table["text"].tolist(), SIZES[size])
    lengths = np.array(
        [len(ids) for ids in start.reader.read(start.tokenizer, table)[0]["input_ids"]]
    )
    with ExitStack() as ended:
        runs = {}
        for name in names:
            runs[name] = Apart(Contestant, name, size, data, most, rows[name])
            ended.callback(runs[name].close)
        spent, found = in_slices(runs, turns)
    speed = {name: rows[name] / statistics.median(each) for name, each in spent.items()}
    limit = {half: peak(half) for half in (False, True)}
    print(
        f"\n{size}: {len(table)} rows, {lengths.mean():.1f} tokens on average, {turns} turns; "
        f"products {limit[False] / 1e9:.0f} GFLOP/s in float32, {limit[True] / 1e9:.0f} in "
        "bfloat16\n\n"
        "| contestant | rows/s | ratio | places a token | accuracy | of the products |\n"
        "|---|---|---|---|---|---|"
    )
    for name in names:
        work = needed(start, lengths[: rows[name]]) / rows[name]
        used = work * speed[name] / limit["bfloat16" in name]
        score = f"{found[name]['accuracy']:.3f}" if rows[name] == most else ""
        print(
            f"| {name} | {speed[name]:,.1f} | {speed[name] / speed[names[0]]:.1f} | "
            f"{found[name]['places']:.3f} | {score} | {used:.0%} |",
            flush=True,
        )


def main() -> None:
    """Print a table for each size, then the memory of Foldline's training."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORD")
    parser.add_argument("--public-rows", type=int, metavar="N")
    parser.add_argument("--contestant", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.contestant:
        set_wait_policy()
        print(json.dumps(memory(table_of(given.data, given.contestant))))
        return
    names = [name for name in CONTESTANTS if any(word in name for word in given.only)]
    rows = dict.fromkeys(names, given.rows)
    if PUBLIC in rows:
        rows[PUBLIC] = min(given.public_rows or given.rows, given.rows)
    for size in given.sizes:
        compete(size, given.data, rows, given.turns, names)
    if MEMORY not in given.sizes:
        return
    print(f"\nmemory of Foldline in MB, {MEMORY}, bfloat16, by rows:")
    data = ["--data", str(given.data.resolve())] if given.data else []
    for rows in (given.rows, 4 * given.rows):
        print(contest("benchmarks.training", str(rows), *data), flush=True)


if __name__ == "__main__":
    main()
