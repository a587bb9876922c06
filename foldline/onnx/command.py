"""Export the trained transformer to ONNX: `foldline export`."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.models import registry, target_transform
from foldline.models.boosting import BoostedModel
from foldline.models.chain import ChainedModel
from foldline.models.neural.snapshot_ensemble import SnapshotEnsemble

ROWS = 1000  # to compare and time the exported model with


def run(options: argparse.Namespace) -> None:
    """Write the folder, and report how its predictions compare and how fast they are.

    Raises:
        FoldlineError: if there is no transformer to export, a package is missing, or an exported
            model predicts otherwise; then nothing is written.
    """
    model = load_transformer(options.model)
    _check_target(options.out, options.model)
    from foldline.onnx.export import export, measure_speeds

    rows, int8 = _comparison_rows(), options.int8 == "yes"
    parities = export(model, rows, options.out, int8)
    measure = "correlation" if model.labels.task == "regression" else "equal labels"
    for name, parity in parities.items():
        size = (options.out / name).stat().st_size / 1e6
        print(
            f"{name}: {size:.1f} MB; over {parity.rows} rows the largest difference is "
            f"{parity.difference:.1e}, {measure} {parity.agreement:.4f}"
        )
    for name, speed in measure_speeds(model, rows, options.out, int8).items():
        print(f"{name}: {speed:,.0f} rows/s")
    print(f"{options.out}: see its README.md for how to use it")


def load_transformer(folder: Path) -> Any:
    """Load a model that can be exported.

    Raises:
        FoldlineError: if the folder holds no model, or one of another kind.
    """
    kind = read_json(folder / registry.CARD)["kind"]
    if kind not in ("scratch", registry.PRETRAINED):
        raise FoldlineError(
            f"{folder} holds a model of kind {kind}, and only transformers can be exported: set "
            "model to scratch, a folder or a Hugging Face id, and run `dvc repro train`"
        )
    model = registry.load(folder)
    if isinstance(model, target_transform.TransformedModel):
        raise FoldlineError(
            f"{folder} was trained with target.transform={model.transform.name}, which a graph "
            "cannot invert: set target.transform to none and run `dvc repro train`"
        )
    if isinstance(model, BoostedModel):
        raise FoldlineError(
            f"{folder} holds {len(model.models)} boosted models, and one graph is exported: set "
            "boosting.n_estimators to 1 and run `dvc repro train`"
        )
    if isinstance(model, ChainedModel):
        raise FoldlineError(
            f"{folder} holds a chain of two models, and one graph is exported: set chain.first to "
            "null and run `dvc repro train`"
        )
    if isinstance(model, SnapshotEnsemble):
        raise FoldlineError(
            f"{folder} holds {len(model.snapshots)} snapshots, and one graph is exported: set "
            "train.snapshots to 1 and run `dvc repro train`"
        )
    return model


def _check_target(out: Path, model: Path) -> None:
    """Refuse to overwrite a folder that is not an export."""
    ours = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if out.resolve() == model.resolve() or not (ours or (out / "model.onnx").is_file()):
        raise FoldlineError(
            f"--out: {out} exists but holds no exported model; name a new folder, like models/onnx"
        )


def _comparison_rows() -> pd.DataFrame:
    """Return validation rows, or training rows if there are none."""
    rows = schemas.VALID.read()
    return (schemas.TRAIN.read() if rows.empty else rows).head(ROWS)
