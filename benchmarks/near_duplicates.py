"""Near duplicates of many short texts: cost, scaling, recall and precision, with datasketch.

    python -m benchmarks.near_duplicates [--data FOLDER] [--rows N] [--threshold T]

FOLDER holds csv or csv.gz files with a column `text`. Each contestant runs in a process of one
thread; its CPU seconds include the interpreter's start and reading the texts. Recall and precision
are relative to brute force: 5,000 texts against all, by a sparse product.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measurement import report_costs, run_contestant

DATA = Path("nsmc")
QUERIES = 5_000
SIZES = (50_000, 100_000, 200_000, 1_000_000)
CHARACTERS = list("가나다라마바사아자차카타파하ㅋㅠ")


def load_texts(folder: Path, count: int) -> list[str]:
    """Return `count` texts; those that the files lack are copies with characters changed."""
    from foldline.data.normalization import normalize_text

    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")], reverse=True)
    tables = [
        pd.read_csv(file, dtype="str", keep_default_na=False, usecols=["text"]) for file in files
    ]
    texts = [normalize_text(text) for table in tables for text in table["text"].tolist()]
    rng = np.random.default_rng(0)
    for index in rng.integers(0, len(texts), max(count - len(texts), 0)).tolist():
        letters = list(texts[index])
        for position in rng.integers(0, len(letters) or 1, 1 + len(letters) // 4).tolist():
            letters[position : position + 1] = [CHARACTERS[position % len(CHARACTERS)]]
        texts.append("".join(letters))
    return texts[:count]


def group_duplicates(texts: list[str], threshold: float) -> dict[str, Any]:
    """Return the sizes of exact, skeleton and near groups, which `prepare` computes."""
    from foldline.core.params import Duplicates
    from foldline.data.duplicates import find_duplicates

    settings = Duplicates(match="near", threshold=threshold, pairs="both", min_chars=1)
    groups = find_duplicates(pd.DataFrame({"text": texts, "text_pair": ""}), settings)
    codes = {"exact": groups.exact, "skeleton": groups.skeleton, "near": groups.together}
    rows = {}
    for name, values in codes.items():
        sizes = np.unique(values, return_counts=True)[1]
        rows[f"{name}_rows"] = int(sizes[sizes > 1].sum())
    return rows | {"how": groups.notes[0].split(": ")[1]}


def unique_skeletons(texts: list[str]) -> list[str]:
    """Return the unique skeletons of the texts."""
    from foldline.data.normalization import skeleton

    return sorted({skeleton(text) for text in texts} - {""})


def join_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Return pairs by Foldline's exact join."""
    from foldline.data import similarity_join

    sets = similarity_join.build_gram_sets(texts)
    return similarity_join.similar_pairs(
        sets, similarity_join.prefix_candidates(sets, threshold), threshold
    )


def minhash_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Return pairs by Foldline's MinHash with verification."""
    from foldline.data import minhash as hashing
    from foldline.data import similarity_join

    sets = similarity_join.build_gram_sets(texts)
    return similarity_join.similar_pairs(sets, hashing.band_candidates(texts, threshold), threshold)


def datasketch_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Return pairs by datasketch: 128 permutations, an index at the threshold."""
    from datasketch import MinHash, MinHashLSH

    index, pairs = MinHashLSH(threshold=threshold, num_perm=128), []
    shingles = [
        [text[start : start + 3].encode() for start in range(len(text) - 2)] for text in texts
    ]
    for row, signature in enumerate(MinHash.bulk(shingles, num_perm=128)):
        if shingles[row]:
            pairs += [(other, row) for other in index.query(signature)]
            index.insert(row, signature)
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def brute_force_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Return all pairs that include a query row."""
    from sklearn.feature_extraction.text import CountVectorizer

    sets = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True, lowercase=False)
    matrix = sets.fit_transform(texts).astype(np.int32)
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    transposed, pairs = matrix.T.tocsr(), []
    for part in np.array_split(query_rows(len(texts)), 50):
        overlaps = (matrix[part] @ transposed).tocoo()
        left, right = part[overlaps.row], overlaps.col
        similar = overlaps.data >= threshold * (sizes[left] + sizes[right] - overlaps.data) - 1e-9
        pairs.append(np.sort(np.stack([left, right], axis=1)[similar & (left != right)], axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def query_rows(count: int) -> np.ndarray:
    """Return the sampled rows that brute force compares with all, sorted."""
    return np.sort(np.random.default_rng(1).permutation(count)[:QUERIES])


CONTESTANTS = {
    "join": join_pairs,
    "minhash": minhash_pairs,
    "datasketch": datasketch_pairs,
    "brute_force": brute_force_pairs,
}


def run_task(name: str, folder: Path, rows: int, threshold: float) -> dict[str, Any]:
    """Run one contestant in this process; brute force saves its pairs for the others."""
    texts = load_texts(folder, rows)
    if name == "groups":
        return group_duplicates(texts, threshold)
    texts = unique_skeletons(texts)
    pairs = CONTESTANTS[name](texts, threshold)
    result = {"texts": len(texts), "pairs": len(pairs)}
    truth_file = Path(tempfile.gettempdir()) / f"foldline-near-{rows}-{threshold}.npy"
    if name == "brute_force":
        np.save(truth_file, pairs)
        return result
    true_pairs = {tuple(pair) for pair in np.load(truth_file).tolist()}
    covered = np.isin(pairs, query_rows(len(texts))).any(axis=1)
    predicted_pairs = {tuple(pair) for pair in pairs[covered].tolist()}
    correct = len(true_pairs & predicted_pairs)
    return result | {
        "recall": round(correct / max(len(true_pairs), 1), 4),
        "precision": round(correct / max(len(predicted_pairs), 1), 4),
    }


def main() -> None:
    """Run all contestants, then Foldline at increasing sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(
            f"{arguments.data} is not a folder: pass one with csv files that have a column `text`"
        )
    if arguments.contestant:
        report_costs(
            lambda: run_task(
                arguments.contestant, arguments.data, arguments.rows, arguments.threshold
            )
        )
        return

    def run(name: str, rows: int) -> None:
        options = ["--data", str(arguments.data), "--rows", str(rows)]
        result = run_contestant(
            "benchmarks.near_duplicates", name, *options, "--threshold", str(arguments.threshold)
        )
        print(f"{name:12} {rows:>9,} rows  {result}", flush=True)

    for name in ("groups", "brute_force", "join", "minhash", "datasketch"):
        run(name, arguments.rows)
    for rows in SIZES:
        run("groups", rows)


if __name__ == "__main__":
    main()
