"""Every command of the guide runs, page by page."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.pages import console_blocks, console_lines, run_lines
from tests.helpers.repositories import call, copy_project

# The commands are tested, not the models.
QUICK = {
    "model": "tfidf",
    "epochs": 1,
    "evaluate.behaviour.packs": "none",
}
# These pages are run by tests of their own, on projects that they need.
TESTED_ELSEWHERE = {
    "components.md": "template/test_components_page.py",
    "data.md": "stages/test_data_sharing.py",
    "data.ko.md": "stages/test_data_sharing.py",
    "diagnostics.md": "diagnostics/test_diagnostic_commands.py",
    "quickstart.md": "repository/test_docs.py",
    "quickstart.ko.md": "repository/test_docs.py",
    "experiments.md": "repository/test_docs.py",
}
GUIDE = sorted(
    path
    for path in Path("docs").glob("*.md")
    if console_blocks(path) and path.name not in TESTED_ELSEWHERE
)
README = console_lines("README.md")  # run by test_docs.py


@pytest.fixture(scope="module")
def finished_project(tmp_path_factory) -> Path:
    """Return a small project whose pipeline has run and is committed."""
    folder = tmp_path_factory.mktemp("guide") / "project"
    copy_project(folder, QUICK)
    call(folder, "dvc", "repro")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "Run the pipeline")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_commands_of_the_guide_run(page, finished_project, tmp_path):
    """Run a page's commands in order, in a project of its own whose pipeline has run."""
    folder = tmp_path / "project"
    shutil.copytree(finished_project, folder, symlinks=True)

    run_lines([line for line in console_lines(page) if line not in README], folder)


def test_pages_tested_elsewhere_are_tested_there():
    for page, test in TESTED_ELSEWHERE.items():
        assert f"docs/{page}" in Path("tests", test).read_text(encoding="utf-8")
