"""Read the raw files and bring their rows to one checked form."""

from pathlib import Path

from foldline.annotators.human_accuracy import told
from foldline.core.io import schemas
from foldline.core.io.files import write_json, write_metrics
from foldline.core.params import Components, Data, Prepare, Section, Task
from foldline.core.stage import run, say
from foldline.data.annotations import NOBODY
from foldline.data.auxiliary_files import beside
from foldline.data.label_quality import health
from foldline.data.preparation import prepare_rows


class Params(Section):
    seed: int
    task: Task
    data: Data
    prepare: Prepare
    components: Components


def main(params: Params) -> None:
    found = prepare_rows(params.task, params.data, params.prepare, params.components)
    checked = health(found.rows, found.labels, params.data, params.seed)
    notes = found.notes + checked.notes
    for note in notes:
        say(f"note: {note}")
    schemas.PREPARED.write(found.rows)
    schemas.ORIGINALS.write(found.originals)
    schemas.UNLABELLED.write(found.unlabelled)
    judged = found.judged
    schemas.ANNOTATIONS.write(judged.first if judged else NOBODY)
    schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.write(found.soft_labels)
    schemas.WEIGHTS.write(found.weights)
    agreement = judged.account(params.seed) if judged else {}
    write_json(Path("reports/agreement.json"), agreement)
    found.labels.save()
    write_json(Path("data/auxiliary_files.json"), beside(params.data))
    write_json(
        Path("reports/prepare.json"),
        found.details | {"health": checked.details, "notes": notes},
    )
    write_metrics(Path("metrics/prepare.json"), {"prepare": found.metrics | checked.metrics})
    for line in told(agreement):
        say(line)
    classes = f", {len(found.labels.classes)} classes" if found.labels.classes else ""
    say(f"{len(found.rows)} rows{classes}")


if __name__ == "__main__":
    run(main, Params)
