"""Resample the training rows: drop some, make changed copies of others."""

from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.report import list_idle_options, make_details, make_metrics
from foldline.augmentation.sampling_plan import check_classes
from foldline.core.io import schemas
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.io.threads import count_cores
from foldline.core.params import Augment, Components, Runner, Section, Task
from foldline.core.stage import run, say
from foldline.data.multilabel import explode_labels


class Params(Section):
    seed: int
    task: Task
    augment: Augment
    components: Components
    runner: Runner


def main(params: Params) -> None:
    rows, augment, task, seed = schemas.TRAIN.read(), params.augment, params.task, params.seed
    check_classes(augment, explode_labels(rows, task)["label"])
    held_out = frozenset(schemas.HELD_OUT_HASHES.read()["key"])
    jobs = count_cores() if params.runner.jobs == "auto" else params.runner.jobs
    result = augment_rows(rows, augment, task, seed, held_out, jobs, params.components)
    schemas.AUGMENTED.write(result.rows)
    metrics = make_metrics(rows, result, task, augment.bins)
    write_stage_metrics("augment", "augment", metrics)
    notes = result.notes + list_idle_options(augment, metrics)
    details = make_details(rows, result, task, augment, seed) | {"notes": notes}
    schemas.write_report(schemas.AUGMENT_REPORT, details | {"metrics": metrics})
    for note in notes:
        say(f"note: {note}")
    refused = sum(metrics["refused"].values())
    say(
        f"{len(rows)} rows: {metrics['dropped']} dropped, {metrics['copies']} copies made, "
        f"{refused} refused"
    )


if __name__ == "__main__":
    run(main, Params)
