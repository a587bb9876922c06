"""The whole split of a dataset: parts, folds, held-out hashes, report and notes."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Data, Kfold, Pretrain, Section, Split, Task
from foldline.data.crossings import report_crossings
from foldline.data.folds import assign_folds, fit_fold_groups, name_divided_duplicates
from foldline.data.leaks import (
    MAX_LISTED,
    check_leak_share,
    drop_divided_duplicates,
    drop_leaks,
    find_leaks,
    hash_held_out,
    independent_of_test,
)
from foldline.data.multilabel import explode_labels
from foldline.data.pretraining_texts import pretraining_notes, select_pretraining_texts
from foldline.data.split_feasibility import fold_notes
from foldline.data.split_report import report_split
from foldline.data.split_similarity import compare_parts, similarity_notes
from foldline.data.splits import PARTS, resolve_method, split_rows

PERIOD_NOTE = (
    "folds are periods of time: their models train on rows before and after them, so out-of-fold "
    "scores may be too high; only valid and test are later than all training rows"
)


class SplitSettings(Section):
    """The sections of params.yaml that a split depends on."""

    seed: int
    task: Task
    data: Data
    split: Split
    kfold: Kfold
    pretrain: Pretrain


@dataclass(frozen=True)
class DatasetSplit:
    """The tables, numbers and notes that `split` writes.

    `rows` are all rows with their `part`; `folds` are all but the test rows, without those of
    valid that equal a test row where test is taken from train, and without those that share a
    text or group with test where split.drop_from_train is set. `soft_labels` leave out
    test rows. `summary` are lines for the terminal.
    """

    rows: pd.DataFrame
    folds: pd.DataFrame
    held_out_hashes: pd.DataFrame
    pretraining_texts: pd.DataFrame
    soft_labels: pd.DataFrame
    metrics: dict[str, Any]
    report: dict[str, Any]
    notes: list[str]
    summary: list[str]

    def part(self, name: str) -> pd.DataFrame:
        """Return the rows of train, valid or test."""
        return self.rows[self.rows["part"] == name]


def split_dataset(
    rows: pd.DataFrame,
    unlabelled: pd.DataFrame,
    label_distributions: pd.DataFrame,
    settings: SplitSettings,
) -> DatasetSplit:
    """Divide prepared rows into parts and folds; report leaks and differences between parts.

    Raises:
        FoldlineError: where a part or fold has no rows, or too many official rows leak.
    """
    split, data, task, seed = settings.split, settings.data, settings.task, settings.seed
    method = resolve_method(split, data.time is not None, data.group is not None)
    summary = []
    if method == "stratified":
        rows = rows.assign(group="")  # user groups may be divided
    if split.drop_from_train:
        rows, count = drop_leaks(rows)
        summary.append(
            f"{count} training rows dropped that share a text or group with official rows"
        )
    check_leak_share(find_leaks(rows), rows, split.max_leak_share)
    own_parts = set(PARTS) - set(rows["part"])
    table = split_rows(rows, split, method, task, seed)
    divided = drop_divided_duplicates(table, own_parts, split.drop_from_train)
    table, notes = divided.rows, divided.notes
    by_user = table.assign(group=table["user_group"])
    leaks, independent = find_leaks(by_user), independent_of_test(by_user)
    not_test = table["part"] != "test"
    in_folds = not_test & ~table["id"].isin(divided.left_out)
    if split.drop_from_train:
        in_folds &= independent
    folds, fold_notes = _number_folds(by_user[in_folds], settings, method == "time")
    first = folds[folds["repeat"] == 0]
    table.loc[first.index, "group"] = first["group"]
    crossings = report_crossings(table, first)
    leaks_dropped = bool(independent[in_folds].all())
    report = report_split(table, leaks, task, seed, leaks_dropped)
    notes += crossings.notes + report.notes + fold_notes
    similarity = compare_parts(table, task, split.compare, seed)
    texts = select_pretraining_texts(table, unlabelled, settings.pretrain)
    notes += similarity_notes(similarity) + pretraining_notes(texts)
    aucs = {f"auc_{name}": pair.get("auc") for name, pair in similarity.items()}
    sizes = ", ".join(f"{part} {report.metrics[part]}" for part in PARTS)
    annotated = label_distributions["id"].isin(table["id"][not_test])
    return DatasetSplit(
        rows=table,
        folds=folds,
        held_out_hashes=hash_held_out(table[table["part"] != "train"], unlabelled),
        pretraining_texts=texts,
        soft_labels=label_distributions[annotated],
        metrics=report.metrics | aucs,
        report={
            "method": method,
            **report.details,
            **crossings.details,
            "dropped": {"rows": len(divided.dropped), "ids": divided.dropped[:MAX_LISTED]},
            "similarity": similarity,
            "notes": notes,
        },
        notes=notes,
        summary=[*summary, f"{method}: {sizes}"],
    )


def _number_folds(
    rows: pd.DataFrame, settings: SplitSettings, periods: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with their fold in each division, and notes on classes and time."""
    kfold, task, seed = settings.kfold, settings.task, derive_seed(settings.seed, "folds")
    if periods and kfold.repeats > 1:
        raise FoldlineError(
            f"kfold.repeats={kfold.repeats}: the folds of a split by time are its periods, so "
            "there is one division alone; set kfold.repeats to 1, or train each fold several "
            "times with kfold.seeds"
        )
    whole, dependent = fit_fold_groups(rows, kfold.n_splits, task, seed, periods)
    rows = rows.assign(group=whole)
    divisions = []
    for repeat in range(kfold.repeats):
        own = derive_seed(seed, repeat) if repeat else seed
        codes = assign_folds(rows, kfold.n_splits, task, own, periods=periods)
        folds = rows.assign(repeat=repeat, fold=codes)
        divisions.append(folds.assign(duplicate=name_divided_duplicates(folds)))
    notes = []
    if task != "regression":
        notes += fold_notes(explode_labels(divisions[0], task), kfold.n_splits)
    folds = pd.concat([division.assign(group=dependent) for division in divisions])
    return folds, notes + [PERIOD_NOTE] * periods
