"""Data sets of the package `datasets`: on the disk and on a hub, with names and commit kept."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.params.loading import read_params
from tests.helpers import projects
from tests.helpers.projects import write_csv

pytestmark = pytest.mark.slow


@pytest.fixture
def workshop(workplace):
    """Go to a folder with parameters alone."""
    shutil.copy(projects.PARAMS, workplace / "params.yaml")
    return workplace


def review_dataset(count: int, first: int = 0, label: int | None = None):
    import datasets

    features = datasets.Features(
        {
            "idx": datasets.Value("int32"),
            "document": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["positive", "negative"]),
            "weight": datasets.Value("float32"),
        }
    )
    numbers = range(first, first + count)
    columns = {
        "idx": list(numbers),
        "document": [f'영화 "{n}"\n두 줄' for n in numbers],
        "label": [n % 2 if label is None else label for n in numbers],
        "weight": [3.8] * count,
    }
    return datasets.Dataset.from_dict(columns, features=features)


def test_a_data_set_on_the_disk_becomes_files_with_class_names(workshop):
    import datasets

    parts = {
        "train": review_dataset(30),
        "validation": review_dataset(8, 30),
        "test": review_dataset(6, 40, -1),
    }
    datasets.DatasetDict(parts | {"extra": review_dataset(3, 50)}).save_to_disk("given/movies")
    run_verb(["import", "hf:given/movies", "--yes"])

    data = read_params(workshop / "params.yaml")["data"]
    names = [data[part] for part in ("train", "valid", "test", "predict")]
    assert names == [
        "data/raw/movies-train.jsonl",
        "data/raw/movies-valid.jsonl",
        None,
        "data/raw/movies-test.jsonl",
    ]
    assert (data["id"], data["text"], data["label"]) == ("idx", "document", "label")
    assert data["classes"] == ["positive", "negative"]
    lines = (workshop / names[0]).read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == {
        "idx": 1,
        "document": '영화 "1"\n두 줄',
        "label": "negative",
        "weight": 3.8,
    }
    record = json.loads((workshop / "data/raw/movies.source.json").read_text(encoding="utf-8"))
    assert record["left_out"] == ["extra"]


def test_a_folder_of_parquet_or_csv_files_is_a_data_set(workshop):
    for name, split in {"train": review_dataset(30), "test": review_dataset(8, 30)}.items():
        Path("given/files").mkdir(parents=True, exist_ok=True)
        split.to_parquet(f"given/files/{name}-00000-of-00001.parquet")
        write_csv(workshop / f"given/tables/{name}.csv", [dict(row) for row in split])
    run_verb(["import", "hf:given/files", "--yes"])
    data = read_params(workshop / "params.yaml")["data"]
    assert (data["train"], data["test"]) == (
        "data/raw/files-train.jsonl",
        "data/raw/files-test.jsonl",
    )
    assert data["classes"] == ["positive", "negative"]

    run_verb(["import", "hf:given/tables", "--yes"])
    data = read_params(workshop / "params.yaml")["data"]
    assert data["train"] == "data/raw/tables-train.jsonl"
    assert data["classes"] is None


def test_several_configurations_are_listed_and_one_can_be_chosen(workshop):
    head = "---\nconfigs:\n" + "".join(
        f"- config_name: {name}\n  data_files: {name}/*\n" for name in ("large", "small")
    )
    for name in ("large", "small"):
        write_csv(workshop / f"given/two/{name}/train.csv", projects.topics())
    (workshop / "given/two/README.md").write_text(f"{head}---\n", encoding="utf-8")

    with pytest.raises(
        FoldlineError, match=r"configurations: large, small\. Choose one with --con"
    ):
        run_verb(["import", "hf:given/two", "--yes"])
    with pytest.raises(FoldlineError, match="'smal' not found"):
        run_verb(["import", "hf:given/two", "--config", "smal", "--yes"])
    run_verb(["import", "hf:given/two", "--config", "small", "--yes"])
    assert read_params(workshop / "params.yaml")["data"]["train"] == "data/raw/two-train.jsonl"


@pytest.fixture
def hub(monkeypatch):
    """Stand in for the hub: one data set, whose commit is known; give what was asked for."""
    import datasets
    import huggingface_hub

    asked: dict[str, str | None] = {}

    def info(self, name, revision=None):
        return SimpleNamespace(sha={None: "a" * 40, "v1": "b" * 40}[revision])

    def load(name, config, revision):
        asked.update(name=name, config=config, revision=revision)
        return datasets.DatasetDict({"train": review_dataset(30)})

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name, revision: ["default"])
    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


@pytest.mark.parametrize(
    ("arguments", "commit"),
    [([], "a" * 40), (["--revision", "v1"], "b" * 40), (["--revision", "c" * 40], "c" * 40)],
)
def test_the_commit_of_the_hub_is_pinned_and_recorded(workshop, hub, arguments, commit):
    run_verb(["import", "hf:team/movies", *arguments, "--yes"])
    record = json.loads((workshop / "data/raw/movies.source.json").read_text(encoding="utf-8"))

    assert hub == {"name": "team/movies", "config": None, "revision": commit}
    assert (record["dataset"], record["revision"]) == ("team/movies", commit)
    assert read_params(workshop / "params.yaml")["data"]["train"] == "data/raw/movies-train.jsonl"


def test_without_a_network_the_next_step_is_reported(workshop):
    with pytest.raises(FoldlineError, match="go online, or pass a full commit hash") as caught:
        run_verb(["import", "hf:team/movies", "--yes"])

    assert "--revision SHA" in str(caught.value)
    assert not (workshop / "data").exists()


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(workshop):
    with pytest.raises(FoldlineError, match="there is no folder"):
        run_verb(["import", "hf:./movies", "--yes"])
