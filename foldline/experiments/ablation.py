"""Run each method of resampling and augmentation as an experiment, and compare them with none."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.io import schemas
from foldline.core.io.components import check_component, is_component
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Augment, Settings, Undersample
from foldline.core.params.loading import load_params
from foldline.experiments import runs
from foldline.metrics.intervals import Difference, paired_bootstrap
from foldline.metrics.registry import measure

FILE = Path("reports/ablation.json")
OFF = ("augment.method=none", "augment.undersample.method=none")


@dataclass(frozen=True)
class Trial:
    """A method, and the params that enable it alone."""

    name: str
    changes: tuple[str, ...]


def list_trials(settings: Settings, methods: Sequence[str]) -> list[Trial]:
    """Return the trials of the named methods, or of all that need no external file or server.

    Raises:
        FoldlineError: if a name is no method.
    """
    copies = [n for n in _list_choices(Augment) if n not in ("none", "mix")]
    copies += [n for n in methods if is_component(n) and check_component(n, "augmenter")]
    drops = [n for n in _list_choices(Undersample) if n != "none"]
    for name in methods:
        if name not in [*copies, *drops]:
            raise FoldlineError(unknown_name("method", name, [*copies, *drops]))
    names: Sequence[str] = methods
    if not methods:
        names = [name for name in copies if _is_ready(name, settings)]
        names += drops if settings.task != "regression" else []
    return [Trial("none", OFF)] + [
        Trial(name, (f"augment.method={name}", OFF[1]))
        if name in copies
        else Trial(name, (OFF[0], f"augment.undersample.method={name}"))
        for name in dict.fromkeys(names)
    ]


def run_ablation(options: argparse.Namespace) -> None:
    """Run each trial as an experiment, and compare them with `none`."""
    settings = load_params(Settings)
    trials = list_trials(settings, options.methods)
    version = runs.hash_workspace()
    existing = runs.list_experiments()
    failed: dict[str, str] = {}
    for trial in tqdm(trials, desc="ablate", unit="experiment", file=sys.stderr):
        name = f"ablate-{trial.name}-{version}"
        try:
            if name not in existing:
                runs.run_experiment(name, trial.changes, "kfold")
        except FoldlineError as error:
            if trial.name == "none":
                raise
            failed[trial.name] = _extract_stage_error(error)
    names = {t.name: f"ablate-{t.name}-{version}" for t in trials if t.name not in failed}
    predictions = {name: _read_predictions(full) for name, full in names.items()}
    rows = compare_methods(predictions, runs.read_labels(names["none"]), settings, names)
    write_json(FILE, {"metric": MAIN[settings.task], "methods": rows, "failed": failed})
    print("\n".join(format_table(rows, MAIN[settings.task], settings.evaluate.level)))
    for name, reason in failed.items():
        print(f"\n{name} failed: {reason}", file=sys.stderr)
    print(f"\nwritten to {FILE}; each is an experiment: dvc exp show")


def compare_methods(
    predictions: dict[str, pd.DataFrame],
    labels: Labels,
    settings: Settings,
    names: dict[str, str],
) -> list[dict[str, Any]]:
    """Compare each method's out-of-fold predictions with those of `none`, on the same rows.

    The interval of a difference is a paired bootstrap over groups of rows (Efron, 1979). It covers
    the choice of rows, not of seeds.
    """
    base, metric = predictions["none"], MAIN[settings.task]
    target = labels.encode(base["label"])
    values = {
        name: labels.predictions(_align_rows(table, base, [names["none"], names[name]]))
        for name, table in predictions.items()
    }
    rows: list[dict[str, Any]] = []
    for name, predicted in values.items():
        row: dict[str, Any] = {"method": name, "experiment": names[name]}
        row["score"] = measure(settings.task, target, predicted)[metric]
        if name != "none":
            difference = paired_bootstrap(
                settings.task, target, predicted, values["none"], base["group"].tolist(),
                settings.evaluate.resamples, settings.seed, metric, settings.evaluate.level,
            )  # fmt: skip
            row |= difference._asdict() | {"verdict": judge_difference(difference)}
        rows.append(row)
    return rows


def judge_difference(difference: Difference) -> str:
    """Return the conclusion that the interval of a difference supports."""
    if difference.difference == difference.low == difference.high == 0:
        return "changed nothing"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "not distinguishable"


def format_table(rows: list[dict[str, Any]], metric: str, level: float) -> list[str]:
    """Return the comparison as lines for the terminal, the best method first."""
    width = max(len(row["method"]) for row in rows)
    lines = [f"out-of-fold {metric}; difference to none [{level:.0%} interval]"]
    for row in sorted(rows, key=lambda row: -row["score"]):
        line = f"{row['method']:<{width}}  {row['score']:.4f}"
        if "difference" in row:
            line += f"  {row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
            line += f"  {row['verdict']}"
        lines.append(line)
    return lines


def _read_predictions(experiment: str) -> pd.DataFrame:
    """Return the model's out-of-fold predictions in an experiment, with the rows' groups."""
    table = runs.read_table(experiment, schemas.OUT_OF_FOLD)
    rows = pd.concat([runs.read_table(experiment, t) for t in (schemas.TRAIN, schemas.VALID)])
    own = table[table["member"] == "model"]
    return own.merge(rows[["id", "group"]], on="id", validate="one_to_one")


def _align_rows(table: pd.DataFrame, base: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    if set(table["id"]) != set(base["id"]):
        raise FoldlineError(
            f"the experiments were not run on the same rows. Next: dvc exp remove {' '.join(names)}"
            ", and run this command again"
        )
    return table.set_index("id").loc[base["id"]].reset_index()


def _extract_stage_error(error: FoldlineError) -> str:
    """Return the stage's own message, without DVC's output around it."""
    lines = str(error).splitlines()
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return own[-1] if own else str(error)


def _list_choices(section: Any) -> list[str]:
    """Return the choices of a section's `method`."""
    schema = section.model_json_schema()["properties"]["method"]
    parts = schema.get("anyOf", [schema])
    parts = [part for part in parts if "pattern" not in part]  # names of components
    return [name for part in parts for name in part.get("enum", [part.get("const")])]


def _is_ready(method: str, settings: Settings) -> bool:
    """Return whether a method can run with the current params and without a download."""
    augment = settings.augment
    synonyms = augment.synonym.source == "kiwi" or augment.synonym.path is not None
    return {
        "insert": synonyms,
        "synonym": synonyms,
        "eda": synonyms,
        "pairswap": False,  # only the user knows whether the relation is symmetric
        "backtranslation": bool(augment.backtranslation.there and augment.backtranslation.back),
        "llm": False,
    }.get(method, True)
