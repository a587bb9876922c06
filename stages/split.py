"""Divide the rows into train, valid and test, and number the folds that every model uses."""

from foldline.core.io import schemas
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.data.dataset_split import SplitSettings, split_dataset


class Params(SplitSettings):
    pass


def main(params: Params) -> None:
    split = split_dataset(
        rows=schemas.PREPARED.read(),
        unlabelled=schemas.UNLABELLED.read(),
        label_distributions=schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read(),
        settings=params,
    )
    schemas.TRAIN.write(split.part("train"))
    schemas.VALID.write(split.part("valid"))
    schemas.TEST.write(split.part("test"))
    schemas.FOLDS.write(split.folds)
    schemas.HELD_OUT_HASHES.write(split.held_out_hashes)
    schemas.PRETRAINING_TEXTS.write(split.pretraining_texts)
    schemas.SOFT_LABELS.write(split.soft_labels)
    schemas.write_report(schemas.SPLIT_REPORT, split.report | {"metrics": split.metrics})
    write_stage_metrics("split", "split", split.metrics)
    for line in [*(f"note: {note}" for note in split.notes), *split.summary]:
        say(line)


if __name__ == "__main__":
    run(main, Params)
