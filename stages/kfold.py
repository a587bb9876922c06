"""Cross-validate: predict every training and validation row by a model that has not seen it."""

import pandas as pd

from foldline.augmentation.external_inputs import hash_external_inputs
from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.params import Augment, Kfold, Recipe, Runner
from foldline.core.stage import run, say
from foldline.ensembling.cross_validation import cross_validate, make_folds
from foldline.ensembling.folds import Fold, join_folds
from foldline.ensembling.members import FOLDS
from foldline.execution.store import remove_expired
from foldline.models.soft_labels import add_soft_labels, add_weights


class Params(Recipe):
    augment: Augment
    kfold: Kfold
    runner: Runner


def read_folds(params: Params, labels: Labels) -> list[Fold]:
    """Return the folds of all members over the training and validation rows."""
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    rows = join_folds(rows, schemas.FOLDS.read(), params.kfold.n_splits)
    rows = add_weights(
        add_soft_labels(rows, schemas.SOFT_LABELS.read(), labels), schemas.WEIGHTS.read()
    )
    texts = schemas.PRETRAINING_TEXTS.read()
    return make_folds(rows, labels, params, params.augment, params.kfold, texts)


def main(params: Params) -> None:
    remove_expired()
    labels = Labels.load()
    inputs = hash_external_inputs(params.augment)
    folds = read_folds(params, labels)
    with cross_validate(folds, params.runner.jobs) as result:
        schemas.OUT_OF_FOLD.write(result.make_table())
        result.save_models()
        Preprocessing.load().save(FOLDS / NAME)
        scores = result.score()
        schemas.write_report(schemas.KFOLD_REPORT, result.describe() | {"metrics": scores})
        write_stage_metrics("kfold", "kfold", scores)
    if hash_external_inputs(params.augment) != inputs:
        say(
            "note: the folds requested new answers of the language model, and the file of "
            "answers has grown; the next `dvc repro` runs `augment` and `kfold` again, with "
            "equal results"
        )
    metric = MAIN[labels.task]
    say(f"{metric} {scores['mean']:.4f} +- {scores['std']:.4f} over {params.kfold.n_splits} folds")


if __name__ == "__main__":
    run(main, Params)
