"""Share the rows between train, valid and test, and number the folds, once for everybody."""

from pathlib import Path

import pandas as pd

from foldline.corpus.report import split_report
from foldline.corpus.splits import PARTS, fold_rows, method, split_rows
from foldline.frame import contract
from foldline.frame.files import write_metrics
from foldline.frame.params import Data, Kfold, Section, Split, Task
from foldline.frame.stage import run, say


class Params(Section):
    seed: int
    task: Task
    data: Data
    split: Split
    kfold: Kfold


def main(params: Params) -> None:
    rows = contract.PREPARED.read()
    data = params.data
    how = method(params.split, data.time is not None, data.group is not None)
    table = split_rows(rows, params.split, how, params.task, params.seed)
    for part, file in zip(PARTS, (contract.TRAIN, contract.VALID, contract.TEST), strict=True):
        file.write(table[table["part"] == part])
    seen = table[table["part"] != "test"]
    folds = fold_rows(seen, params.kfold.n_splits, params.task, params.seed)
    contract.FOLDS.write(pd.DataFrame({"id": seen["id"], "fold": folds}))
    metrics, notes = split_report(table, params.task)
    for note in notes:
        say(f"note: {note}")
    write_metrics(Path("metrics/split.json"), {"split": metrics})
    say(f"{how}: " + ", ".join(f"{part} {metrics[part]}" for part in PARTS))


if __name__ == "__main__":
    run(main, Params)
