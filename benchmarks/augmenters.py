"""Rows a second of the augmenters that need no model, beside nlpaug's on the same texts.

Run with `python -m benchmarks.augmenters [texts.txt]`: a text a line; without a file, texts are
made. All run by turns in one process on one core, and medians are compared. nlpaug is timed as it
is called (`augment` on one list, its global generators unseeded), and as it must be called to
give what Foldline gives: a copy that depends on no other one, so both of its generators seeded
for each row. nlpaug has no AEDA, no insertion of synonyms without a model, and its synonyms of
WordNet need a tagger and a download: their peers are classes of one's own, as its documentation
shows, and its ReservedAug with the same synonyms. EDA's peer gives a quarter of the texts to each
of the four. The published AEDA function stands beside, too.
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
from foldline.core.io.seeds import derive
from foldline.core.params import Augment, loading

ROUNDS = 7
SYLLABLES = ("ba", "ko", "ri", "mun", "te", "sha", "lo", "가", "나무", "하늘", "이", "고")
LATIN = [syllable for syllable in SYLLABLES if syllable.isascii()]
SYNONYMS = {
    word: [f"{word}{end}" for end in "xyz"]
    for word in map("".join, [*product(LATIN), *product(LATIN, LATIN)])
}
Work = Callable[[], object]


def texts(path: Path | None, count: int = 3000) -> list[str]:
    """Read texts, or make some of 4 to 28 words."""
    if path:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rng = random.Random(0)

    def word() -> str:
        return "".join(rng.choices(SYLLABLES, k=rng.randint(1, 3)))

    return [" ".join(word() for _ in range(rng.randint(4, 28))) for _ in range(count)]


def changer(method: str, augment: dict[str, Any]) -> TextAugmenter:
    """Make a changer by the project's params, as strong as nlpaug is asked to be."""
    Path("data/raw").mkdir(parents=True, exist_ok=True)
    table = "".join(f"{word}\t{','.join(new)}\n" for word, new in SYNONYMS.items())
    Path("data/raw/synonyms.tsv").write_text(table, encoding="utf-8")
    shares = {name: {"share": 0.1} for name in ("swap", "delete", "insert")}
    synonym = {"share": 0.1, "source": "tsv", "path": "data/raw/synonyms.tsv"}
    section = augment | shares | {"method": method, "synonym": synonym}
    rows = pd.DataFrame({"text": [], "text_pair": [], "label": []})
    return TextAugmenter(rows, Augment.model_validate(section), "classification", 0)


def peers() -> dict[str, Any]:
    """Make nlpaug's augmenters: AEDA and the insertion of synonyms are classes of one's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.char as char
        import nlpaug.augmenter.word as word

    own = {"tokenizer": str.split, "reverse_tokenizer": " ".join}

    class Aeda(word.WordAugmenter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(action="insert", **own)

        def insert(self, data: str) -> str:
            words = data.split()
            count = random.randint(1, max(1, int(0.3 * len(words))))
            for place in sorted(random.sample(range(len(words)), count), reverse=True):
                words.insert(place, random.choice(".,!?;:"))
            return " ".join(words)

    class Insert(Aeda):
        def insert(self, data: str) -> str:
            words = data.split()
            known = [word for word in words if word in SYNONYMS]
            for _ in range(max(1, round(0.1 * len(words))) if known else 0):
                new = random.choice(SYNONYMS[random.choice(known)])
                words.insert(random.randint(0, len(words)), new)
            return " ".join(words)

    reserved = [[known, *new] for known, new in SYNONYMS.items()]
    found = {
        "aeda": Aeda(),
        "swap": word.RandomWordAug(action="swap", aug_p=0.1),
        "delete": word.RandomWordAug(action="delete", aug_p=0.1),
        "insert": Insert(),
        "synonym": word.ReservedAug(reserved_tokens=reserved, aug_p=0.1, **own),
    }
    quarters = [found[name] for name in ("swap", "delete", "insert", "synonym")]
    noise = char.RandomCharAug(action="substitute", aug_word_p=0.2, aug_char_max=1)
    return found | {"eda": Quarters(quarters), "noise": noise}


class Quarters:
    """Gives each of some augmenters its share of the texts."""

    def __init__(self, augmenters: list[Any]) -> None:
        self.augmenters = augmenters

    def augment(self, lines: list[str]) -> list[str]:
        """Change each text by one of them."""
        step = len(self.augmenters)
        if len(lines) == 1:
            return list(random.choice(self.augmenters).augment(lines))
        return [x for n, one in enumerate(self.augmenters) for x in one.augment(lines[n::step])]


def published(lines: list[str]) -> list[str]:
    """Change texts as the code that was published with AEDA does (Karimi et al., 2021)."""
    found = []
    for line in lines:
        words, new = line.split(" "), []
        chosen = random.sample(range(len(words)), random.randint(1, int(0.3 * len(words) + 1)))
        for place, word in enumerate(words):
            if place in chosen:
                new.append(".,!?;:"[random.randint(0, 5)])
            new.append(word)
        found.append(" ".join(new))
    return found


def seconds(work: Work) -> float:
    """Time a piece of work by the process's own clock, which a busy machine does not slow."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def beside(asks: list[CopyRequest], lines: list[str], augment: dict[str, Any]) -> dict[str, Any]:
    """Compare each method with its peer, by turns."""
    found: dict[str, Any] = {}
    for method, peer in peers().items():
        own = partial(changer(method, augment).augment, method, asks, 0)
        sides: dict[str, Work] = {
            "foldline": own,
            "nlpaug": partial(peer.augment, lines),
            "nlpaug_seeded": partial(seeded, peer, lines),
        }
        if method == "aeda":
            sides["published"] = partial(published, lines)
        turns = [[seconds(work) for work in sides.values()] for _ in range(ROUNDS)]
        taken = dict(zip(sides, map(statistics.median, zip(*turns, strict=True)), strict=True))
        found[method] = {
            side: {
                "rows_per_s": round(len(asks) / one),
                "times": round(one / taken["foldline"], 2),
            }
            for side, one in taken.items()
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


def scaling(asks: list[CopyRequest], augment: dict[str, Any], method: str) -> dict[str, Any]:
    """Time the same work on one process and on two (wall clock), and compare the results."""
    own = changer(method, augment)
    copies = [Copy(0, ask._replace(number=number), method) for number in range(20) for ask in asks]
    taken: dict[int, list[float]] = {1: [], 2: []}
    own_cpu: dict[int, list[float]] = {1: [], 2: []}
    results: dict[int, list[Copy]] = {}
    change_copies(copies[:4001], own, 0, 2)  # the processes are started, and stay
    for _ in range(3):
        for workers, times in taken.items():
            begun, used = time.perf_counter(), time.process_time()
            results[workers] = change_copies(copies, own, 0, workers)
            times.append(time.perf_counter() - begun)
            own_cpu[workers].append(time.process_time() - used)
    found: dict[str, Any] = {}
    for workers, times in taken.items():
        found[f"workers_{workers}_rows_per_s"] = round(len(copies) / statistics.median(times))
        # What one process must do however many help it: an upper bound of the speed.
        cpu = statistics.median(own_cpu[workers])
        found[f"workers_{workers}_rows_per_cpu_s_of_the_first"] = round(len(copies) / cpu)
    return found | {"same_rows": results[1] == results[2]}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="?", type=Path, help="a file with a text a line")
    lines = texts(parser.parse_args().texts)
    asks = [CopyRequest(line, "", "x", f"row{number}", 0) for number, line in enumerate(lines)]
    augment = loading.read_params(Path("params.yaml"))["augment"]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        found = {
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "texts": len(lines),
            "words": statistics.mean(len(line.split()) for line in lines),
            "beside": beside(asks, lines, augment),
            "scaling": {method: scaling(asks, augment, method) for method in ("eda", "noise")},
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
