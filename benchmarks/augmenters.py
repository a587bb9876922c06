"""Rows a second of AEDA, swap and delete, beside nlpaug's on the same texts.

Run with `python -m benchmarks.augmenters [texts.txt]`: a text a line; without a file, texts are
made. All run by turns in one process on one core, and medians are compared. nlpaug is timed as it
is called (`augment` on one list, its global generators unseeded), and as it must be called to
give what Foldline gives: a copy that depends on no other one, so both of its generators seeded
for each row. nlpaug has no AEDA: its side is a class of one's own, as its documentation shows.
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.balance.changing import Ask, Changer
from foldline.frame import loading
from foldline.frame.params import Augment
from foldline.frame.seeds import derive

ROUNDS = 7
SYLLABLES = ("ba", "ko", "ri", "mun", "te", "sha", "lo", "가", "나무", "하늘", "이", "고")
Work = Callable[[], object]


def texts(path: Path | None, count: int = 3000) -> list[str]:
    """Read texts, or make some of 4 to 28 words."""
    if path:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rng = random.Random(0)

    def word() -> str:
        return "".join(rng.choices(SYLLABLES, k=rng.randint(1, 3)))

    return [" ".join(word() for _ in range(rng.randint(4, 28))) for _ in range(count)]


def changer(method: str) -> Changer:
    """Make a changer by the project's params, as strong as nlpaug is asked to be."""
    section = loading.read(Path("params.yaml"))["augment"]
    section |= {"method": method} | {name: {"share": 0.1} for name in ("swap", "delete")}
    rows = pd.DataFrame({"text": [], "text_pair": [], "label": []})
    return Changer(rows, Augment.model_validate(section), "classification", 0)


def peers() -> dict[str, Any]:
    """Make nlpaug's augmenters: AEDA is one of one's own, as its documentation shows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.word as word

    class Aeda(word.WordAugmenter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(action="insert", tokenizer=str.split, reverse_tokenizer=" ".join)

        def insert(self, data: str) -> str:
            words = data.split()
            count = random.randint(1, max(1, int(0.3 * len(words))))
            for place in sorted(random.sample(range(len(words)), count), reverse=True):
                words.insert(place, random.choice(".,!?;:"))
            return " ".join(words)

    return {
        "aeda": Aeda(),
        "swap": word.RandomWordAug(action="swap", aug_p=0.1),
        "delete": word.RandomWordAug(action="delete", aug_p=0.1),
    }


def seconds(work: Work) -> float:
    """Time a piece of work by the process's own clock, which a busy machine does not slow."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def beside(asks: list[Ask], lines: list[str]) -> dict[str, dict[str, float]]:
    """Compare each method with its peer, by turns."""
    found = {}
    for method, peer in peers().items():
        own = changer(method)
        ours, theirs = partial(own.change, method, asks, 0), partial(peer.augment, lines)
        sides = [ours, theirs, partial(seeded, peer, lines)]
        turns = [[seconds(work) for work in sides] for _ in range(ROUNDS)]
        mine, other, alike = (statistics.median(side) for side in zip(*turns, strict=True))
        found[method] = {
            "foldline_rows_per_s": round(len(asks) / mine),
            "nlpaug_rows_per_s": round(len(asks) / other),
            "nlpaug_seeded_rows_per_s": round(len(asks) / alike),
            "times": round(other / mine, 2),
            "times_seeded": round(alike / mine, 2),
        }
    return found


def seeded(peer: Any, lines: list[str]) -> list[str]:
    """Have nlpaug change each row by its own seed."""
    found = []
    for number, line in enumerate(lines):
        seed = derive(0, "augment", f"row{number}") % 2**32
        random.seed(seed)
        np.random.seed(seed)
        found += peer.augment([line])
    return found


def alone(asks: list[Ask]) -> dict[str, int]:
    """Time what has no peer that needs no download."""
    own = changer("noise")
    taken = [seconds(lambda: own.change("noise", asks, 0)) for _ in range(3)]
    return {"noise_rows_per_s": round(len(asks) / statistics.median(taken))}


def scaling(asks: list[Ask]) -> dict[str, Any]:
    """Time the same work on one process and on two (wall clock), and compare the results."""
    from joblib import Parallel, delayed

    own = changer("noise")
    chunks = [asks[start::8] * 10 for start in range(8)]
    found: dict[str, Any] = {}
    results = []
    for workers in (1, 2):
        with Parallel(n_jobs=workers) as pool:
            pool(delayed(own.change)("noise", chunk[:10], 0) for chunk in chunks)
            begun = time.perf_counter()
            results.append(pool(delayed(own.change)("noise", chunk, 0) for chunk in chunks))
            taken = time.perf_counter() - begun
        found[f"workers_{workers}_rows_per_s"] = round(sum(map(len, chunks)) / taken)
    return found | {"same_rows": results[0] == results[1]}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="?", type=Path, help="a file with a text a line")
    lines = texts(parser.parse_args().texts)
    asks = [Ask(line, "", "x", f"row{number}", 0) for number, line in enumerate(lines)]
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "texts": len(lines),
        "words": statistics.mean(len(line.split()) for line in lines),
        "beside": beside(asks, lines),
        "alone": alone(asks),
        "scaling": scaling(asks),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
