"""The stages prepare and split on a million short rows: time and memory of each.

    python -m benchmarks.large [--data FOLDER] [--rows N]

FOLDER holds csv, csv.gz files with a column `text`; rows beyond theirs are drawn again with
characters changed. Labels are drawn. Each stage is a process of its own, of one thread, in a
temporary project with the project's own params.yaml.
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

from benchmarks.measuring import ROOT, contest, measured
from benchmarks.near_duplicates import DATA, read


def make(folder: Path, data: Path, rows: int) -> None:
    """Write params.yaml and one raw file."""
    table = pd.DataFrame({"text": read(data, rows)})
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


def stage(name: str, folder: Path) -> dict[str, Any]:
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
    given = parser.parse_args()
    if given.contestant:
        measured(lambda: stage(given.contestant, given.folder))
        return
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: name one with csv files that have a column `text`")
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary), given.data, given.rows)
        for name in ("prepare", "split"):
            found = contest("benchmarks.large", name, "--folder", temporary)
            print(f"{name:8} {given.rows:>9,} rows  {found}", flush=True)


if __name__ == "__main__":
    main()
