"""Measure a member or the ensemble in this process: `python -m foldline.prediction.measurement`.

Prints one line of JSON. Texts are those of training and validation rows: the test set stays closed.
"""

import json
import shutil
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.seeds import rank_keys
from foldline.core.io.threads import configure_threads
from foldline.core.resource_usage import read_peak_memory
from foldline.ensembling.members import predict_in_batches
from foldline.models import registry
from foldline.prediction.predictor import Predictor

ROWS, SINGLE = 512, 64  # rows that are predicted together, and of those one by one
WARM_UPS, TURNS = 5, 3
BATCHES = (1, 32)
TOLERANCE = 1e-5  # of float32 in batches of other widths
MEGABYTE = 1e6


def measure(name: str, repeats: int) -> dict[str, Any]:
    """Return latency, throughput, size, memory, and whether predictions are always the same.

    `latency_ms` is of `repeats` calls, from raw texts to probabilities; `rows_per_second` of the
    median of three calls with all rows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor = Predictor(model=name)
    rows = sample_rows()
    latency = {str(size): time_batches(predictor, rows, size, repeats) for size in BATCHES}
    times = [time_call(predictor, rows) for _ in range(TURNS)]
    peak = read_peak_memory() / MEGABYTE
    folders = predictor.folders
    batch = compare_batches(predictor, rows)
    reload = max(compare_after_saving(folder, rows) for folder in folders)
    return {
        "parameters": sum(map(count_parameters, folders)),
        "disk_mb": sum(map(count_bytes, folders)) / MEGABYTE,
        "latency_ms": latency,
        "rows_per_second": len(rows) / float(np.median(times)),
        "peak_memory_mb": peak,
        "equal": {
            "batch": batch <= TOLERANCE,
            "reload": reload == 0,
            "largest_difference": max(batch, reload),
        },
    }


def sample_rows() -> pd.DataFrame:
    """Return up to ROWS training and validation rows, always the same ones."""
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    if rows.empty:
        raise FoldlineError("there are neither training nor validation rows: run `dvc repro`")
    order = np.argsort(rank_keys(0, rows["id"].tolist()), kind="stable")
    return rows.iloc[order[:ROWS]].reset_index(drop=True)


def time_batches(
    predictor: Predictor, rows: pd.DataFrame, size: int, repeats: int
) -> dict[str, float]:
    """Return the median and the 95th percentile of the milliseconds of a warm call."""
    starts = np.arange(WARM_UPS + repeats) * size % max(1, len(rows) - size + 1)
    times = [time_call(predictor, rows.iloc[start : start + size]) for start in starts]
    p50, p95 = np.percentile(times[WARM_UPS:], [50, 95]) * 1000
    return {"p50": float(p50), "p95": float(p95)}


def time_call(predictor: Predictor, rows: pd.DataFrame) -> float:
    """Return the seconds of a prediction of raw texts."""
    ids, texts, pairs = (rows[name].tolist() for name in ("id", "text", "text_pair"))
    begun = time.perf_counter()
    predictor.predict_rows(predictor.make_rows(ids, texts, pairs))
    return time.perf_counter() - begun


def compare_batches(predictor: Predictor, rows: pd.DataFrame) -> float:
    """Return the largest difference between rows that are predicted together and one by one."""
    together = predictor.predict_rows(rows)[:SINGLE]
    single = [predictor.predict_rows(rows.iloc[k : k + 1]) for k in range(len(together))]
    return float(np.abs(together - np.concatenate(single)).max())


def compare_after_saving(folder: Path, rows: pd.DataFrame) -> float:
    """Return the largest difference of a model's predictions before and after it is saved."""
    model = registry.load(folder)
    with TemporaryDirectory(prefix="foldline-") as temporary:
        model.save(Path(temporary))
        shutil.copy(folder / registry.CARD, temporary)
        again = registry.load(Path(temporary))
        values = [predict_in_batches(own, rows) for own in (model, again)]
    return float(np.abs(values[0] - values[1]).max())


def count_parameters(folder: Path) -> int:
    """Return how many floating-point numbers a model's files of arrays hold."""
    total = 0
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        arrays = [own for name, own in header.items() if name != "__metadata__"]
        total += sum(
            int(np.prod(own["shape"])) for own in arrays if own["dtype"].lstrip("B").startswith("F")
        )
    return total


def count_bytes(folder: Path) -> int:
    """Return the size of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Measure the member that is named; print an error as one line."""
    configure_threads()
    try:
        found = measure(sys.argv[1], int(sys.argv[2]))
    except FoldlineError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        raise SystemExit(1) from None
    print(json.dumps(found))


if __name__ == "__main__":
    main()
