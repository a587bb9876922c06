"""Accuracy of training over seeds: whether faster contestants are as accurate.

    python -m benchmarks.seeds [--data FILE] [--rows N] [--test-rows N] [--epochs N] [--seeds N]
                               [--sizes 128x4 384x6] [--only WORD ...] [--jobs N]

FILE is a csv or csv.gz with columns `text` and `label` (0 or 1); without it, texts are generated.
Contestants are those of `benchmarks.training`. The seed determines the initial weights, which all
contestants share, the order of rows and dropout. Each contestant trains on the first rows for some
epochs, each with a learning rate that decays to 0, and predicts `--test-rows` others. The table
compares them, seed by seed, with Trainer padded by batch: its batches are those of the public
recipe with less padding. Intervals are 95 % Student's t intervals of the differences between
seeds; they do not cover the variation between test rows.
"""

import argparse
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context

import numpy as np
from scipy.stats import ttest_rel
from tqdm import tqdm

from benchmarks.measurement import existing_file
from benchmarks.prediction import SIZES, build_transformer
from benchmarks.trainers import CONTESTANTS, PUBLIC
from benchmarks.training import load_table

BASELINE = "Trainer, padded by batch"


def train_and_score(arguments: argparse.Namespace, job: tuple[str, int, str]) -> float:
    """Train a contestant of one model size from one seed; return its test accuracy."""
    import torch
    from transformers.utils import logging

    from foldline.core.io.threads import configure_threads

    size, seed, name = job
    if name.startswith("Foldline"):  # as its stages do; the others are plain scripts
        configure_threads()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    table = load_table(arguments.data, arguments.rows + arguments.test_rows)
    test_rows, train_rows = table[: arguments.test_rows], table[arguments.test_rows :]
    start = build_transformer(train_rows["text"].tolist(), SIZES[size], seed)
    trainer = CONTESTANTS[name](start, train_rows)
    for epoch in range(arguments.epochs):
        trainer.train_epoch(seed * arguments.epochs + epoch)
    predicted = replace(start, model=trainer.model).predict(test_rows).argmax(axis=1)
    return float((predicted == (test_rows["label"] == "b")).mean())


def format_row(name: str, scores: np.ndarray, baseline: np.ndarray) -> str:
    """Return a row of the table: mean and difference from the baseline."""
    row = f"| {name} | {scores.mean():.4f} | {scores.std(ddof=1):.4f} |"
    if scores is baseline:
        return f"{row} | |"
    difference = scores - baseline
    if np.ptp(difference) == 0:
        return f"{row} {difference[0]:+.4f} | in each |"
    low, high = ttest_rel(scores, baseline).confidence_interval()
    return f"{row} {difference.mean():+.4f} | {low:+.4f} to {high:+.4f} |"


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=existing_file)
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--test-rows", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="*", default=["Foldline, bfloat16"], metavar="WORD")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error(f"--seeds {arguments.seeds}: a spread needs 2 or more")
    candidates = [name for name in CONTESTANTS if name not in (BASELINE, PUBLIC)]
    names = [
        BASELINE,
        *(name for name in candidates if any(word in name for word in arguments.only)),
    ]
    jobs = [*product(arguments.sizes, range(arguments.seeds), names)]
    with get_context("spawn").Pool(
        arguments.jobs, maxtasksperchild=1
    ) as pool:  # no state is shared
        results = pool.imap(partial(train_and_score, arguments), jobs)
        scores = dict(zip(jobs, tqdm(results, total=len(jobs)), strict=True))
    for size in arguments.sizes:
        print(
            f"\n{size}: {arguments.rows} rows, {arguments.epochs} epochs, {arguments.seeds} seeds; "
            f"accuracy of {arguments.test_rows} others\n\n"
            "| contestant | mean | of a seed | difference | interval |\n|---|---|---|---|---|"
        )
        scores_by_name = {
            name: np.array([scores[size, seed, name] for seed in range(arguments.seeds)])
            for name in names
        }
        for name in names:
            print(format_row(name, scores_by_name[name], scores_by_name[BASELINE]), flush=True)


if __name__ == "__main__":
    main()
