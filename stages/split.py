"""Share the rows between train, valid and test, and number the folds, once for everybody."""

from pathlib import Path

import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.files import write_json, write_metrics
from foldline.core.io.seeds import derive
from foldline.core.params import Data, Kfold, Pretrain, Section, Split, Task
from foldline.core.stage import run, say
from foldline.data.folds import assign_folds, assign_nested_folds
from foldline.data.leaks import (
    check_leak_share,
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


class Params(Section):
    seed: int
    task: Task
    data: Data
    split: Split
    kfold: Kfold
    pretrain: Pretrain


def main(params: Params) -> None:
    rows, data, split, task = schemas.PREPARED.read(), params.data, params.split, params.task
    how = resolve_method(split, data.time is not None, data.group is not None)
    if how == "stratified":  # groups may be torn
        rows = rows.assign(group="")
    if split.drop_from_train:
        rows, dropped = drop_leaks(rows)
        say(f"{dropped} training rows dropped that share a text or group with official rows")
    leaks = find_leaks(rows)
    check_leak_share(leaks, split.max_leak_share)
    table = split_rows(rows, split, how, task, params.seed)
    for part, file in zip(PARTS, (schemas.TRAIN, schemas.VALID, schemas.TEST), strict=True):
        file.write(table[table["part"] == part])
    held = table[table["part"] != "train"]
    unlabelled = schemas.UNLABELLED.read()
    schemas.HELD_OUT_HASHES.write(hash_held_out(held, unlabelled))
    further = select_pretraining_texts(table, unlabelled, params.pretrain)
    schemas.PRETRAINING_TEXTS.write(further)
    shares = schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read()
    schemas.SOFT_LABELS.write(shares[shares["id"].isin(table["id"][table["part"] != "test"])])
    seen = table["part"] != "test"
    if split.drop_from_train:
        seen &= independent_of_test(rows)
    notes = _number_folds(params, table[seen], periods=how == "time")
    report = report_split(table, leaks, task, params.seed, mended=split.drop_from_train)
    alike = compare_parts(table, task, split.compare, params.seed)
    notes = report.notes + notes + similarity_notes(alike) + pretraining_notes(further)
    for note in notes:
        say(f"note: {note}")
    areas = {f"auc_{name}": pair.get("auc") for name, pair in alike.items()}
    details = {"method": how, **report.details, "similarity": alike, "notes": notes}
    write_json(Path("reports/split.json"), details)
    write_metrics(Path("metrics/split.json"), {"split": report.metrics | areas})
    say(f"{how}: " + ", ".join(f"{part} {report.metrics[part]}" for part in PARTS))


def _number_folds(params: Params, seen: pd.DataFrame, periods: bool) -> list[str]:
    """Write folds and nested folds of all rows but test; give notes on classes and time."""
    kfold, task, seed = params.kfold, params.task, derive(params.seed, "folds")
    table = seen.assign(fold=assign_folds(seen, kfold.n_splits, task, seed, periods=periods))
    schemas.FOLDS.write(table)
    schemas.NESTED_FOLDS.write(assign_nested_folds(table, kfold.nested, task, seed, periods))
    known = explode_labels(table, task)
    notes = [] if task == "regression" else fold_notes(known, kfold.n_splits)
    if periods:
        notes.append(
            "folds are periods of time: their models learn from rows before and after them, so "
            "out-of-fold scores may flatter; only valid and test lie behind all that was learnt"
        )
    return notes


if __name__ == "__main__":
    run(main, Params)
