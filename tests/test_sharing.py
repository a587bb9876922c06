"""Data under DVC: every command of docs/data.md, new versions, a teammate's clone; hubs."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from foldline.corpus import importing
from foldline.corpus.intake import storing
from foldline.frame.errors import FoldlineError
from foldline.frame.loading import read
from tests import projects
from tests.projects import write_csv
from tests.repositories import ROOT, call, commit, environment, shell

pytestmark = pytest.mark.slow


def commands(page: str = "docs/data.md") -> list[str]:
    """Give the lines of all console blocks of a page."""
    text = Path(page).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.strip().splitlines()]


def copy_project(folder: Path) -> None:
    """Copy what is not ignored by git, without data and records of runs."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    left_out = ("data/raw/", "metrics/", "models/ensemble.json", "dvc.lock")
    for name in sorted(set(filter(None, names.split("\0")))):
        if (ROOT / name).is_file() and not name.startswith(left_out):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copy(projects.PARAMS, folder / "params.yaml")
    commit(folder)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in (folder / "data/raw").iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def modified(shown: str) -> list[str]:
    """Give the files that `dvc diff` calls modified; outputs never made are deleted to it."""
    found = re.search(r"^Modified:\n((?: +.*\n)+)", shown, re.M)
    return found[1].split() if found else []


def downloads(folder: Path) -> None:
    """Write the files that the page speaks of."""
    import datasets

    rows = projects.topics(60)
    large = [row | {"text": f"{row['text']} {'말 ' * 400}"} for row in projects.topics(1200)]
    write_csv(folder / "reviews.csv", large)
    write_csv(folder / "new/reviews.csv", [*large[1:], {**large[0], "id": "new"}])
    for name, part in {"train": rows[:30], "dev": rows[30:45], "test": rows[45:]}.items():
        lines = ["\t".join(part[0]), *("\t".join(row.values()) for row in part)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unlabelled = [f"u{n}\t{row['text']}" for n, row in enumerate(rows[:12])]
    (folder / "unlabelled.tsv").write_text("\n".join(["id\ttext", *unlabelled]) + "\n", "utf-8")
    sample = [{"id": f"u{n}", "label": "sports"} for n in range(12)]
    write_csv(folder / "sample_submission.csv", sample)
    people = [
        {"item_id": row["id"], "annotator_id": person, "label": row["label"]}
        for row in rows
        for person in ("kim", "lee")
    ]
    write_csv(folder / "annotations.csv", people)
    split = datasets.Dataset.from_list(rows)
    datasets.DatasetDict({"train": split}).save_to_disk(str(folder / "movies"))


def test_the_commands_of_the_page_run_and_a_teammate_gets_the_same_bytes(tmp_path):
    folder = tmp_path / "my_topics"
    copy_project(folder)
    downloads(tmp_path / "Downloads")
    settings = environment(folder) | {"FOLDLINE_VENV": sys.prefix, "HOME": str(tmp_path)}
    settings |= {"PYTHONIOENCODING": "utf-8"}
    shown: dict[str, str] = {}
    for line in commands():
        if line.startswith("cd "):
            folder = (folder / line.removeprefix("cd ")).resolve()
        else:
            shown[line] = shell(line, folder, settings)
    mine, theirs = tmp_path / "my_topics", tmp_path / "teammate"

    assert folder == theirs
    assert len(hashes(mine)) >= 10
    assert hashes(theirs) == hashes(mine)
    params = read(mine / "params.yaml")
    assert params["data"]["train"] == "data/raw/reviews.csv"
    assert (mine / "data/raw/reviews.csv.dvc").is_file()
    assert call(mine, "git", "status", "--porcelain") == " M .dvc/config\n"
    assert "1,200 rows before, 1,200 now: 1 added, 1 removed, 0 changed" in "".join(shown.values())
    for line in ("python run.py dvc diff", "python run.py dvc diff reviews-1 reviews-2"):
        assert "data/raw/reviews.csv" in modified(shown[line])
    assert "No changes" in shown["python run.py dvc data status"]
    config = (mine / ".dvc/config").read_text(encoding="utf-8")
    for url in ("../../storage", "s3://my-bucket", "ssh://me@server", "gdrive://"):
        assert url in config
    assert "keyfile" not in config
    assert call(mine, "git", "show", "reviews-1:data/raw/reviews.csv.dvc") != call(
        mine, "git", "show", "reviews-2:data/raw/reviews.csv.dvc"
    )


def test_the_page_is_the_same_in_korean():
    english, korean = (Path(f"docs/data{end}.md").read_text("utf-8") for end in ("", ".ko"))

    assert commands("docs/data.ko.md") == commands()
    for mark in ("^## ", "^- ", r"^\|"):
        assert len(re.findall(mark, english, re.M)) == len(re.findall(mark, korean, re.M))


def test_the_page_names_the_version_of_dvc_that_is_pinned():
    page = Path("docs/data.md").read_text(encoding="utf-8")
    pinned = re.search(r"^dvc==(.+)$", Path("constraints.txt").read_text(encoding="utf-8"), re.M)
    ranges = re.search(r'"dvc==(.+?)"', Path("pyproject.toml").read_text(encoding="utf-8"))

    assert set(re.findall(r'pip install "dvc\[\w+\]==(.+?)"', page)) == {pinned[1]}
    assert set(re.findall(r'`"dvc\[\w+\]==(.+?)"`', page)) == {ranges[1]}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Give a project with one small file in git and one under DVC."""
    folder = tmp_path_factory.mktemp("sharing") / "project"
    copy_project(folder)
    write_csv(folder.parent / "given/train.csv", projects.topics(90))
    write_csv(folder.parent / "given/test.csv", projects.topics(150)[90:])
    bring(folder, "../given/test.csv", "train=../given/train.csv", "--git")
    call(folder, "git", "rm", "--quiet", "--cached", "--ignore-unmatch", "data/raw/train.csv")
    bring(folder, "../given/train.csv", "--dvc")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "import")
    return folder


def bring(folder: Path, *arguments: str) -> str:
    return call(folder, sys.executable, "-m", "foldline", "import", *arguments, "--yes")


def test_prepare_runs_with_files_under_dvc_and_its_record_stays(project):
    first = call(project, "dvc", "repro", "--single-item", "prepare")
    second = call(project, "dvc", "repro", "--single-item", "prepare")
    clone = project.parent / "clone"
    storage = project.parent / "storage"
    call(project, "dvc", "remote", "add", "-f", "-d", "store", str(storage))
    call(project, "git", "add", "-A")
    call(project, "git", "commit", "-qm", "run")
    call(project, "dvc", "push")
    call(project.parent, "git", "clone", "-q", str(project), str(clone))
    call(clone, "dvc", "pull", "prepare", "data/raw/train.csv.dvc")

    assert "Running stage 'prepare'" in first
    assert "didn't change" in second
    assert call(clone, "dvc", "status", "-q", "prepare") == ""
    assert hashes(clone) == hashes(project)


def test_a_new_version_is_named_by_dvc_or_by_git(project):
    rows = projects.topics(90)
    write_csv(project.parent / "given/train.csv", [rows[0] | {"text": "other words"}, *rows[2:]])
    write_csv(project.parent / "given/test.csv", projects.topics(149)[90:])
    shown = bring(project, "../given/train.csv", "../given/test.csv")

    assert "90 rows before, 89 now: 0 added, 1 removed, 1 changed (by 'id')" in shown
    assert "60 rows before, 59 now: 0 added, 1 removed, 0 changed (by 'id')" in shown
    assert "is in no version" not in shown
    assert "data/raw/train.csv" in modified(call(project, "dvc", "diff"))
    changed = call(project, "git", "diff", "--name-only").split()
    assert changed == ["data/raw/test.csv", "data/raw/train.csv.dvc"]


def test_a_file_stays_with_the_one_that_has_it(project, monkeypatch):
    monkeypatch.chdir(project)
    test, train = Path("data/raw/test.csv"), Path("data/raw/train.csv")
    monkeypatch.setattr(storing, "LARGE", 10)

    assert storing.placement(test, test, None).keeper == "git"
    assert storing.placement(train, train, None).keeper == "dvc"
    with pytest.raises(FoldlineError, match="git rm --cached"):
        storing.placement(test, test, "dvc")
    with pytest.raises(FoldlineError, match="dvc remove"):
        storing.placement(train, train, "git")


def test_what_dvc_refuses_is_told_and_params_stay(project, monkeypatch):
    folder = project.parent / "no-git"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".git", "data"))
    monkeypatch.chdir(folder)
    before = Path("params.yaml").read_bytes()

    with pytest.raises(FoldlineError, match=r"params\.yaml was left as it is"):
        importing.main([str(project.parent / "given/train.csv"), "--dvc", "--yes"])
    assert Path("params.yaml").read_bytes() == before


@pytest.fixture
def workshop(workplace):
    """Go to a folder with parameters alone."""
    shutil.copy(projects.PARAMS, workplace / "params.yaml")
    return workplace


def reviews(count: int, first: int = 0, label: int | None = None):
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

    parts = {"train": reviews(30), "validation": reviews(8, 30), "test": reviews(6, 40, -1)}
    datasets.DatasetDict(parts | {"extra": reviews(3, 50)}).save_to_disk("given/movies")
    importing.main(["hf:given/movies", "--yes"])

    data = read(workshop / "params.yaml")["data"]
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
    for name, split in {"train": reviews(30), "test": reviews(8, 30)}.items():
        Path("given/files").mkdir(parents=True, exist_ok=True)
        split.to_parquet(f"given/files/{name}-00000-of-00001.parquet")
        write_csv(workshop / f"given/tables/{name}.csv", [dict(row) for row in split])
    importing.main(["hf:given/files", "--yes"])
    data = read(workshop / "params.yaml")["data"]
    assert (data["train"], data["test"]) == (
        "data/raw/files-train.jsonl",
        "data/raw/files-test.jsonl",
    )
    assert data["classes"] == ["positive", "negative"]

    importing.main(["hf:given/tables", "--yes"])
    data = read(workshop / "params.yaml")["data"]
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
        importing.main(["hf:given/two", "--yes"])
    with pytest.raises(FoldlineError, match="'smal' not found"):
        importing.main(["hf:given/two", "--config", "smal", "--yes"])
    importing.main(["hf:given/two", "--config", "small", "--yes"])
    assert read(workshop / "params.yaml")["data"]["train"] == "data/raw/two-train.jsonl"


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
        return datasets.DatasetDict({"train": reviews(30)})

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name, revision: ["default"])
    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


@pytest.mark.parametrize(
    ("arguments", "commit"),
    [([], "a" * 40), (["--revision", "v1"], "b" * 40), (["--revision", "c" * 40], "c" * 40)],
)
def test_the_commit_of_the_hub_is_pinned_and_recorded(workshop, hub, arguments, commit):
    importing.main(["hf:team/movies", *arguments, "--yes"])
    record = json.loads((workshop / "data/raw/movies.source.json").read_text(encoding="utf-8"))

    assert hub == {"name": "team/movies", "config": None, "revision": commit}
    assert (record["dataset"], record["revision"]) == ("team/movies", commit)
    assert read(workshop / "params.yaml")["data"]["train"] == "data/raw/movies-train.jsonl"


def test_without_a_network_the_next_step_is_told(workshop):
    with pytest.raises(FoldlineError, match="go online, or give one that was used here") as caught:
        importing.main(["hf:team/movies", "--yes"])

    assert "--revision SHA" in str(caught.value)
    assert not (workshop / "data").exists()


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(workshop):
    with pytest.raises(FoldlineError, match="there is no folder"):
        importing.main(["hf:./movies", "--yes"])
