"""What each option of training is worth: switched on alone, and compared on the same test rows.

    python -m benchmarks.options --data FOLDER --set korean_hate_speech|banking77
        [--encoder FOLDER] [--only NAME ...] [--out FILE]

FOLDER holds a folder for each set; --encoder is the pretrained model that banking77 is learnt by.
Rows are prepared and split once; every run differs from the base in its option alone. FILE (JSON)
is written after each run, and one that is there is gone on with. Differences are paired bootstraps
over groups of rows; they tell of other rows, and the rows `another seed` tell of other seeds.
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

from benchmarks.measuring import ROOT
from benchmarks.option_list import BASE, OPTIONS, RECIPES, Changes, Option, Recipe
from foldline.core import params
from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Settings
from foldline.core.params.error_messages import format_errors
from foldline.core.params.loading import read_params
from foldline.data.leaks import drop_leaks
from foldline.data.preparation import prepare_dataset
from foldline.data.pretraining_texts import select_pretraining_texts
from foldline.data.splits import split_rows
from foldline.metrics.intervals import Difference, paired_bootstrap
from foldline.metrics.registry import measure
from foldline.models import registry
from foldline.models.interface import Job

TASK, RESAMPLES, LEVEL, Z = "classification", 2000, 0.95, 1.96


@dataclass(frozen=True)
class Rows:
    """A set's rows, shared out once."""

    train: pd.DataFrame
    valid: pd.DataFrame
    test: pd.DataFrame
    further: pd.DataFrame
    labels: Labels


def settings_of(changes: Changes) -> Settings:
    """Return params.yaml with values put in by their dotted keys.

    Raises:
        FoldlineError: where params refuse them.
    """
    file = ROOT / "params.yaml"
    content = read_params(file)
    for dotted, value in changes.items():
        *sections, name = dotted.split(".")
        place = content
        for section in sections:
            place = place[section]
        place[name] = value
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise FoldlineError(format_errors(Path(file.name), content, error)) from None


def rows_of(settings: Settings, recipe: Recipe) -> Rows:
    """Prepare and split a set; training rows beyond those asked for are texts without labels."""
    found = prepare_dataset(TASK, settings.data, settings.prepare)
    most = found.rows["label"].value_counts(sort=True).index[: recipe.classes].tolist()
    labels = Labels(TASK, tuple(name for name in found.labels.classes if name in most))
    table = found.rows[found.rows["label"].isin(most)].assign(group="").reset_index(drop=True)
    if settings.split.drop_from_train:
        table, dropped = drop_leaks(table)
        print(f"{dropped} training rows dropped that share a text with test rows")
    table = split_rows(table, settings.split, "stratified", TASK, settings.seed)
    train, valid, test = (table[table["part"] == part] for part in ("train", "valid", "test"))
    drawn = np.argsort(rank_keys(settings.seed, train["id"].tolist()), kind="stable")
    train, over = (
        train.iloc[np.sort(part)] for part in np.split(drawn, [min(recipe.train_rows, len(drawn))])
    )
    unlabelled = pd.concat([found.unlabelled, over], ignore_index=True)
    held = pd.concat([train, valid, test])
    asked = settings.pretrain.model_copy(update={"epochs": 1, "unlabelled": True})
    return Rows(train, valid, test, select_pretraining_texts(held, unlabelled, asked), labels)


def run(changes: Changes, rows: Rows, metric: str) -> dict[str, Any]:
    """Train once; give score, CPU seconds, calibration, and the classes predicted of test rows."""
    settings = settings_of(changes)
    content = settings.model_dump()
    recipe = params.Recipe.model_validate({n: content[n] for n in params.Recipe.model_fields})
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        job = Job(rows.train, rows.valid, rows.labels, recipe, Path(folder), rows.further)
        fitted = registry.fit(job)
        spent = time.process_time() - begun
    tested, held = (fitted.model.predict(part) for part in (rows.test, rows.valid))
    target = rows.labels.encode(rows.test["label"])
    known = rows.labels.encode(rows.valid["label"])
    return {
        "score": measure(TASK, target, tested, names=[metric])[metric],
        "ece": measure(TASK, target, tested, names=["ece"])["ece"],
        "valid_log_loss": measure(TASK, known, held, names=["log_loss"])["log_loss"],
        "cpu_s": round(spent, 1),
        "bytes": hashlib.sha256(tested.tobytes()).hexdigest()[:16],
        "codes": tested.argmax(axis=1).tolist(),
    } | {f"fit_{name}": value for name, value in fitted.summary.items()}


def go_on(given: argparse.Namespace, rows: Rows) -> dict[str, dict[str, Any]]:
    """Run what is not in the file yet; a run that is refused or fails leaves its reason."""
    recipe = RECIPES[given.set]
    few = replace(rows, train=rows.train.head(64), valid=rows.valid.head(8), test=rows.test.head(8))
    run(recipe.changes | {"epochs": 1}, few, recipe.metric)  # so that none pays for the imports
    done: dict[str, dict[str, Any]] = read_json(given.out) if given.out.exists() else {}
    for option in wanted(given.only):
        changes = recipe.changes | option.of(given.set)
        if done.get(option.name, {}).get("changes") == changes:
            continue
        try:
            if given.set in option.left:
                raise FoldlineError(option.left[given.set])
            found = run(changes, rows, recipe.metric)
        except FoldlineError as error:
            found = {"reason": " ".join(str(error).split())}
        done[option.name] = {"changes": changes} | found
        write_json(given.out, done)
        print(option.name, {k: v for k, v in found.items() if k != "codes"}, flush=True)
    return done


def wanted(only: list[str] | None) -> list[Option]:
    """Return the options to run: those that are named, and what they are compared with."""
    if not only:
        return OPTIONS
    names = {BASE, *only, *(o.against for o in OPTIONS if o.name in only)}
    return [option for option in OPTIONS if option.name in names]


def compared(
    done: dict[str, dict[str, Any]], rows: Rows, metric: str
) -> dict[str, tuple[Difference, float]]:
    """Return each option's difference, and its p value after Holm (1979) over all of them.

    p is that of a normal distribution as wide as the interval. Other seeds are not tested.
    """
    found: dict[str, Difference] = {}
    target, groups = rows.labels.encode(rows.test["label"]), rows.test["group"].tolist()
    each = np.eye(len(rows.labels.classes))
    for option in OPTIONS:
        if option.name == BASE or "codes" not in done.get(option.name, {}):
            continue
        own, other = (each[done[name]["codes"]] for name in (option.name, option.against))
        found[option.name] = paired_bootstrap(
            TASK, target, own, other, groups, RESAMPLES, 0, metric, LEVEL
        )
    tested = [name for name in found if not name.startswith("another seed")]
    corrected = holm({name: p_value(found[name]) for name in tested})
    return {name: (one, corrected.get(name, math.nan)) for name, one in found.items()}


def p_value(one: Difference) -> float:
    """Return the two-sided p of a normal distribution whose 95 % interval is as wide."""
    width = (one.high - one.low) / (2 * Z)
    return math.erfc(abs(one.difference) / width / math.sqrt(2)) if width else 1.0


def holm(values: dict[str, float]) -> dict[str, float]:
    """Return p values corrected for their number, step by step from the smallest (Holm, 1979)."""
    found, last = {}, 0.0
    for place, name in enumerate(sorted(values, key=values.__getitem__)):
        last = max(last, min(1.0, values[name] * (len(values) - place)))
        found[name] = last
    return found


def table(done: dict[str, dict[str, Any]], rows: Rows, metric: str) -> list[str]:
    """Return the Markdown table, and the reasons of what was not run."""
    differences = compared(done, rows, metric)
    lines = [
        f"| option | {metric} | difference [95 %] | p (Holm) | CPU | valid log loss | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    for option in OPTIONS:
        one = done.get(option.name)
        if one is None:
            continue
        if "reason" in one:
            lines.append(f"| {option.name} | | {one['reason']} | | | | |")
            continue
        told_of, p = "", ""
        if option.name in differences:
            found, value = differences[option.name]
            same = one["bytes"] == done[option.against]["bytes"]
            bounds = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
            told_of = "the very same predictions" if same else bounds
            p = "" if math.isnan(value) else f"{value:.3f}" if value >= 0.001 else "< .001"
        lines.append(
            f"| {option.name} | {one['score']:.4f} | {told_of} | {p} "
            f"| {one['cpu_s'] / done[option.against]['cpu_s']:.2f} "
            f"| {one['valid_log_loss']:.3f} | {one['ece']:.3f} |"
        )
    return lines


def main() -> None:
    """Measure the options of a set, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=RECIPES, required=True)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--only", nargs="+", choices=[o.name for o in OPTIONS], metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("options.json"))
    given = parser.parse_args()
    recipe = RECIPES[given.set]
    if not (given.data / given.set).is_dir():
        parser.error(f"--data {given.data} holds no {given.set}: name the folder of the sets")
    if recipe.encoder and given.encoder is None:
        parser.error(f"--set {given.set} needs --encoder, the folder of a pretrained model")
    given.out = given.out.resolve()
    with tempfile.TemporaryDirectory() as folder:
        # Params allow files and models in these folders alone.
        links = {"data/raw": given.data, "models/pretrained/encoder": given.encoder}
        for name, there in links.items():
            if there is not None:
                (Path(folder) / name).parent.mkdir(parents=True)
                (Path(folder) / name).symlink_to(there.resolve())
        os.chdir(folder)
        rows = rows_of(settings_of(recipe.changes), recipe)
        print(f"train {len(rows.train)}, valid {len(rows.valid)}, test {len(rows.test)} rows")
        done = go_on(given, rows)
        print("\n".join(table(done, rows, recipe.metric)))
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
