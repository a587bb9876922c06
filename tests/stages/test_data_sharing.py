"""Data under DVC: every command of docs/data.md, new versions, a teammate's clone."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.params.loading import read_params
from foldline.importer import placement
from tests.helpers import projects
from tests.helpers.pages import console_lines, run_lines
from tests.helpers.projects import write_csv
from tests.helpers.repositories import ROOT, call, commit

pytestmark = pytest.mark.slow


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
    """Return the files that `dvc diff` calls modified; outputs never made are deleted to it."""
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
    folder, shown = run_lines(console_lines("docs/data.md"), folder)
    mine, theirs = tmp_path / "my_topics", tmp_path / "teammate"

    assert folder == theirs
    assert len(hashes(mine)) >= 10
    assert hashes(theirs) == hashes(mine)
    params = read_params(mine / "params.yaml")
    assert params["data"]["train"] == "data/raw/reviews.csv"
    assert (mine / "data/raw/reviews.csv.dvc").is_file()
    assert call(mine, "git", "status", "--porcelain") == " M .dvc/config\n"
    assert "1,200 rows before, 1,200 now: 1 added, 1 removed, 0 changed" in "".join(shown.values())
    for line in ("dvc diff", "dvc diff reviews-1 reviews-2"):
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
    pages = ("docs/data.md", "docs/data.ko.md")
    english, korean = (Path(page).read_text("utf-8") for page in pages)

    assert console_lines(pages[0]) == console_lines(pages[1])
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
    first = call(project, "dvc", "repro", "prepare")
    second = call(project, "dvc", "repro", "prepare")
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
    monkeypatch.setattr(placement, "MAX_GIT_BYTES", 10)

    assert placement.plan_placement(test, test, None).keeper == "git"
    assert placement.plan_placement(train, train, None).keeper == "dvc"
    with pytest.raises(FoldlineError, match="git rm --cached"):
        placement.plan_placement(test, test, "dvc")
    with pytest.raises(FoldlineError, match="dvc remove"):
        placement.plan_placement(train, train, "git")


def test_what_dvc_refuses_is_told_and_params_stay(project, monkeypatch):
    folder = project.parent / "no-git"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".git", "data"))
    monkeypatch.chdir(folder)
    before = Path("params.yaml").read_bytes()

    with pytest.raises(FoldlineError, match=r"params\.yaml was not changed"):
        run_verb(["import", str(project.parent / "given/train.csv"), "--dvc", "--yes"])
    assert Path("params.yaml").read_bytes() == before
