"""Every kind of model through all stages, with the files that it reads beside the rows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from tests.helpers import projects
from tests.stages.test_stages import fingerprints

QUICK = {"gbdt.iterations": 10, "gbdt.min_leaf": 2, "static.min_df": 1}
FILES = {
    "keywords": {"keywords.file": "data/raw/words.yaml"},
    "external": {"external.file": "data/raw/elsewhere.csv"},
    "embed": {"embed.encoder": "models/pretrained/tiny-bert"},
    "zero-shot": {"zero_shot.model": "models/pretrained/tiny-nli"},
}
slow = pytest.mark.slow


@pytest.fixture
def made(tmp_path, monkeypatch, tiny_bert, tiny_nli):
    """Make a project of a kind in a folder of its own, and go there."""

    def make(model: str, name: str = "a", task: str = "classification", **changes) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        for source in (tiny_bert, tiny_nli):
            shutil.copytree(source, folder / "models/pretrained" / Path(source).name)
        given = {"model": model, "max_length": 24} | QUICK | FILES.get(model, {}) | changes
        # Folders and files are looked for where the stages will run.
        projects.make(folder, given, task)
        raw = folder / "data/raw"
        words = "\n".join(f"{label}: ['{ws[0]}']" for label, ws in projects.SUBJECTS.items())
        (raw / "words.yaml").write_text(words, encoding="utf-8")
        names = ["id", *(f"p_{label}" for label in projects.SUBJECTS), "predicted"]
        own = projects.topics() if task == "classification" else projects.pairs()
        shares = [np.eye(3)[number % 3] * 0.7 + 0.1 for number in range(60)]
        lines = [
            f"{row['id']},{','.join(f'{v:.1f}' for v in share)},{number}"
            for number, (row, share) in enumerate(zip(own, shares, strict=True))
        ]
        (raw / "elsewhere.csv").write_text("\n".join([",".join(names), *lines]), encoding="utf-8")
        return folder

    return make


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("external", "classification"),
        pytest.param("embed", "classification", marks=slow),
        pytest.param("keywords", "classification", marks=slow),
        pytest.param("zero-shot", "classification", marks=slow),
        *(
            pytest.param(model, task, marks=slow)
            for model in ("length", "gbdt", "static")
            for task in ("classification", "regression")
        ),
        pytest.param("embed", "regression", marks=slow),
        pytest.param("external", "regression", marks=slow),
    ],
)
def test_the_chain_runs(made, model, task):
    made(model, task=task)
    projects.run()
    held = schemas.OUT_OF_FOLD.read()
    scores = json.loads(Path("metrics/evaluate.json").read_text(encoding="utf-8"))["test"]

    assert sorted(set(held["member"])) == ["model", "tfidf"]
    assert len(schemas.TEST_PREDICTIONS.read()) == 12
    if model in ("external", "keywords") and task == "classification":
        assert scores["accuracy"] > 0.6


@pytest.mark.slow
def test_vectors_kept_or_not_give_the_same_bytes(made, monkeypatch):
    first = fingerprints_of(made("embed", "first"))
    again = fingerprints_of(made("embed", "again", **{"runner.jobs": 2}))
    assert again == {name: value for name, value in first.items() if name in again}
    assert len(again) == len(first)


def fingerprints_of(folder: Path) -> dict[str, str]:
    projects.run()
    found = fingerprints(folder)
    return {name: value for name, value in found.items() if name != "params.yaml"}


def test_a_file_beside_the_tables_that_lacks_rows_is_reported(made):
    folder = made("external")
    path = folder / "data/raw/elsewhere.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:30]), encoding="utf-8")
    projects.run("prepare", "split", "augment")
    with pytest.raises(FoldlineError, match=r"elsewhere.csv has no prediction of \d+ of 12 rows"):
        projects.run("train")
    beside = json.loads(Path("data/auxiliary_files.json").read_text(encoding="utf-8"))
    assert set(beside) == {"data/raw/elsewhere.csv", "data/raw/words.yaml"}
