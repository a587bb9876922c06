"""Cross-validate: predict every training and validation row by a model that has not seen it."""

import pandas as pd

from foldline.augmentation.external_inputs import hash_external_inputs
from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.ensembling.cross_validation import cross_validate, make_folds
from foldline.ensembling.fold_plot import write_fold_plot
from foldline.ensembling.fold_report import describe_folds, format_folds
from foldline.ensembling.folds import Fold
from foldline.ensembling.members import FOLDS, write_models
from foldline.ensembling.tta import list_augmented_predictions
from foldline.models.soft_labels import add_auxiliary_labels, add_soft_labels, add_weights


class Params(types.Recipe):
    augment: types.Augment
    kfold: types.Kfold
    members: types.Members
    runner: types.Runner


def read_folds(params: Params, labels: Labels) -> list[Fold]:
    """Return the folds of all members over the training and validation rows."""
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    rows = add_soft_labels(rows, schemas.SOFT_LABELS.read(), labels)
    rows = add_weights(rows, schemas.WEIGHTS.read())
    rows = add_auxiliary_labels(rows, schemas.AUXILIARY_LABELS.read())
    texts, folds = schemas.PRETRAINING_TEXTS.read(), schemas.FOLDS.read()
    return make_folds(rows, folds, labels, params.members, params.augment, params.kfold, texts)


def main(params: Params) -> None:
    labels = Labels.load()
    inputs = hash_external_inputs(params.augment)
    result = cross_validate(read_folds(params, labels), params.runner)
    schemas.OUT_OF_FOLD.write(result.make_table())
    models = {} if params.members.models == "full" else result.list_models()
    write_models(FOLDS, models, list_augmented_predictions(params.members.recipes))
    Preprocessing.load().save(FOLDS / NAME)
    scores, report = result.score(), describe_folds(result, params.seed)
    schemas.write_report(schemas.KFOLD_REPORT, report | {"metrics": scores})
    write_fold_plot(report)
    write_stage_metrics("kfold", "kfold", scores)
    if hash_external_inputs(params.augment) != inputs:
        say(
            "note: the folds requested new answers of the language model, and the file of "
            "answers has grown; the next `dvc repro` runs `augment` and `kfold` again, with "
            "equal results"
        )
    for line in format_folds(report, labels.task):
        say(line)
    metric = MAIN[labels.task]
    say(f"{metric} {scores['mean']:.4f} +- {scores['std']:.4f} over {params.kfold.n_splits} folds")


if __name__ == "__main__":
    run(main, Params)
