"""Rows per second of the augmenters that need no model, compared with nlpaug.

Run with `python -m benchmarks.augmenters [texts.txt]`, one text per line; without a file, texts are
generated. All run in turns in one process on one core, and medians are compared. nlpaug is timed
in two ways: with one call of `augment` for all texts, and seeded for each row, as repeatable copies
need. nlpaug has no AEDA and no insertion of synonyms without a model, and its WordNet synonyms
need a tagger and a download; the counterparts are custom classes, as in its documentation, and
ReservedAug with the same synonyms. The counterpart of EDA applies each of the four to a quarter of
the texts. The AEDA function published by its authors is timed as well.
"""

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.augment_rows import Copy, change_copies
from foldline.augmentation.augmenters import TextAugmenter
from foldline.augmentation.requests import CopyRequest
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Augment, loading

ROUNDS = 7
SYLLABLES = ("ba", "ko", "ri", "mun", "te", "sha", "lo", "가", "나무", "하늘", "이", "고")
LATIN = [syllable for syllable in SYLLABLES if syllable.isascii()]
SYNONYMS = {
    word: [f"{word}{end}" for end in "xyz"]
    for word in map("".join, [*product(LATIN), *product(LATIN, LATIN)])
}
Work = Callable[[], object]


def load_texts(path: Path | None, count: int = 3000) -> list[str]:
    """Return the texts of a file, or generated ones of 4 to 28 words."""
    if path:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rng = random.Random(0)

    def word() -> str:
        return "".join(rng.choices(SYLLABLES, k=rng.randint(1, 3)))

    return [" ".join(word() for _ in range(rng.randint(4, 28))) for _ in range(count)]


def make_augmenter(method: str, augment: dict[str, Any]) -> TextAugmenter:
    """Return Foldline's augmenter with the same shares of words as nlpaug."""
    Path("data/raw").mkdir(parents=True, exist_ok=True)
    table = "".join(f"{word}\t{','.join(synonyms)}\n" for word, synonyms in SYNONYMS.items())
    Path("data/raw/synonyms.tsv").write_text(table, encoding="utf-8")
    shares = {name: {"share": 0.1} for name in ("swap", "delete", "insert")}
    synonym = {"share": 0.1, "source": "tsv", "path": "data/raw/synonyms.tsv"}
    params = augment | shares | {"method": method, "synonym": synonym}
    no_rows = pd.DataFrame({"text": [], "text_pair": [], "label": []})
    return TextAugmenter(no_rows, Augment.model_validate(params), "classification", 0)


def make_nlpaug_augmenters() -> dict[str, Any]:
    """Return the nlpaug augmenters by method, with custom classes for AEDA and insertion."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.char as char
        import nlpaug.augmenter.word as word

    tokenization = {"tokenizer": str.split, "reverse_tokenizer": " ".join}

    class AedaAug(word.WordAugmenter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(action="insert", **tokenization)

        def insert(self, data: str) -> str:
            words = data.split()
            count = random.randint(1, max(1, int(0.3 * len(words))))
            for index in sorted(random.sample(range(len(words)), count), reverse=True):
                words.insert(index, random.choice(".,!?;:"))
            return " ".join(words)

    class InsertSynonymAug(AedaAug):
        def insert(self, data: str) -> str:
            words = data.split()
            replaceable = [word for word in words if word in SYNONYMS]
            for _ in range(max(1, round(0.1 * len(words))) if replaceable else 0):
                synonym = random.choice(SYNONYMS[random.choice(replaceable)])
                words.insert(random.randint(0, len(words)), synonym)
            return " ".join(words)

    reserved = [[source, *synonyms] for source, synonyms in SYNONYMS.items()]
    augmenters = {
        "aeda": AedaAug(),
        "swap": word.RandomWordAug(action="swap", aug_p=0.1),
        "delete": word.RandomWordAug(action="delete", aug_p=0.1),
        "insert": InsertSynonymAug(),
        "synonym": word.ReservedAug(reserved_tokens=reserved, aug_p=0.1, **tokenization),
    }
    quarters = [augmenters[name] for name in ("swap", "delete", "insert", "synonym")]
    noise = char.RandomCharAug(action="substitute", aug_word_p=0.2, aug_char_max=1)
    return augmenters | {"eda": MixedAugmenter(quarters), "noise": noise}


class MixedAugmenter:
    """Applies each augmenter to an equal share of the texts."""

    def __init__(self, augmenters: list[Any]) -> None:
        self.augmenters = augmenters

    def augment(self, texts: list[str]) -> list[str]:
        """Return each text changed by one of the augmenters."""
        step = len(self.augmenters)
        if len(texts) == 1:
            return list(random.choice(self.augmenters).augment(texts))
        return [
            text
            for start, augmenter in enumerate(self.augmenters)
            for text in augmenter.augment(texts[start::step])
        ]


def augment_published_aeda(texts: list[str]) -> list[str]:
    """Return texts changed as by the published code of AEDA (Karimi et al., 2021)."""
    changed = []
    for text in texts:
        words, new_words = text.split(" "), []
        positions = random.sample(range(len(words)), random.randint(1, int(0.3 * len(words) + 1)))
        for position, word in enumerate(words):
            if position in positions:
                new_words.append(".,!?;:"[random.randint(0, 5)])
            new_words.append(word)
        changed.append(" ".join(new_words))
    return changed


def cpu_seconds(work: Work) -> float:
    """Return the CPU seconds of a call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare_speed(
    requests: list[CopyRequest], texts: list[str], augment: dict[str, Any]
) -> dict[str, Any]:
    """Return the speed of each method and of its counterparts."""
    results: dict[str, Any] = {}
    for method, nlpaug_augmenter in make_nlpaug_augmenters().items():
        augment_texts = partial(make_augmenter(method, augment).augment, method, requests, 0)
        contestants: dict[str, Work] = {
            "foldline": augment_texts,
            "nlpaug": partial(nlpaug_augmenter.augment, texts),
            "nlpaug_seeded": partial(augment_seeded, nlpaug_augmenter, texts),
        }
        if method == "aeda":
            contestants["published"] = partial(augment_published_aeda, texts)
        turns = [[cpu_seconds(work) for work in contestants.values()] for _ in range(ROUNDS)]
        medians = dict(
            zip(contestants, map(statistics.median, zip(*turns, strict=True)), strict=True)
        )
        results[method] = {
            contestant: {
                "rows_per_s": round(len(requests) / median),
                "times": round(median / medians["foldline"], 2),
            }
            for contestant, median in medians.items()
        }
    return results


def augment_seeded(augmenter: Any, texts: list[str]) -> list[str]:
    """Return texts changed by nlpaug with a seed for each row."""
    changed = []
    for number, text in enumerate(texts):
        seed = derive_seed(0, "augment", f"row{number}") % 2**32
        random.seed(seed)
        np.random.seed(seed)
        changed += augmenter.augment([text])
    return changed


def measure_scaling(
    requests: list[CopyRequest], augment: dict[str, Any], method: str
) -> dict[str, Any]:
    """Return rows per second with one and two workers, and whether the results are equal."""
    augmenter = make_augmenter(method, augment)
    copies = [
        Copy(0, request._replace(number=number), method)
        for number in range(20)
        for request in requests
    ]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    process_seconds: dict[int, list[float]] = {1: [], 2: []}
    results: dict[int, list[Copy]] = {}
    change_copies(copies[:4001], augmenter, 0, 2)  # start the worker processes
    for _ in range(3):
        for workers, wall_seconds in seconds.items():
            begun, cpu_begun = time.perf_counter(), time.process_time()
            results[workers] = change_copies(copies, augmenter, 0, workers)
            wall_seconds.append(time.perf_counter() - begun)
            process_seconds[workers].append(time.process_time() - cpu_begun)
    result: dict[str, Any] = {}
    for workers, wall_seconds in seconds.items():
        result[f"workers_{workers}_rows_per_s"] = round(
            len(copies) / statistics.median(wall_seconds)
        )
        # The share of the main process bounds the speed with any number of workers.
        cpu = statistics.median(process_seconds[workers])
        result[f"workers_{workers}_rows_per_cpu_s_of_the_first"] = round(len(copies) / cpu)
    return result | {"same_rows": results[1] == results[2]}


def main() -> None:
    """Print the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="?", type=Path, help="a file with one text per line")
    texts = load_texts(parser.parse_args().texts)
    requests = [CopyRequest(text, "", "x", f"row{number}", 0) for number, text in enumerate(texts)]
    augment = loading.read_params(Path("params.yaml"))["augment"]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        result = {
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "texts": len(texts),
            "words": statistics.mean(len(text.split()) for text in texts),
            "beside": compare_speed(requests, texts, augment),
            "scaling": {
                method: measure_scaling(requests, augment, method) for method in ("eda", "noise")
            },
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
