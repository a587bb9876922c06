"""Result tables of `benchmarks.kinds` as Markdown: scores, costs, significance, references."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kind_sets import KINDS, SETS
from foldline.core.io.labels import MAIN
from foldline.core.io.seeds import derive_seed
from foldline.metrics.intervals import Difference, bootstrap_intervals, paired_bootstrap
from foldline.metrics.registry import measure

RESAMPLES, SEED, ALPHA = 2000, derive_seed(42, "benchmark"), 0.05
Results = Mapping[str, Mapping[str, Any]]
Compare = Callable[[str, float], Difference]


def score_predictions(task: str, path: Path) -> dict[str, Any]:
    """Return the metrics of saved predictions, and the main one's bootstrap interval."""
    with np.load(path) as arrays:
        target, predictions, groups = arrays["target"], arrays["predictions"], arrays["groups"]
    main = MAIN[task]
    intervals = bootstrap_intervals(
        task, target, predictions, groups, RESAMPLES, SEED, names=[main]
    )
    bounds = intervals[main]
    values = measure(task, target, predictions)
    return {"score": values[main], "low": bounds.low, "high": bounds.high, "metrics": values}


def compare_kinds(task: str, folder: Path, best: str, other: str, level: float) -> Difference:
    """Return the paired difference between two kinds on the rows that both predicted."""
    with (
        np.load(folder / f"{best}.npz") as best_arrays,
        np.load(folder / f"{other}.npz") as other_arrays,
    ):
        _, rows, others = np.intersect1d(
            best_arrays["ids"], other_arrays["ids"], return_indices=True
        )
        return paired_bootstrap(
            task,
            best_arrays["target"][rows],
            best_arrays["predictions"][rows],
            other_arrays["predictions"][others],
            best_arrays["groups"][rows],
            RESAMPLES,
            SEED,
            MAIN[task],
            level,
        )


def find_significant(names: list[str], compare: Compare) -> set[str]:
    """Return the names whose difference from 0 is significant by Holm (1979), at level ALPHA.

    `compare(name, level)` returns the interval of a difference. With m names remaining, those
    pass whose interval of level 1 - ALPHA / m excludes 0; the others are then tested again.
    """
    remaining, significant = list(names), set[str]()
    while remaining:
        intervals = {name: compare(name, 1 - ALPHA / len(remaining)) for name in remaining}
        passed = {name for name, bounds in intervals.items() if bounds.low > 0 or bounds.high < 0}
        if not passed:
            break
        significant |= passed
        remaining = [name for name in remaining if name not in passed]
    return significant


def print_tables(results: Results, folder: Path) -> None:
    """Print all tables of the results so far."""
    for lines in (
        score_table(results),
        cost_table(results),
        best_table(results, folder),
        reference_table(results),
    ):
        print("\n".join(lines), end="\n\n")


def score_table(results: Results) -> Iterator[str]:
    """Yield a table of data sets by kinds: score and interval on the split without leaks."""
    yield from _format_header(["set", "train / test rows", *KINDS])
    for name in SETS:
        results_by_kind = _select_results(results, name)
        usual_rows = _format_rows(results_by_kind["tfidf"]) if "tfidf" in results_by_kind else ""
        best_score = max((result["score"] for result in results_by_kind.values()), default=0.0)
        cells = [_format_score(results_by_kind.get(kind), best_score, usual_rows) for kind in KINDS]
        yield _format_row([name, usual_rows, *cells])


def cost_table(results: Results) -> Iterator[str]:
    """Yield a table of data sets by kinds: CPU seconds and peak memory of training."""
    yield from _format_header(["set", *KINDS])
    for name in SETS:
        by_kind = _select_results(results, name)
        cells = [
            f"{by_kind[kind]['fit_cpu_s']:.0f} s, {by_kind[kind]['fit_peak_mb']:,} MB"
            if kind in by_kind
            else ""
            for kind in KINDS
        ]
        yield _format_row([name, *cells])


def best_table(results: Results, folder: Path) -> Iterator[str]:
    """Yield a table of the best kind of each data set, the second and TF-IDF."""
    yield from _format_header(
        ["set", "best", "second", "less the second", "less tfidf", "not told apart"]
    )
    for name, data_set in SETS.items():
        results_by_kind = _select_results(results, name)
        ranked = sorted(results_by_kind, key=lambda kind: -results_by_kind[kind]["score"])
        if len(ranked) < 2:
            continue
        first, others = f"{name}-safe-{ranked[0]}", ranked[1:]
        compare = partial(_compare_to_best, data_set.task, folder, first, name)
        significant = find_significant(others, compare)
        differences = [
            _format_difference(compare(ranked[1], 1 - ALPHA), ranked[1] in significant),
            "it is the best",
        ]
        if "tfidf" in others:
            differences[1] = _format_difference(compare("tfidf", 1 - ALPHA), "tfidf" in significant)
        not_significant = ", ".join(kind for kind in others if kind not in significant) or "none"
        yield _format_row([name, ranked[0], ranked[1], *differences, not_significant])


def _compare_to_best(
    task: str, folder: Path, first: str, name: str, kind: str, level: float
) -> Difference:
    return compare_kinds(task, folder, first, f"{name}-safe-{kind}", level)


def reference_table(results: Results) -> Iterator[str]:
    """Yield a table of TF-IDF and the references, on the references' split with its leaks."""
    yield from _format_header(
        ["set", "best reference", "of", "tfidf, leaks left in", "head", "less", "default head",
         "tfidf, leaks dropped", "published, best seen"]
    )  # fmt: skip
    for name, data_set in SETS.items():
        loose = {
            key.removeprefix(f"{name}/loose/"): value
            for key, value in results.items()
            if key.startswith(f"{name}/loose/")
        }
        if not loose:
            continue
        best_reference = max(data_set.references, key=lambda learner: data_set.references[learner])
        best_head = max(loose, key=lambda head: float(loose[head]["score"]))
        score = loose[best_head]["score"]
        default_score = loose.get("tfidf LR balanced", loose[best_head])["score"]
        safe_score = _select_results(results, name).get("tfidf", {}).get("score", float("nan"))
        yield _format_row(
            [name, format_decimals(data_set.references[best_reference]), best_reference,
             format_decimals(score),
             best_head.removeprefix("tfidf").strip() or "ridge",
             f"{score - data_set.references[best_reference]:+.3f}", format_decimals(default_score),
             format_decimals(safe_score), data_set.published]
        )  # fmt: skip


def _select_results(results: Results, name: str) -> dict[str, Mapping[str, Any]]:
    """Return the results of a data set on the split without leaks, by kind."""
    keys = {kind: f"{name}/safe/{kind}" for kind in KINDS}
    return {kind: results[key] for kind, key in keys.items() if key in results}


def _format_rows(result: Mapping[str, Any]) -> str:
    return f"{result['train_rows']:,} / {result['test_rows']:,}"


def _format_score(result: Mapping[str, Any] | None, best_score: float, usual_rows: str) -> str:
    """Return score and interval; also the rows, if the kind used fewer than TF-IDF."""
    if result is None:
        return ""
    value = format_decimals(result["score"])
    value = f"**{value}**" if result["score"] == best_score else value
    rows = (
        f" ({_format_rows(result)} rows)"
        if usual_rows and _format_rows(result) != usual_rows
        else ""
    )
    return f"{value} [{format_decimals(result['low'])}, {format_decimals(result['high'])}]{rows}"


def _format_difference(interval: Difference, significant: bool) -> str:
    text = f"{interval.difference:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    return f"{text}{' *' if significant else ''}".replace("0.", ".")


def format_decimals(value: float) -> str:
    """Return a number with three decimals, without the leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def _format_header(names: list[str]) -> list[str]:
    return [_format_row(names), "|---" * len(names) + "|"]


def _format_row(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"
