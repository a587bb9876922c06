"""The documentation is current: tables are generated, links resolve, and every command runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from foldline.augmentation.augmenters import AUGMENTERS
from foldline.core.params import KINDS
from tests.helpers import projects
from tests.helpers.pages import console_blocks, console_lines, project_environment, run_lines
from tests.helpers.repositories import call, commit, copy_files, read_metrics
from tools import docs

# The commands are tested, not the models.
QUICK = {
    "epochs": 2,
    "kfold.n_splits": 2,
    "evaluate.resamples": 100,
    "scratch.layers": 1,
    "scratch.width": 32,
    "evaluate.behaviour.packs": "none",
}
READMES = ["README.md", "README.ko.md"]
GENERATED_ONLY = {"wheels/"}  # in a generated project, not in this repository


@pytest.mark.parametrize("page", docs.PAGES, ids=str)
def test_generated_tables_are_current(page):
    text = page.read_text(encoding="utf-8")

    assert docs.fill(text) == text, "run `python -m tools.docs`"
    assert "<!-- " in text


def test_main_outputs_are_outputs_of_their_stage():
    stages = docs.read_stages()

    assert set(docs.MAIN_OUTPUTS) == set(docs.KOREAN_STAGES) == set(stages) - {"check"}
    for name, outputs in docs.MAIN_OUTPUTS.items():
        declared = [next(iter(o)) if isinstance(o, dict) else o for o in stages[name]["outs"]]
        assert set(outputs) <= set(declared), name


def test_every_param_has_a_comment():
    assert [key for key, _, comment in docs.param_lines() if not comment] == []


def test_every_component_is_named():
    text = Path("docs/params.md").read_text(encoding="utf-8") + Path("README.md").read_text("utf-8")

    for name in [*KINDS, *AUGMENTERS, *projects.CHAIN]:
        assert name in text


def test_readmes_are_in_step():
    english, korean = (Path(page).read_text(encoding="utf-8") for page in READMES)

    blocks = [
        [line.removesuffix(" language=ko") for line in own]
        for own in console_blocks("README.ko.md")
    ]
    assert console_blocks("README.md") == blocks
    for mark in ("^## ", "^- ", r"^\|"):
        assert len(re.findall(mark, english, re.M)) == len(re.findall(mark, korean, re.M))
    paths = re.compile(r"`((?:data|metrics|models|params)[\w/.]*)`")
    assert sorted(set(paths.findall(english))) == sorted(set(paths.findall(korean)))


def test_quick_starts_are_in_step():
    """So the commands of docs/quickstart.ko.md are run as those of docs/quickstart.md."""
    english, korean = (Path(f"docs/quickstart{name}.md").read_text("utf-8") for name in ("", ".ko"))

    for lines in ("^## ", r"^\|", "^```", r"^(?:git|python|cd|dvc|cookiecutter|source) .*"):
        found = [re.findall(lines, text, re.M) for text in (english, korean)]
        assert found[0] == [line.removesuffix(" language=ko") for line in found[1]]


@pytest.mark.parametrize(
    ("page", "title"), [("README.md", "Project layout"), ("README.ko.md", "프로젝트 구조")]
)
def test_files_of_the_project_layout_exist(page, title):
    text = Path(page).read_text(encoding="utf-8")
    tree = re.search(rf"## {title}\n\n```\n(.*?)```", text, re.S)
    names = re.findall(r"^(\S+(?: \S+/?)*?)  +\S", tree[1], re.M)

    for name in " ".join(names).split():
        assert Path(name).exists() or name in GENERATED_ONLY, name


@pytest.mark.parametrize("page", [*READMES, "CONTRIBUTING.md", "benchmarks/README.md"])
def test_links_to_files_resolve(page):
    """A page of the guide may be missing only if the navigation has it: the site then fails."""
    text = Path(page).read_text(encoding="utf-8")
    navigation = Path("mkdocs.yml").read_text(encoding="utf-8")

    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        path = Path(page).parent / target
        assert path.exists() or f": {path.name}\n" in navigation, target


def test_modules_that_the_contributing_guide_names_exist():
    text = Path("CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = re.findall(r"`(?:foldline/)?([a-z_/]+\.py)`", text)

    assert modules
    for module in modules:
        assert Path("foldline", module).exists() or Path(module).exists(), module


def test_picture_names_every_stage():
    picture = Path("docs/pipeline.svg").read_text(encoding="utf-8")

    for stage in projects.CHAIN:
        assert f">{stage}<" in picture


def test_recording_is_of_the_commands_in_the_readme():
    recording = Path("docs/demo.svg").read_text(encoding="utf-8").replace("&quot;", '"')
    commands = re.findall(r"\$ </tspan>(.*?)</text>", recording)

    assert commands
    assert set(commands) <= set(console_lines("README.md"))


def test_site_builds_and_needs_no_network(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    result = subprocess.run(build, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        external = re.findall(
            r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"?(https?:[^\" >]+)", text
        )
        assert external == [], page.name


@pytest.mark.slow
def test_commands_of_the_readme_run(tmp_path):
    """Run the README's blocks in order: a new project, then small parameters in it."""
    copy_files(tmp_path / "foldline")
    # The two parts of the sample that stand for downloads share duplicates.
    options = QUICK | {"split.max_leak_share": 0.5}
    projects.set_params(tmp_path / "foldline/params.yaml", options)
    commit(tmp_path / "foldline")
    create, compare, use, compete, improve, contribute = console_blocks("README.md")
    folder, _ = run_lines(create[:-1], tmp_path)
    library = project_environment(folder)
    _, printed = run_lines([create[-1], *compare], folder, library)

    assert "metrics/evaluate.json" in printed["dvc exp diff transformer slower"]
    experiments = call(folder, "dvc", "exp", "list", "--name-only").split()
    assert sorted(experiments) == ["slower", "transformer"]
    assert call(folder, "git", "status", "--short") == ""
    for page in ("docs/quickstart.md", "docs/experiments.md"):  # they go on from here
        further = [line for line in console_lines(page) if line not in console_lines("README.md")]
        run_lines(further, folder, library)
    call(folder, "git", "reset", "-q", "--hard", "HEAD~1")
    call(folder, "dvc", "checkout", "-q", "--force")
    downloads = tmp_path / "Downloads"
    downloads.mkdir()
    header, *rows = (folder / "data/raw/topics.csv").read_text("utf-8").splitlines(keepends=True)
    for name, part in {"train": rows[:-200], "test": rows[-200:]}.items():
        (downloads / f"{name}.csv").write_text("".join([header, *part]), encoding="utf-8")
    run_lines([line.replace("~/Downloads", str(downloads)) for line in use], folder, library)
    assert (folder / "data/view.html").stat().st_size > 50_000
    run_lines(compete, folder, library)
    assert read_metrics(folder, "split")["split"]["test"] == 0
    assert (folder / "data/predictions/submission.csv").exists()
    _, printed = run_lines(improve, folder, library)
    assert "aeda" in printed["foldline ablate aeda random"]
    assert list(folder.rglob("ablation.json"))
    assert contribute == ["python run.py repro", "python run.py test"]
    assert set(console_lines("CONTRIBUTING.md")) == {
        'python run.py test -m "not slow"',
        "python run.py ruff check .",
        "python run.py ruff format --check .",
        "python run.py mypy",
    }
