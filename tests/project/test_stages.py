"""All stages run, one after another, on a few of this project's rows with a small model."""

import importlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldline.core.params.loading import load_params
from foldline.data.reading import read_raw

ROWS = 400
STAGES = ["prepare", "split", "augment", "train", "kfold", "ensemble", "evaluate", "predict"]
SMALL = {
    ("model",): "tfidf",
    ("data", "valid"): None,
    ("data", "test"): None,
    ("data", "predict"): None,
    ("predict", "sample_submission"): None,
    ("kfold", "n_splits"): 2,
    ("evaluate", "resamples"): 100,
    ("split", "ratios"): "auto",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy params.yaml, components and some rows of data.train to a folder, and go there."""
    yaml = YAML()
    params: Any = yaml.load(Path("params.yaml"))
    table = pd.DataFrame(read_raw(Path(params["data"]["train"])).columns)
    rows = table.iloc[:: max(1, len(table) // ROWS)]
    (tmp_path / "data/raw").mkdir(parents=True)
    rows.to_csv(tmp_path / "data/raw/rows.csv", index=False)
    for file in Path("data/raw").iterdir():
        (tmp_path / "data/raw" / file.name).symlink_to(file.resolve())
    shutil.copytree("components", tmp_path / "components")
    params["data"]["train"] = "data/raw/rows.csv"
    for (*section, key), value in SMALL.items():
        target = params[section[0]] if section else params
        target[key] = value
    yaml.dump(params, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def test_all_stages_run(project: Path) -> None:
    for name in STAGES:
        stage = importlib.import_module(f"stages.{name}")
        stage.main(load_params(stage.Params))

        assert (project / f"metrics/{name}.json").exists()
