"""Near duplicates of many short texts: cost, growth, recall and precision, beside datasketch.

    python -m benchmarks.near_duplicates [--data FOLDER] [--rows N] [--threshold T]

FOLDER holds csv, csv.gz files with a column `text`. Every contestant is a process of one thread;
its CPU seconds count from the interpreter's start and include reading the texts. Truth for recall
and precision is brute force: each of 5,000 texts against all, by a sparse product.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import contest, measured

DATA = Path("nsmc")
QUERIES = 5_000
SIZES = (50_000, 100_000, 200_000, 1_000_000)
CHARACTERS = list("가나다라마바사아자차카타파하ㅋㅠ")


def read(folder: Path, count: int) -> list[str]:
    """Return `count` texts; beyond those that are there, drawn again with characters changed."""
    from foldline.data.normalization import normalize_text

    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")], reverse=True)
    tables = [pd.read_csv(f, dtype="str", keep_default_na=False, usecols=["text"]) for f in files]
    texts = [normalize_text(text) for table in tables for text in table["text"].tolist()]
    random = np.random.default_rng(0)
    for place in random.integers(0, len(texts), max(count - len(texts), 0)).tolist():
        letters = list(texts[place])
        for change in random.integers(0, len(letters) or 1, 1 + len(letters) // 4).tolist():
            letters[change : change + 1] = [CHARACTERS[change % len(CHARACTERS)]]
        texts.append("".join(letters))
    return texts[:count]


def ours(texts: list[str], threshold: float) -> dict[str, Any]:
    """Group by all three strengths, as `prepare` does."""
    from foldline.core.params import Duplicates
    from foldline.data.duplicates import find_duplicates

    wanted = Duplicates(match="near", threshold=threshold, pairs="both", min_chars=1)
    found = find_duplicates(pd.DataFrame({"text": texts, "text_pair": ""}), wanted)
    codes = {"exact": found.exact, "skeleton": found.skeleton, "near": found.together}
    rows = {}
    for name, values in codes.items():
        sizes = np.unique(values, return_counts=True)[1]
        rows[f"{name}_rows"] = int(sizes[sizes > 1].sum())
    return rows | {"how": found.notes[0].split(": ")[1]}


def skeletons(texts: list[str]) -> list[str]:
    """Return the different skeletons, which all contestants compare."""
    from foldline.data.normalization import skeleton

    return sorted({skeleton(text) for text in texts} - {""})


def join(texts: list[str], threshold: float) -> np.ndarray:
    """Find pairs by our exact join."""
    from foldline.data import similarity_join

    sets = similarity_join.build_gram_sets(texts)
    return similarity_join.similar_pairs(
        sets, similarity_join.prefix_candidates(sets, threshold), threshold
    )


def minhash(texts: list[str], threshold: float) -> np.ndarray:
    """Find pairs by our MinHash and verification."""
    from foldline.data import minhash as hashing
    from foldline.data import similarity_join

    sets = similarity_join.build_gram_sets(texts)
    return similarity_join.similar_pairs(sets, hashing.band_candidates(texts, threshold), threshold)


def datasketch(texts: list[str], threshold: float) -> np.ndarray:
    """Find pairs by datasketch with its own settings: 128 values, an index at the threshold."""
    from datasketch import MinHash, MinHashLSH

    index, pairs = MinHashLSH(threshold=threshold, num_perm=128), []
    shingles = [[t[i : i + 3].encode() for i in range(len(t) - 2)] for t in texts]
    for row, signature in enumerate(MinHash.bulk(shingles, num_perm=128)):
        if shingles[row]:
            pairs += [(other, row) for other in index.query(signature)]
            index.insert(row, signature)
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def brute_force(texts: list[str], threshold: float) -> np.ndarray:
    """Find pairs of which one text is among the first QUERIES of a fixed draw: all of them."""
    from sklearn.feature_extraction.text import CountVectorizer

    sets = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True, lowercase=False)
    matrix = sets.fit_transform(texts).astype(np.int32)
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    turned, pairs = matrix.T.tocsr(), []
    for part in np.array_split(queries(len(texts)), 50):
        both = (matrix[part] @ turned).tocoo()
        one, other = part[both.row], both.col
        alike = both.data >= threshold * (sizes[one] + sizes[other] - both.data) - 1e-9
        pairs.append(np.sort(np.stack([one, other], axis=1)[alike & (one != other)], axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def queries(count: int) -> np.ndarray:
    """Draw the texts that brute force compares with all."""
    return np.sort(np.random.default_rng(1).permutation(count)[:QUERIES])


CONTESTANTS = {
    "join": join,
    "minhash": minhash,
    "datasketch": datasketch,
    "brute_force": brute_force,
}


def contestant(name: str, folder: Path, rows: int, threshold: float) -> dict[str, Any]:
    """Do one contestant's work in this process; pairs go to a file that the next reads."""
    texts = read(folder, rows)
    if name == "groups":
        return ours(texts, threshold)
    texts = skeletons(texts)
    pairs = CONTESTANTS[name](texts, threshold)
    result = {"texts": len(texts), "pairs": len(pairs)}
    truth_file = Path(tempfile.gettempdir()) / f"foldline-near-{rows}-{threshold}.npy"
    if name == "brute_force":
        np.save(truth_file, pairs)
        return result
    truth = {tuple(pair) for pair in np.load(truth_file).tolist()}
    asked = np.isin(pairs, queries(len(texts))).any(axis=1)
    found = {tuple(pair) for pair in pairs[asked].tolist()}
    right = len(truth & found)
    return result | {
        "recall": round(right / max(len(truth), 1), 4),
        "precision": round(right / max(len(found), 1), 4),
    }


def main() -> None:
    """Run all contestants, and ours at growing sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: name one with csv files that have a column `text`")
    if given.contestant:
        measured(lambda: contestant(given.contestant, given.data, given.rows, given.threshold))
        return

    def run(name: str, rows: int) -> None:
        options = ["--data", str(given.data), "--rows", str(rows)]
        found = contest(
            "benchmarks.near_duplicates", name, *options, "--threshold", str(given.threshold)
        )
        print(f"{name:12} {rows:>9,} rows  {found}", flush=True)

    for name in ("groups", "brute_force", "join", "minhash", "datasketch"):
        run(name, given.rows)
    for rows in SIZES:
        run("groups", rows)


if __name__ == "__main__":
    main()
