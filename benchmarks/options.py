"""The effect of each training option: one change at a time, compared on the same test rows.

    python -m benchmarks.options --data FOLDER --set korean_hate_speech|banking77
        [--encoder FOLDER] [--only NAME ...] [--out FILE]

FOLDER holds a folder for each data set; --encoder is the pretrained model for banking77. Rows are
prepared and split once; every run differs from the base in one option. FILE (JSON) is written after
each run, so an interrupted run continues. Intervals of differences are paired bootstraps over
groups of rows; they cover other rows, and the options `another seed` cover other seeds.
"""

import argparse
import hashlib
import math
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from benchmarks.measurement import ROOT
from benchmarks.option_list import BASE, OPTIONS, RECIPES, Changes, Option, Recipe
from foldline.core import params
from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Settings
from foldline.core.params.error_messages import format_problems, list_problems
from foldline.core.params.loading import read_params
from foldline.data.leaks import drop_leaks
from foldline.data.preparation import prepare_dataset
from foldline.data.pretraining_texts import select_pretraining_texts
from foldline.data.splits import split_rows
from foldline.metrics.intervals import Difference, paired_bootstrap
from foldline.metrics.multiple_testing import holm
from foldline.metrics.registry import measure
from foldline.models import registry
from foldline.models.interface import Job

TASK, RESAMPLES, LEVEL, Z = "classification", 2000, 0.95, 1.96


@dataclass(frozen=True)
class Rows:
    """The rows of a data set by part."""

    train: pd.DataFrame
    valid: pd.DataFrame
    test: pd.DataFrame
    pretraining_texts: pd.DataFrame
    labels: Labels


def load_settings(changes: Changes) -> Settings:
    """Return params.yaml with values set by dotted keys.

    Raises:
        FoldlineError: if a value is not allowed.
    """
    file = ROOT / "params.yaml"
    content = read_params(file)
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        section[last] = value
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise FoldlineError(format_problems(Path(file.name), list_problems(error))) from None


def load_rows(settings: Settings, recipe: Recipe) -> Rows:
    """Return the prepared and split rows; surplus training rows become unlabelled texts."""
    prepared = prepare_dataset(TASK, settings.data, settings.prepare)
    class_names = prepared.rows["label"].value_counts(sort=True).index[: recipe.classes].tolist()
    labels = Labels(TASK, tuple(name for name in prepared.labels.classes if name in class_names))
    table = (
        prepared.rows[prepared.rows["label"].isin(class_names)]
        .assign(group="")
        .reset_index(drop=True)
    )
    if settings.split.drop_from_train:
        table, dropped = drop_leaks(table)
        print(f"{dropped} training rows dropped that share a text with test rows")
    table = split_rows(table, settings.split, "stratified", TASK, settings.seed)
    train, valid, test = (table[table["part"] == part] for part in ("train", "valid", "test"))
    order = np.argsort(rank_keys(settings.seed, train["id"].tolist()), kind="stable")
    train, surplus = (
        train.iloc[np.sort(part)] for part in np.split(order, [min(recipe.train_rows, len(order))])
    )
    unlabelled = pd.concat([prepared.unlabelled, surplus], ignore_index=True)
    labelled = pd.concat([train, valid, test])
    pretrain = settings.pretrain.model_copy(update={"epochs": 1, "unlabelled": True})
    return Rows(
        train, valid, test, select_pretraining_texts(labelled, unlabelled, pretrain), labels
    )


def train_option(changes: Changes, rows: Rows, metric: str) -> dict[str, Any]:
    """Train once; return score, calibration, CPU seconds and the predicted classes of test rows."""
    settings = load_settings(changes)
    content = settings.model_dump()
    recipe = params.Recipe.model_validate({n: content[n] for n in params.Recipe.model_fields})
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        job = Job(rows.train, rows.valid, rows.labels, recipe, Path(folder), rows.pretraining_texts)
        fitted = registry.fit(job)
        seconds = time.process_time() - begun
    test_predictions, valid_predictions = (
        fitted.model.predict(part) for part in (rows.test, rows.valid)
    )
    target = rows.labels.encode(rows.test["label"])
    valid_target = rows.labels.encode(rows.valid["label"])
    return {
        "score": measure(TASK, target, test_predictions, names=[metric])[metric],
        "ece": measure(TASK, target, test_predictions, names=["ece"])["ece"],
        "valid_log_loss": measure(TASK, valid_target, valid_predictions, names=["log_loss"])[
            "log_loss"
        ],
        "cpu_s": round(seconds, 1),
        "bytes": hashlib.sha256(test_predictions.tobytes()).hexdigest()[:16],
        "codes": test_predictions.argmax(axis=1).tolist(),
    } | {f"fit_{name}": value for name, value in fitted.summary.items()}


def run_missing(arguments: argparse.Namespace, rows: Rows) -> dict[str, dict[str, Any]]:
    """Run the options that have no result yet; record why an option is refused or fails."""
    recipe = RECIPES[arguments.set]
    few_rows = replace(
        rows, train=rows.train.head(64), valid=rows.valid.head(8), test=rows.test.head(8)
    )
    train_option(
        recipe.changes | {"epochs": 1}, few_rows, recipe.metric
    )  # so that no option pays for imports
    results: dict[str, dict[str, Any]] = read_json(arguments.out) if arguments.out.exists() else {}
    for option in select_options(arguments.only):
        changes = recipe.changes | option.changes_for(arguments.set)
        if results.get(option.name, {}).get("changes") == changes:
            continue
        try:
            if arguments.set in option.skip_reasons:
                raise FoldlineError(option.skip_reasons[arguments.set])
            result = train_option(changes, rows, recipe.metric)
        except FoldlineError as error:
            result = {"reason": " ".join(str(error).split())}
        results[option.name] = {"changes": changes} | result
        write_json(arguments.out, results)
        print(option.name, {k: v for k, v in result.items() if k != "codes"}, flush=True)
    return results


def select_options(names: list[str] | None) -> list[Option]:
    """Return the named options and their baselines; all for None."""
    if not names:
        return OPTIONS
    selected = {BASE, *names, *(option.baseline for option in OPTIONS if option.name in names)}
    return [option for option in OPTIONS if option.name in selected]


def compare_options(
    results: dict[str, dict[str, Any]], rows: Rows, metric: str
) -> dict[str, tuple[Difference, float]]:
    """Return each option's difference, and its p value corrected by Holm (1979) over all options.

    p assumes a normal distribution as wide as the interval. Other seeds are not tested.
    """
    differences: dict[str, Difference] = {}
    target, groups = rows.labels.encode(rows.test["label"]), rows.test["group"].tolist()
    one_hot = np.eye(len(rows.labels.classes))
    for option in OPTIONS:
        if option.name == BASE or "codes" not in results.get(option.name, {}):
            continue
        predictions, baseline = (
            one_hot[results[name]["codes"]] for name in (option.name, option.baseline)
        )
        differences[option.name] = paired_bootstrap(
            TASK, target, predictions, baseline, groups, RESAMPLES, 0, metric, LEVEL
        )
    tested = [name for name in differences if not name.startswith("another seed")]
    p_values = [p_value(differences[name]) for name in tested]
    corrected = dict(zip(tested, holm(p_values).tolist(), strict=True))
    return {
        name: (difference, corrected.get(name, math.nan))
        for name, difference in differences.items()
    }


def p_value(interval: Difference) -> float:
    """Return the two-sided p value of a normal distribution whose 95 % interval is as wide."""
    width = (interval.high - interval.low) / (2 * Z)
    return math.erfc(abs(interval.difference) / width / math.sqrt(2)) if width else 1.0


def format_table(results: dict[str, dict[str, Any]], rows: Rows, metric: str) -> list[str]:
    """Return the Markdown table, with the reasons of options that were not run."""
    differences = compare_options(results, rows, metric)
    lines = [
        f"| option | {metric} | difference [95 %] | p (Holm) | CPU | valid log loss | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    for option in OPTIONS:
        result = results.get(option.name)
        if result is None:
            continue
        if "reason" in result:
            lines.append(f"| {option.name} | | {result['reason']} | | | | |")
            continue
        difference_text, p_text = "", ""
        if option.name in differences:
            difference, p_holm = differences[option.name]
            same = result["bytes"] == results[option.baseline]["bytes"]
            bounds = f"{difference.difference:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
            difference_text = "identical predictions" if same else bounds
            p_text = "" if math.isnan(p_holm) else f"{p_holm:.3f}" if p_holm >= 0.001 else "< .001"
        lines.append(
            f"| {option.name} | {result['score']:.4f} | {difference_text} | {p_text} "
            f"| {result['cpu_s'] / results[option.baseline]['cpu_s']:.2f} "
            f"| {result['valid_log_loss']:.3f} | {result['ece']:.3f} |"
        )
    return lines


def main() -> None:
    """Measure the options on a data set and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=RECIPES, required=True)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--only", nargs="+", choices=[o.name for o in OPTIONS], metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("options.json"))
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.set]
    if not (arguments.data / arguments.set).is_dir():
        parser.error(
            f"--data {arguments.data} has no {arguments.set}: pass the folder of the data sets"
        )
    if recipe.encoder and arguments.encoder is None:
        parser.error(f"--set {arguments.set} needs --encoder, the folder of a pretrained model")
    arguments.out = arguments.out.resolve()
    with tempfile.TemporaryDirectory() as folder:
        # Params allow files and models only in these folders.
        links = {"data/raw": arguments.data, "models/pretrained/encoder": arguments.encoder}
        for name, target in links.items():
            if target is not None:
                (Path(folder) / name).parent.mkdir(parents=True)
                (Path(folder) / name).symlink_to(target.resolve())
        os.chdir(folder)
        rows = load_rows(load_settings(recipe.changes), recipe)
        print(f"train {len(rows.train)}, valid {len(rows.valid)}, test {len(rows.test)} rows")
        results = run_missing(arguments, rows)
        print("\n".join(format_table(results, rows, recipe.metric)))
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
