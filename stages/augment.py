"""Balance the training rows: drop some, make changed copies of others."""

from pathlib import Path

from foldline.balance import report
from foldline.balance.outside import commits, outside
from foldline.balance.rows import balance
from foldline.balance.strategies import check_classes
from foldline.corpus.tags import one_a_label
from foldline.frame import contract
from foldline.frame.files import write_json, write_metrics
from foldline.frame.params import Augment, Runner, Section, Task
from foldline.frame.stage import run, say


class Params(Section):
    seed: int
    task: Task
    augment: Augment
    runner: Runner


def main(params: Params) -> None:
    rows, own = contract.TRAIN.read(), params.augment
    check_classes(own, one_a_label(rows, params.task)["label"])
    held = frozenset(contract.HELD.read()["key"])
    balanced = balance(rows, own, params.task, params.seed, held, params.runner.jobs)
    contract.AUGMENTED.write(balanced.rows)
    found = report.metrics(rows, balanced, params.task, own.bins)
    write_metrics(Path("metrics/augment.json"), {"augment": found})
    details = report.details(rows, balanced, params.task, own.bins, params.seed)
    # What was read beside the rows: kfold balances by it, too.
    read = {"outside": outside(own), "commits": commits(own)}
    notes = balanced.notes + report.idle(own, found)
    write_json(Path("metrics/augmentation.json"), details | read | {"notes": notes})
    for note in notes:
        say(f"note: {note}")
    refused = sum(found["refused"].values())
    say(
        f"{len(rows)} rows: {found['dropped']} dropped, {found['copies']} copies made, "
        f"{refused} refused"
    )


if __name__ == "__main__":
    run(main, Params)
