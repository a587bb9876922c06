"""The report of folds: its intervals are those of the bootstrap over groups."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.seeds import derive_seed
from foldline.core.params.kind_options import select_options
from foldline.ensembling.cross_validation import CrossValidation, cross_validate
from foldline.ensembling.fold_plot import draw_folds
from foldline.ensembling.fold_report import LEVEL, RESAMPLES, describe_folds, format_folds
from foldline.ensembling.folds import Fold
from foldline.metrics.fold_statistics import corrected_interval
from foldline.metrics.intervals import bootstrap_intervals

SPLITS = 3
MAIN = {"classification": "f1_macro", "multilabel": "f1_macro", "regression": "pearson"}


@pytest.fixture
def validate(workplace, rows, recipe, labels, augment, runner):
    """Cross-validate tfidf on 48 rows in groups of three."""

    def make(task: str = "classification", repeats: int = 1, seeds: int = 1) -> CrossValidation:
        table = rows(task, n=48)
        group = np.arange(48) // 3
        table["group"] = [f"g{number}" for number in group]
        own = select_options(recipe(model="tfidf", task=task))
        return cross_validate(
            [
                Fold(
                    "model", number, table.assign(fold=(group + repeat * (group // 3)) % SPLITS,
                    duplicate=""), labels(task), own, augment(), 0.25, pd.DataFrame(), repeat,
                    training,
                )
                for repeat in range(repeats)
                for training in range(seeds)
                for number in range(SPLITS)
            ],
            runner(),
        )  # fmt: skip

    return make


def test_intervals_are_those_of_direct_calls(validate):
    result = validate()
    report = describe_folds(result, 7)

    for numbers, own in zip(report["folds"], result.results, strict=True):
        rows, seed = own.fold.held_out, derive_seed(7, "folds", own.fold.number)
        target = own.fold.labels.encode(rows["label"])
        direct = bootstrap_intervals(
            "classification", target, own.fit.predictions, rows["group"].tolist(), RESAMPLES,
            seed, LEVEL, ["f1_macro"],
        )  # fmt: skip
        assert (numbers["low"], numbers["high"]) == direct["f1_macro"]
    table = result.make_table()
    groups = result.results[0].fold.rows.set_index("id")["group"].loc[table["id"]].tolist()
    labels = result.labels
    direct = bootstrap_intervals(
        "classification", labels.encode(table["label"]), labels.predictions(table), groups,
        RESAMPLES, derive_seed(7, "folds"), LEVEL, ["f1_macro"],
    )  # fmt: skip
    member = report["members"]["model"]
    pooled = member["pooled"]["f1_macro"]
    assert (pooled["low"], pooled["high"]) == direct["f1_macro"]
    scores = np.array([numbers["f1_macro"] for numbers in report["folds"]])
    assert tuple(member["corrected"].values()) == corrected_interval(scores, 1 / (SPLITS - 1))
    assert member["mean"] == pytest.approx(scores.mean())


@pytest.mark.parametrize("task", MAIN)
def test_every_task_has_a_report_in_words_and_a_plot(task, validate):
    report = describe_folds(validate(task), 7)
    lines = format_folds(report, task)

    assert lines[0].startswith(f"{MAIN[task]} out of fold")
    assert lines[1].startswith("model ")
    member = report["members"]["model"]
    assert member["train"][MAIN[task]] >= member["pooled"][MAIN[task]]["value"]
    assert member["verdict"]["line"] in "\n".join(lines)
    plot = draw_folds(report)
    assert plot.count("<circle") == SPLITS
    assert plot == draw_folds(report)


def test_repeats_and_seeds_are_told_apart(validate):
    member = describe_folds(validate(repeats=2, seeds=2), 7)["members"]["model"]

    # tfidf has no random numbers: another seed changes nothing, another division does.
    assert member["components"]["seeds"] == pytest.approx(0, abs=1e-9)
    assert member["components"]["divisions"] >= 0
    squares = member["decomposition"]
    assert squares["error"] == pytest.approx(squares["bias"] + squares["variance"])
