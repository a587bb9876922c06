"""Read the raw files and bring their rows to one checked form."""

from pathlib import Path

from pydantic import Field

from foldline.annotators.label_ceiling import format_agreement
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.preprocessing import Preprocessing
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.params import Components, Data, Predict, Prepare, Section, Slices, Task
from foldline.core.stage import run, say
from foldline.data.annotations import summarize_annotations
from foldline.data.label_quality import check_label_quality
from foldline.data.preparation import hash_auxiliary_files, prepare_dataset
from foldline.data.slice_columns import select_slice_columns


class Params(Section):
    seed: int
    task: Task
    data: Data
    prepare: Prepare
    components: Components
    predict: Predict
    slices: Slices = Field(alias="evaluate.slices")


def main(params: Params) -> None:
    data, seed = params.data, params.seed
    dataset = prepare_dataset(
        params.task, data, params.prepare, params.components, params.predict.sample_submission
    )
    rows, labels = dataset.rows, dataset.labels
    quality = check_label_quality(rows, labels, data, seed)
    slice_columns = select_slice_columns(dataset, data, params.slices)
    annotators = summarize_annotations(dataset.annotations, labels, rows, seed)
    schemas.PREPARED.write(rows)
    schemas.ORIGINALS.write(dataset.originals)
    schemas.UNLABELLED.write(dataset.unlabelled)
    schemas.ANNOTATIONS.write(annotators.annotations)
    schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.write(annotators.label_distributions)
    schemas.WEIGHTS.write(dataset.weights)
    schemas.AUXILIARY_LABELS.write(dataset.auxiliary_labels)
    schemas.SLICE_COLUMNS.write(slice_columns)
    labels.save()
    Preprocessing.from_params(data, params.prepare, params.components).save()
    notes = dataset.notes + quality.notes
    metrics = dataset.metrics | quality.metrics
    report = dataset.details | {"health": quality.details, "notes": notes, "metrics": metrics}
    write_json(Path("data/auxiliary_files.json"), hash_auxiliary_files(data))
    schemas.write_report(schemas.PREPARE_REPORT, report)
    write_json(Path("reports/agreement.json"), annotators.report)
    write_stage_metrics("prepare", "prepare", metrics)
    for line in [f"note: {note}" for note in notes] + format_agreement(annotators.report):
        say(line)
    say(dataset.describe())


if __name__ == "__main__":
    run(main, Params)
