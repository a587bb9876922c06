"""Balance the training rows: drop some, make changed copies of others."""

from pathlib import Path

from foldline.augmentation import report
from foldline.augmentation.augment_rows import balance
from foldline.augmentation.external_inputs import commits, outside
from foldline.augmentation.sampling_plan import check_classes
from foldline.core.io import schemas
from foldline.core.io.files import write_json, write_metrics
from foldline.core.params import Augment, Components, Runner, Section, Task
from foldline.core.stage import run, say
from foldline.data.multilabel import one_a_label


class Params(Section):
    seed: int
    task: Task
    augment: Augment
    components: Components
    runner: Runner


def main(params: Params) -> None:
    rows, own = schemas.TRAIN.read(), params.augment
    check_classes(own, one_a_label(rows, params.task)["label"])
    held = frozenset(schemas.HELD_OUT_HASHES.read()["key"])
    jobs, options = params.runner.jobs, params.components
    balanced = balance(rows, own, params.task, params.seed, held, jobs, options)
    schemas.AUGMENTED.write(balanced.rows)
    found = report.metrics(rows, balanced, params.task, own.bins)
    write_metrics(Path("metrics/augment.json"), {"augment": found})
    details = report.details(rows, balanced, params.task, own.bins, params.seed)
    # What was read beside the rows: kfold balances by it, too.
    read = {"outside": outside(own), "commits": commits(own)}
    notes = balanced.notes + report.idle(own, found)
    write_json(Path("reports/augment.json"), details | read | {"notes": notes})
    for note in notes:
        say(f"note: {note}")
    refused = sum(found["refused"].values())
    say(
        f"{len(rows)} rows: {found['dropped']} dropped, {found['copies']} copies made, "
        f"{refused} refused"
    )


if __name__ == "__main__":
    run(main, Params)
