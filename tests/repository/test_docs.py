"""The documentation says what is: generated parts are fresh, and every command in it runs."""

import re
import sys
import time
from pathlib import Path

import pytest

from foldline.augmentation.augmenters import AUGMENTERS
from foldline.core.params import KINDS
from tests.helpers import projects
from tests.helpers.repositories import commit, copy_files, environment, shell
from tools import docs

# The README's commands on small models: the commands are what is tested.
QUICK = {"epochs": 2, "kfold.n_splits": 2, "scratch.layers": 1, "scratch.width": 32}
PAGES = ["README.md", "README.ko.md", "CONTRIBUTING.md"]


def commands(page: str) -> list[list[str]]:
    """Give the lines of each console block of a page."""
    text = Path(page).read_text(encoding="utf-8")
    return [block.strip().splitlines() for block in re.findall(r"```console\n(.*?)```", text, re.S)]


@pytest.mark.parametrize("page", docs.PAGES, ids=str)
def test_generated_parts_are_fresh(page):
    text = page.read_text(encoding="utf-8")

    assert docs.filled(text) == text, "run `python -m tools.docs`"
    assert "<!-- " in text


def test_every_param_has_a_comment():
    assert [key for key, _, comment in docs.param_lines() if not comment] == []


def test_every_component_is_named():
    text = Path("docs/params.md").read_text(encoding="utf-8") + Path("README.md").read_text("utf-8")

    for name in [*KINDS, *AUGMENTERS, *projects.CHAIN]:
        assert name in text


def test_the_readmes_are_in_step():
    english, korean = (Path(page).read_text(encoding="utf-8") for page in PAGES[:2])

    assert commands("README.md") == commands("README.ko.md")
    assert len(re.findall("^## ", english, re.M)) == len(re.findall("^## ", korean, re.M))
    assert len(re.findall("^- ", english, re.M)) == len(re.findall("^- ", korean, re.M))
    paths = re.compile(r"`((?:data|metrics|models|params)[\w/.]*)`")
    assert sorted(set(paths.findall(english))) == sorted(set(paths.findall(korean)))


def test_files_that_the_readme_names_exist():
    tree = re.search(
        r"## Where things lie\n\n```\n(.*?)```", Path("README.md").read_text("utf-8"), re.S
    )
    names = re.findall(r"^(\S+(?: \S+/?)*?)  +\S", tree[1], re.M)

    for name in " ".join(names).split():
        assert Path(name).exists() or Path("foldline", name).exists(), name


def test_the_picture_names_every_stage():
    picture = Path("docs/pipeline.svg").read_text(encoding="utf-8")

    for stage in projects.CHAIN:
        assert f">{stage}<" in picture


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tmp_path):
    """Run the README's blocks in their order, on small parameters."""
    copy_files(tmp_path / "foldline")
    projects.set_params(tmp_path / "foldline/params.yaml", QUICK)
    commit(tmp_path / "foldline")
    settings = environment(tmp_path / "foldline") | {"FOLDLINE_VENV": sys.prefix}
    settings |= {"PYTHONIOENCODING": "utf-8", "HOME": str(tmp_path)}
    start, more, bring, look, own = commands("README.md")
    folder = tmp_path
    for line in start + more:
        if line.startswith("cd "):
            folder = folder / line.removeprefix("cd ")
            assert folder.is_dir()
            continue
        shell(line, folder, settings)
    wait_for_queue(folder, settings)
    shown = shell("python run.py dvc exp show --csv", folder, settings)

    assert "slower" in shown
    assert "linear" in shown
    assert shown.count("exp_apply") == 0
    for line in bring + look:
        shell(line, folder, settings)
    assert (folder / "data/view.html").stat().st_size > 50_000
    assert (folder / "metrics/ablation.json").exists()
    assert own == ["python run.py repro", "python run.py test"]
    assert {line for block in commands("CONTRIBUTING.md") for line in block} == {
        'python run.py test -m "not slow"',
        "python run.py ruff check .",
        "python run.py ruff format --check .",
        "python run.py mypy",
    }


def wait_for_queue(folder: Path, settings: dict[str, str]) -> None:
    end = time.monotonic() + 300
    while re.search("Running|Queued", shell("python run.py dvc queue status", folder, settings)):
        assert time.monotonic() < end
        time.sleep(2)
    assert "Failed" not in shell("python run.py dvc queue status", folder, settings)
