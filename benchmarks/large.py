"""Time and memory of the stages prepare and split on a million short rows.

    python -m benchmarks.large [--data FOLDER] [--rows N]

FOLDER holds csv or csv.gz files with a column `text`; if they have too few rows, more are sampled
from them with some characters changed. Labels are random. Each stage runs in its own process of
one thread, in a temporary project with this project's params.yaml.
"""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.measurement import ROOT, report_costs, run_contestant
from benchmarks.near_duplicates import DATA, load_texts


def make_project(folder: Path, data: Path, rows: int) -> None:
    """Write params.yaml and one raw file."""
    table = pd.DataFrame({"text": load_texts(data, rows)})
    table.insert(0, "id", [f"r{number}" for number in range(len(table))])
    table["label"] = np.random.default_rng(2).choice(["good", "bad", "fair"], len(table))
    (folder / "data/raw").mkdir(parents=True)
    table.to_csv(folder / "data/raw/rows.csv", index=False, lineterminator="\n")
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    yaml = YAML()
    params: Any = yaml.load(folder / "params.yaml")
    params["task"] = "classification"
    params["data"] |= {"train": "data/raw/rows.csv", "id": "id", "text": "text", "label": "label"}
    params["data"] |= dict.fromkeys(["valid", "test", "predict", "text_pair", "group", "time"])
    yaml.dump(params, folder / "params.yaml")


def run_stage(name: str, folder: Path) -> dict[str, Any]:
    """Run one stage in the folder, in this process."""
    from foldline.core.params.loading import load_params

    os.chdir(folder)
    module = importlib.import_module(f"stages.{name}")
    module.main(load_params(module.Params))
    return {}


def main() -> None:
    """Make the project and run both stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        report_costs(lambda: run_stage(arguments.contestant, arguments.folder))
        return
    if not arguments.data.is_dir():
        sys.exit(
            f"{arguments.data} is not a folder: pass one with csv files that have a column `text`"
        )
    with tempfile.TemporaryDirectory() as temporary:
        make_project(Path(temporary), arguments.data, arguments.rows)
        for name in ("prepare", "split"):
            result = run_contestant("benchmarks.large", name, "--folder", temporary)
            print(f"{name:8} {arguments.rows:>9,} rows  {result}", flush=True)


if __name__ == "__main__":
    main()
