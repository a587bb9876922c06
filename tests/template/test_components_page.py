"""docs/components.md in a generated project: its files are written and its commands are run."""

import re
from pathlib import Path

import pytest

from tests.helpers.pages import console_lines, project_environment, run_lines
from tests.helpers.projects import set_params
from tests.helpers.repositories import call, commit
from tests.helpers.template import ROOT, run_cookiecutter

PAGE = ROOT / "docs/components.md"
SMALL = {"kfold.n_splits": 2, "evaluate.resamples": 100, "evaluate.behaviour.packs": "none"}


@pytest.mark.slow
def test_examples_and_commands_of_the_page_run(tmp_path):
    run_cookiecutter(ROOT, tmp_path)
    project = tmp_path / "my_text_project"
    set_params(project / "params.yaml", SMALL)
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(# components/.*?)```", text, re.S):
        (project / Path(block.split()[1])).write_text(block, encoding="utf-8")
    commit(project)

    _, printed = run_lines(console_lines(PAGE), project, project_environment(project))

    assert len(printed) == len(console_lines(PAGE)) == 5
    assert (project / "components/my_model.py").exists()
    checked = next(said for line, said in printed.items() if "check_components" in line)
    for name in ("prior", "drop_letters", "poly_loss", "top_two", "no_tags", "my_model"):
        assert name in checked
    assert len(call(project, "dvc", "exp", "list", "--name-only").split()) == 2
