"""Scores of trainings over seeds: whether one that is faster learns as much.

    python -m benchmarks.seeds [--data FILE] [--rows N] [--held N] [--epochs N] [--seeds N]
                               [--sizes 128x4 384x6] [--only WORD ...] [--jobs N]

FILE is a csv or csv.gz with columns `text` and `label` (0 or 1); without it, texts are written
here. Contestants are those of `benchmarks.training`. A seed draws the weights that all of them
begin with, the orders of their rows and their dropout. Each learns the first rows for some epochs,
each epoch a training of its own whose rate falls to 0, and predicts `--held` others. The table
compares them, seed by seed, with the first, Trainer padded by batch: its batches are the public
recipe's, without the padding that does not change them. Intervals are Student's t of the seeds'
differences, at 95 %; they tell of seeds, not of the rows that are predicted.
"""

import argparse
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context

import numpy as np
from scipy.stats import ttest_rel
from tqdm import tqdm

from benchmarks.measuring import existing
from benchmarks.prediction import SIZES, transformer
from benchmarks.trainers import CONTESTANTS, PUBLIC
from benchmarks.training import table_of

FIRST = "Trainer, padded by batch"


def accuracy(given: argparse.Namespace, job: tuple[str, int, str]) -> float:
    """Train a contestant of a size from a seed on; give the accuracy of the rows held out."""
    import torch
    from transformers.utils import logging

    from foldline.core.io.threads import set_wait_policy

    size, seed, name = job
    if name.startswith("Foldline"):  # as its stages do; the others are plain scripts
        set_wait_policy()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    table = table_of(given.data, given.rows + given.held)
    held, rows = table[: given.held], table[given.held :]
    start = transformer(rows["text"].tolist(), SIZES[size], seed)
    own = CONTESTANTS[name](start, rows)
    for epoch in range(given.epochs):
        own.turn(seed * given.epochs + epoch)
    found = replace(start, model=own.model).predict(held).argmax(axis=1)
    return float((found == (held["label"] == "b")).mean())


def told(name: str, scores: np.ndarray, first: np.ndarray) -> str:
    """Return a contestant's row of the table: its mean, and its difference from the first."""
    row = f"| {name} | {scores.mean():.4f} | {scores.std(ddof=1):.4f} |"
    if scores is first:
        return f"{row} | |"
    difference = scores - first
    if np.ptp(difference) == 0:
        return f"{row} {difference[0]:+.4f} | in each |"
    low, high = ttest_rel(scores, first).confidence_interval()
    return f"{row} {difference.mean():+.4f} | {low:+.4f} to {high:+.4f} |"


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing)
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--held", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="*", default=["Foldline, bfloat16"], metavar="WORD")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error(f"--seeds {given.seeds}: a spread needs 2 or more")
    others = [name for name in CONTESTANTS if name not in (FIRST, PUBLIC)]
    names = [FIRST, *(n for n in others if any(word in n for word in given.only))]
    jobs = [*product(given.sizes, range(given.seeds), names)]
    with get_context("spawn").Pool(given.jobs, maxtasksperchild=1) as pool:  # none helps another
        done = pool.imap(partial(accuracy, given), jobs)
        scores = dict(zip(jobs, tqdm(done, total=len(jobs)), strict=True))
    for size in given.sizes:
        print(
            f"\n{size}: {given.rows} rows, {given.epochs} epochs, {given.seeds} seeds; accuracy of "
            f"{given.held} others\n\n"
            "| contestant | mean | of a seed | difference | interval |\n|---|---|---|---|---|"
        )
        every = {n: np.array([scores[size, s, n] for s in range(given.seeds)]) for n in names}
        for name in names:
            print(told(name, every[name], every[FIRST]), flush=True)


if __name__ == "__main__":
    main()
