"""Read the raw files and bring their rows to one checked form."""

from pathlib import Path

from foldline.annotators.human_accuracy import format_agreement
from foldline.core.io import schemas
from foldline.core.io.files import write_json, write_metrics
from foldline.core.params import Data, Prepare, Section, Task
from foldline.core.stage import run, say
from foldline.data.annotations import EMPTY_ANNOTATIONS
from foldline.data.auxiliary_files import hash_auxiliary_files
from foldline.data.label_quality import check_label_quality
from foldline.data.preparation import prepare_dataset


class Params(Section):
    seed: int
    task: Task
    data: Data
    prepare: Prepare


def main(params: Params) -> None:
    found = prepare_dataset(params.task, params.data, params.prepare)
    checked = check_label_quality(found.rows, found.labels, params.data, params.seed)
    notes = found.notes + checked.notes
    for note in notes:
        say(f"note: {note}")
    schemas.PREPARED.write(found.rows)
    schemas.ORIGINALS.write(found.originals)
    schemas.UNLABELLED.write(found.unlabelled)
    judged = found.judged
    schemas.ANNOTATIONS.write(judged.first if judged else EMPTY_ANNOTATIONS)
    schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.write(found.label_distributions)
    schemas.WEIGHTS.write(found.weights)
    agreement = judged.account(params.seed) if judged else {}
    write_json(Path("reports/agreement.json"), agreement)
    found.labels.save()
    write_json(Path("data/auxiliary_files.json"), hash_auxiliary_files(params.data))
    write_json(
        Path("reports/prepare.json"),
        found.details | {"health": checked.details, "notes": notes},
    )
    write_metrics(Path("metrics/prepare.json"), {"prepare": found.metrics | checked.metrics})
    for line in format_agreement(agreement):
        say(line)
    classes = f", {len(found.labels.classes)} classes" if found.labels.classes else ""
    say(f"{len(found.rows)} rows{classes}")


if __name__ == "__main__":
    run(main, Params)
