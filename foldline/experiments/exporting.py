"""Export the trained transformer to ONNX: `python -m foldline export`."""

from pathlib import Path
from typing import Any

import pandas as pd

from foldline.experiments.export_options import FOLDER, parser
from foldline.frame import contract
from foldline.frame.errors import FoldlineError
from foldline.frame.files import read_json
from foldline.modeling import kinds, targets

ROWS = 1000  # that the exported model is compared by, and timed


def main(arguments: list[str]) -> None:
    """Write the folder, and say how its predictions compare and how fast they are.

    Raises:
        FoldlineError: where there is no transformer to export, a package of the extra is missing,
            or an exported model predicts otherwise; then nothing is written.
    """
    asked = parser().parse_args(arguments)
    model = transformer(asked.model)
    _check_target(asked.out, asked.model)
    from foldline.modeling.neural.export import export, speeds

    rows, int8 = _rows(), asked.int8 == "yes"
    found = export(model, rows, asked.out, int8)
    what = "correlation" if model.labels.task == "regression" else "equal labels"
    for name, one in found.items():
        size = (asked.out / name).stat().st_size / 1e6
        print(
            f"{name}: {size:.1f} MB; over {one.rows} rows the largest difference is "
            f"{one.difference:.1e}, {what} {one.alike:.4f}"
        )
    for name, speed in speeds(model, rows, asked.out, int8).items():
        print(f"{name}: {speed:,.0f} rows/s")
    print(f"{asked.out}: how to use it stands in its README.md")


def transformer(folder: Path) -> Any:
    """Load a model that can be exported.

    Raises:
        FoldlineError: where the folder holds none, or one of another kind.
    """
    kind = read_json(folder / kinds.CARD)["kind"]
    if kind not in ("scratch", kinds.PRETRAINED):
        raise FoldlineError(
            f"{folder} holds a model of kind {kind}, and only transformers are exported: set model "
            "to scratch, a folder or a Hugging Face id, and run `dvc repro train`"
        )
    model = kinds.load(folder)
    if isinstance(model, targets.Transformed):
        raise FoldlineError(
            f"{folder} was trained with target.transform={model.transform.name}, which a graph "
            "would not bring back: set target.transform to none and run `dvc repro train`"
        )
    return model


def _check_target(out: Path, model: Path) -> None:
    """Refuse to replace what no export wrote."""
    ours = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if out.resolve() == model.resolve() or not (ours or (out / "model.onnx").is_file()):
        raise FoldlineError(
            f"--out: {out} is there and holds no exported model; name a new folder, like {FOLDER}"
        )


def _rows() -> pd.DataFrame:
    """Give validation rows, or training rows where there are none."""
    rows = contract.VALID.read()
    return (contract.TRAIN.read() if rows.empty else rows).head(ROWS)
