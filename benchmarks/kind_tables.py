"""Scores of `benchmarks.kinds`, which kind is best and whether that is chance, as Markdown."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kind_sets import KINDS, SETS
from foldline.core.io.labels import MAIN
from foldline.core.io.seeds import derive
from foldline.metrics.intervals import Difference, bootstrap_intervals, paired_bootstrap
from foldline.metrics.registry import measure

RESAMPLES, SEED, ALPHA = 2000, derive(42, "benchmark"), 0.05
Results = Mapping[str, Mapping[str, Any]]
Differs = Callable[[str, float], Difference]


def scored(task: str, answers: Path) -> dict[str, Any]:
    """Return the task's metrics, and the main one's interval: duplicates are drawn as one."""
    with np.load(answers) as found:
        target, predictions, groups = found["target"], found["predictions"], found["groups"]
    main = MAIN[task]
    intervals = bootstrap_intervals(
        task, target, predictions, groups, RESAMPLES, SEED, names=[main]
    )
    bounds = intervals[main]
    values = measure(task, target, predictions)
    return {"score": values[main], "low": bounds.low, "high": bounds.high, "metrics": values}


def compared(task: str, folder: Path, best: str, other: str, level: float) -> Difference:
    """Return how much the best exceeds another one on the rows that both predicted."""
    with np.load(folder / f"{best}.npz") as a, np.load(folder / f"{other}.npz") as b:
        _, rows, others = np.intersect1d(a["ids"], b["ids"], return_indices=True)
        return paired_bootstrap(
            task,
            a["target"][rows],
            a["predictions"][rows],
            b["predictions"][others],
            a["groups"][rows],
            RESAMPLES,
            SEED,
            MAIN[task],
            level,
        )


def significant(names: list[str], differs: Differs) -> set[str]:
    """Name those that differ from 0 by the procedure of Holm (1979), ALPHA for all together.

    `differs(name, level)` gives a difference's interval. Of m that are left, one passes whose
    interval of level 1 - ALPHA / m spares 0; the others are then judged as fewer.
    """
    left, found = list(names), set[str]()
    while left:
        bounds = {name: differs(name, 1 - ALPHA / len(left)) for name in left}
        passed = {name for name, one in bounds.items() if one.low > 0 or one.high < 0}
        if not passed:
            break
        found |= passed
        left = [name for name in left if name not in passed]
    return found


def print_tables(results: Results, folder: Path) -> None:
    """Print all tables of what is there."""
    for lines in (scores(results), costs(results), best(results, folder), references(results)):
        print("\n".join(lines), end="\n\n")


def scores(results: Results) -> Iterator[str]:
    """Yield a table of sets by kinds: score and interval on the split without leaks."""
    yield from _head(["set", "train / test rows", *KINDS])
    for name in SETS:
        own = _own(results, name)
        usual = _rows(own["tfidf"]) if "tfidf" in own else ""
        top = max((one["score"] for one in own.values()), default=0.0)
        told = [_score(own.get(kind), top, usual) for kind in KINDS]
        yield _line([name, usual, *told])


def costs(results: Results) -> Iterator[str]:
    """Yield a table of sets by kinds: CPU seconds and peak memory of learning."""
    yield from _head(["set", *KINDS])
    for name in SETS:
        own = _own(results, name)
        told = [
            f"{own[kind]['fit_cpu_s']:.0f} s, {own[kind]['fit_peak_mb']:,} MB"
            if kind in own
            else ""
            for kind in KINDS
        ]
        yield _line([name, *told])


def best(results: Results, folder: Path) -> Iterator[str]:
    """Yield a table of the best kind of each set, less the second and less TF-IDF."""
    yield from _head(["set", "best", "second", "less the second", "less tfidf", "not told apart"])
    for name, one in SETS.items():
        own = _own(results, name)
        ranked = sorted(own, key=lambda kind: -own[kind]["score"])
        if len(ranked) < 2:
            continue
        first, others = f"{name}-safe-{ranked[0]}", ranked[1:]
        differs = partial(_differs, one.task, folder, first, name)
        apart = significant(others, differs)
        less = [_difference(differs(ranked[1], 1 - ALPHA), ranked[1] in apart), "it is the best"]
        if "tfidf" in others:
            less[1] = _difference(differs("tfidf", 1 - ALPHA), "tfidf" in apart)
        alike = ", ".join(kind for kind in others if kind not in apart) or "none"
        yield _line([name, ranked[0], ranked[1], *less, alike])


def _differs(task: str, folder: Path, first: str, name: str, kind: str, level: float) -> Difference:
    return compared(task, folder, first, f"{name}-safe-{kind}", level)


def references(results: Results) -> Iterator[str]:
    """Yield a table of TF-IDF beside the references, on their own split, leaks and all."""
    yield from _head(
        ["set", "best reference", "of", "tfidf, leaks left in", "head", "less", "default head",
         "tfidf, leaks dropped", "published, best seen"]
    )  # fmt: skip
    for name, one in SETS.items():
        loose = {
            key.removeprefix(f"{name}/loose/"): value
            for key, value in results.items()
            if key.startswith(f"{name}/loose/")
        }
        if not loose:
            continue
        top = max(one.references, key=lambda learner: one.references[learner])
        ours = max(loose, key=lambda head: float(loose[head]["score"]))
        score, plain = loose[ours]["score"], loose.get("tfidf LR balanced", loose[ours])["score"]
        safe = _own(results, name).get("tfidf", {}).get("score", float("nan"))
        yield _line(
            [name, _three(one.references[top]), top, _three(score),
             ours.removeprefix("tfidf").strip() or "ridge",
             f"{score - one.references[top]:+.3f}", _three(plain), _three(safe), one.published]
        )  # fmt: skip


def _own(results: Results, name: str) -> dict[str, Mapping[str, Any]]:
    """Return a set's results on the split without leaks, by kind."""
    keys = {kind: f"{name}/safe/{kind}" for kind in KINDS}
    return {kind: results[key] for kind, key in keys.items() if key in results}


def _rows(found: Mapping[str, Any]) -> str:
    return f"{found['train_rows']:,} / {found['test_rows']:,}"


def _score(found: Mapping[str, Any] | None, top: float, usual: str) -> str:
    """Return score and interval; the rows too where a kind learnt from fewer than usual."""
    if found is None:
        return ""
    value = _three(found["score"])
    value = f"**{value}**" if found["score"] == top else value
    fewer = f" ({_rows(found)} rows)" if usual and _rows(found) != usual else ""
    return f"{value} [{_three(found['low'])}, {_three(found['high'])}]{fewer}"


def _difference(found: Difference, apart: bool) -> str:
    told = f"{found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    return f"{told}{' *' if apart else ''}".replace("0.", ".")


def _three(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def _head(names: list[str]) -> list[str]:
    return [_line(names), "|---" * len(names) + "|"]


def _line(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"
