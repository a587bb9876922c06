"""Try every way of balancing as an experiment, and say what each is worth."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from foldline.core.errors import FoldlineError, unknown
from foldline.core.io import schemas
from foldline.core.io.components import check_component, is_component
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Augment, Settings, Undersample
from foldline.core.params.loading import load
from foldline.experiments import runs
from foldline.metrics.intervals import Difference, paired_interval
from foldline.metrics.registry import measure

FILE = Path("metrics/ablation.json")
OFF = ("augment.method=none", "augment.undersample.method=none")


@dataclass(frozen=True)
class Trial:
    """A way of balancing, and the params that switch it on alone."""

    name: str
    changes: tuple[str, ...]


def trials(settings: Settings, wanted: Sequence[str]) -> list[Trial]:
    """Give the ways to try: those that are named, or all that need nothing from outside.

    Raises:
        FoldlineError: for a name that is no method.
    """
    copies = [n for n in _choices(Augment) if n not in ("none", "mix")]
    copies += [n for n in wanted if is_component(n) and check_component(n, "augmenter")]
    drops = [n for n in _choices(Undersample) if n != "none"]
    for name in wanted:
        if name not in [*copies, *drops]:
            raise FoldlineError(unknown("method", name, [*copies, *drops]))
    numbers = settings.task == "regression"
    names = wanted or [n for n in copies if _ready(n, settings)] + ([] if numbers else drops)
    return [Trial("none", OFF)] + [
        Trial(name, (f"augment.method={name}", OFF[1]))
        if name in copies
        else Trial(name, (OFF[0], f"augment.undersample.method={name}"))
        for name in dict.fromkeys(names)
    ]


def run(options: argparse.Namespace) -> None:
    """Run the trials, each as an experiment of its own, and compare them with none."""
    settings = load(Settings)
    tried = trials(settings, options.methods)
    state = runs.state()
    known = runs.known()
    failed: dict[str, str] = {}
    for trial in tqdm(tried, desc="ablate", unit="experiment", file=sys.stderr):
        name = f"ablate-{trial.name}-{state}"
        try:
            if name not in known:
                runs.experiment(name, trial.changes, "kfold")
        except FoldlineError as error:
            if trial.name == "none":
                raise
            failed[trial.name] = _reason(error)
    names = {t.name: f"ablate-{t.name}-{state}" for t in tried if t.name not in failed}
    predictions = {name: _predictions(full) for name, full in names.items()}
    rows = compared(predictions, runs.labels_of(names["none"]), settings, names)
    write_json(FILE, {"metric": MAIN[settings.task], "methods": rows, "failed": failed})
    print("\n".join(table(rows, MAIN[settings.task], settings.evaluate.level)))
    for name, why in failed.items():
        print(f"\n{name} failed: {why}", file=sys.stderr)
    print(f"\nwritten to {FILE}; each is an experiment: dvc exp show")


def compared(
    predictions: dict[str, pd.DataFrame],
    labels: Labels,
    settings: Settings,
    names: dict[str, str],
) -> list[dict[str, Any]]:
    """Compare each method's out-of-fold predictions with those of `none`, on the same rows.

    The interval of a difference is a paired bootstrap over groups of rows (Efron, 1979). It tells
    of other rows, not of other seeds.
    """
    base, metric = predictions["none"], MAIN[settings.task]
    target = labels.encode(base["label"])
    values = {n: labels.predictions(_aligned(t, base)) for n, t in predictions.items()}
    rows: list[dict[str, Any]] = []
    for name, predicted in values.items():
        row: dict[str, Any] = {"method": name, "experiment": names[name]}
        row["score"] = measure(settings.task, target, predicted)[metric]
        if name != "none":
            found = paired_interval(
                settings.task, target, predicted, values["none"], base["group"].tolist(),
                settings.evaluate.resamples, settings.seed, metric, settings.evaluate.level,
            )  # fmt: skip
            row |= found._asdict() | {"verdict": verdict(found)}
        rows.append(row)
    return rows


def verdict(found: Difference) -> str:
    """Say what an interval of a difference allows to say."""
    if found.difference == found.low == found.high == 0:
        return "changed nothing"
    if found.low > 0:
        return "better"
    return "worse" if found.high < 0 else "not distinguishable"


def table(rows: list[dict[str, Any]], metric: str, level: float) -> list[str]:
    """Give the comparison for the terminal, the best first."""
    width = max(len(row["method"]) for row in rows)
    lines = [f"out-of-fold {metric}; difference to none [{level:.0%} interval]"]
    for row in sorted(rows, key=lambda row: -row["score"]):
        told = f"{row['method']:<{width}}  {row['score']:.4f}"
        if "difference" in row:
            told += f"  {row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
            told += f"  {row['verdict']}"
        lines.append(told)
    return lines


def _predictions(experiment: str) -> pd.DataFrame:
    """Give the model's out-of-fold predictions in an experiment, with the rows' groups."""
    table = runs.table_of(experiment, schemas.OUT_OF_FOLD)
    rows = pd.concat([runs.table_of(experiment, t) for t in (schemas.TRAIN, schemas.VALID)])
    own = table[table["member"] == "model"]
    return own.merge(rows[["id", "group"]], on="id", validate="one_to_one")


def _aligned(table: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    if set(table["id"]) != set(base["id"]):
        raise FoldlineError(
            "the experiments were not run on the same rows. Next: dvc exp remove them "
            "(`dvc exp list` names them), and run this command again"
        )
    return table.set_index("id").loc[base["id"]].reset_index()


def _reason(error: FoldlineError) -> str:
    """Give the stage's own words, without DVC's around them."""
    lines = str(error).splitlines()
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return own[-1] if own else str(error)


def _choices(section: Any) -> list[str]:
    """Give the names that a section's `method` may have."""
    schema = section.model_json_schema()["properties"]["method"]
    parts = schema.get("anyOf", [schema])
    parts = [part for part in parts if "pattern" not in part]  # names of components
    return [name for part in parts for name in part.get("enum", [part.get("const")])]


def _ready(method: str, settings: Settings) -> bool:
    """Tell whether a method can run with the params as they are, and without a download."""
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
