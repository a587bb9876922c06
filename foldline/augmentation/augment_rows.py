"""Undersample training rows, then add changed copies; each copy names its source."""

import sys
from collections.abc import Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from foldline.augmentation import quality_filters, sampling_plan
from foldline.augmentation.augmenters import TextAugmenter
from foldline.augmentation.requests import CopyRequest, TextPair
from foldline.augmentation.undersampling import select_rows
from foldline.core.io.components import Options
from foldline.core.params import Augment
from foldline.core.progress import hide_bars

ORIGINAL = "original"
# Attempts at a copy that fails a filter which looks at that copy alone.
MAX_ATTEMPTS = 4
# Copies that a worker makes at once: fixed, so that the number of workers changes no result.
CHUNK_SIZE = 2000
# They hold a model, record answers, or cost less than sending texts to another process.
SINGLE_PROCESS_METHODS = (
    "backtranslation", "llm", "aeda", "swap", "delete", "pairswap",
)  # fmt: skip
# Each attempt costs money.
SINGLE_ATTEMPT_METHODS = ("llm",)


class Copy(NamedTuple):
    """A requested copy and the filter that it failed, an empty text if none.

    `position` is that of its source in the rows by id.
    """

    position: int
    request: CopyRequest
    method: str
    texts: TextPair = ("", "")
    failed_filter: str = ""


@dataclass(frozen=True)
class AugmentedRows:
    """The result of resampling and augmentation.

    `rows` to train on (schema AUGMENTED), `removed` rows, and all requested `copies`: source_id,
    label, method, texts before and after, and `failed_filter`, an empty text if none. `notes` are
    lines for the user.
    """

    rows: pd.DataFrame
    removed: pd.DataFrame
    copies: pd.DataFrame
    notes: list[str]


def augment_rows(
    rows: pd.DataFrame,
    augment: Augment,
    task: str,
    seed: int,
    held_out: Set[str] = frozenset(),
    jobs: int = 1,
    components: Options = MappingProxyType({}),
) -> AugmentedRows:
    """Return the rows to train on, with `source_id` and `method`.

    The result depends on these rows (in any order), the params and the seed alone: called on the
    training part of a fold, it uses nothing outside that part. `held_out` are digests of texts
    that no copy may equal. `jobs` processes change texts, with equal results. `components` are the
    options of augmenters from components/.

    Raises:
        FoldlineError: if a method cannot be used on these rows, or needs too much memory.
    """
    order = np.argsort(rows["id"].to_numpy(dtype=object), kind="stable")
    by_id = rows.iloc[order].reset_index(drop=True)
    classes = sampling_plan.assign_classes(by_id, task, augment.bins)
    selected = select_rows(by_id, classes, augment.undersample, seed)
    ids = by_id["id"][selected].tolist()
    counts = sampling_plan.count_copies(ids, classes[selected], augment, seed)
    planned = _plan_copies(by_id, counts, augment, seed)
    made: list[Copy] = []
    if planned:
        copy_filter = quality_filters.CopyFilter(by_id, augment.gates, held_out)
        augmenter = TextAugmenter(by_id, augment, task, seed, components)
        made = _make_copies(planned, augmenter, copy_filter, jobs)
    copies = _make_copy_table(by_id, made)
    notes = _filter_together(by_id, copies, augment, task, seed)
    stays = np.empty(len(rows), dtype=bool)
    stays[order] = selected
    originals = rows[stays].assign(source_id=rows["id"][stays], method=ORIGINAL)
    # Copies follow the originals, in the order of their sources.
    passed = copies[copies["failed_filter"] == ""]
    passed = passed.iloc[np.argsort(order[passed["position"]], kind="stable")]
    return AugmentedRows(_append_copies(originals, by_id, passed), rows[~stays], copies, notes)


def _plan_copies(
    rows: pd.DataFrame, counts: dict[str, int], augment: Augment, seed: int
) -> list[Copy]:
    """Return the copies to make, by id of the source and number."""
    columns = [rows[name].tolist() for name in ("text", "text_pair", "label", "id")]
    return [
        Copy(
            position,
            CopyRequest(text, pair, label, id_, number),
            sampling_plan.choose_method(id_, number, augment, seed),
        )
        for position, (text, pair, label, id_) in enumerate(zip(*columns, strict=True))
        for number in range(counts.get(id_, 0))
    ]


def _make_copies(
    planned: list[Copy],
    augmenter: TextAugmenter,
    copy_filter: quality_filters.CopyFilter,
    jobs: int,
) -> list[Copy]:
    """Make the copies; try those again that fail a filter which looks at one copy alone."""
    done: list[Copy] = []
    for attempt in range(MAX_ATTEMPTS):
        failed: list[Copy] = []
        for copy in change_copies(planned, augmenter, attempt, jobs):
            source = (copy.request.text, copy.request.text_pair)
            name = copy_filter.check(source, copy.texts)
            retry = name and copy.method not in SINGLE_ATTEMPT_METHODS
            (failed if retry else done).append(copy._replace(failed_filter=name))
        planned = failed
        if not planned:
            break
    return sorted([*done, *planned], key=lambda copy: (copy.position, copy.request.number))


def change_copies(
    copies: list[Copy], augmenter: TextAugmenter, attempt: int, jobs: int
) -> list[Copy]:
    """Change the texts of all copies, method by method, in chunks shared over processes."""
    by_method: dict[str, list[int]] = {}
    for index, copy in enumerate(copies):
        by_method.setdefault(copy.method, []).append(index)
    texts: dict[int, TextPair] = {}
    for method, indices in sorted(by_method.items()):
        requests = [copies[index].request for index in indices]
        chunks = [
            requests[start : start + CHUNK_SIZE] for start in range(0, len(requests), CHUNK_SIZE)
        ]
        workers = 1 if method in SINGLE_PROCESS_METHODS else min(jobs, len(chunks))
        changed = _change_chunks(augmenter, method, chunks, attempt, workers)
        texts |= dict(zip(indices, changed, strict=True))
    return [copy._replace(texts=texts[index]) for index, copy in enumerate(copies)]


def _change_chunks(
    augmenter: TextAugmenter,
    method: str,
    chunks: list[list[CopyRequest]],
    attempt: int,
    workers: int,
) -> list[TextPair]:
    from joblib import Parallel, delayed

    tasks = (delayed(augmenter.augment)(method, chunk, attempt) for chunk in chunks)
    parallel = Parallel(n_jobs=workers, return_as="generator")
    changed: list[TextPair] = []
    total = sum(map(len, chunks))
    hide = hide_bars() if len(chunks) > 1 else True
    with tqdm(total=total, desc=method, unit="copy", disable=hide, file=sys.stderr) as bar:
        for texts in parallel(tasks):
            changed += texts
            bar.update(len(texts))
    return changed


def _make_copy_table(rows: pd.DataFrame, copies: list[Copy]) -> pd.DataFrame:
    """Return the copies as a table, with ids that no row has."""
    used = set(rows["id"].tolist())
    records = []
    for copy in copies:
        source = copy.request
        id_ = f"{source.source_id}+{copy.method}{source.number}"
        while id_ in used:
            id_ += "+"
        used.add(id_)
        before = (source.source_id, source.label, source.text, source.text_pair)
        records.append((copy.position, id_, *before, copy.method, *copy.texts, copy.failed_filter))
    columns = ["position", "id", "source_id", "label", "source_text", "source_pair", "method"]
    return pd.DataFrame(records, columns=[*columns, "text", "text_pair", "failed_filter"])


def _filter_together(
    rows: pd.DataFrame, copies: pd.DataFrame, augment: Augment, task: str, seed: int
) -> list[str]:
    """Apply the filters that compare all copies, in place; those that fail are not tried again."""
    limits, notes = augment.gates, []
    if limits.near < 1:
        passed = copies[copies["failed_filter"] == ""]
        near, note = quality_filters.find_near_copies(rows, passed, limits.near)
        notes.append(note)
        copies.loc[passed.index[near], "failed_filter"] = "near"
    if limits.min_agreement > 0:
        passed = copies[copies["failed_filter"] == ""]
        agreement = quality_filters.score_agreement(rows, passed, task, seed)
        copies.loc[passed.index[agreement < limits.min_agreement], "failed_filter"] = "agreement"
    return notes


def _append_copies(
    originals: pd.DataFrame, by_id: pd.DataFrame, passed: pd.DataFrame
) -> pd.DataFrame:
    """Return originals and copies; a copy has its source's values in all unchanged columns."""
    if passed.empty:
        return originals.reset_index(drop=True)
    new = {name: passed[name].tolist() for name in ("id", "text", "text_pair", "source_id")}
    sources = by_id.iloc[passed["position"].tolist()]
    copies = sources.assign(**new, method=passed["method"].tolist())
    return pd.concat([originals, copies], ignore_index=True)
