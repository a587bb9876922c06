"""A project runs the library that it pins: after an upgrade, in the queue, and after `eject`."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.projects import set_params
from tests.helpers.template import (
    ROOT,
    create_environment,
    git,
    install_library,
    run,
    run_cookiecutter,
)
from tools.build_wheel import build_wheel, list_library_files

pytestmark = pytest.mark.slow
OUTPUTS = ("data/*.csv", "data/*.json", "data/predictions/*.csv", "metrics/*.json")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Generate a project, run it once with a small model, and commit."""
    folder = tmp_path_factory.mktemp("projects")
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith(("GIT_", "DVC_"))]:
            patch.delenv(key)
        (folder / "gitconfig").write_text("[user]\nname = Someone\nemail = s@example.org\n")
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("HOME", str(folder))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(folder / "dvc"))
        run_cookiecutter(ROOT, folder)
        project = folder / "my_text_project"
        quick = {"kfold.n_splits": 2, "evaluate.resamples": 100, "evaluate.behaviour.packs": "none"}
        set_params(project / "params.yaml", quick)
        env = create_environment(project)
        run("dvc", "repro", cwd=project, env=env)
        git(project, "add", "-A")
        git(project, "commit", "-qm", "First run")
        yield project, env


@pytest.fixture
def project(pipeline):
    """Return the project and its environment; put back what a test has changed."""
    folder, env = pipeline
    yield folder, env
    git(folder, "reset", "-q", "--hard")
    git(folder, "clean", "-qfd")
    install_library(folder)


def read_outputs(folder: Path) -> dict[str, bytes]:
    files = [file for pattern in OUTPUTS for file in folder.glob(pattern)]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def list_stale_stages(folder: Path, env: dict[str, str]) -> set[str]:
    return set(json.loads(run("dvc", "status", "--json", cwd=folder, env=env)))


def replace_wheel(folder: Path, scratch: Path) -> None:
    """Put a changed library of the same version into wheels/, and install it."""
    shutil.copytree(ROOT / "foldline", scratch / "foldline")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, scratch)
    (scratch / "foldline/core/errors.py").open("a").write("# Changed.\n")
    name, content = build_wheel(scratch, list_library_files(scratch))
    (folder / "wheels" / name).write_bytes(content)
    install_library(folder)


def test_another_wheel_makes_every_stage_stale(project, tmp_path):
    folder, env = project
    assert list_stale_stages(folder, env) == set()

    replace_wheel(folder, tmp_path)

    assert len(list_stale_stages(folder, env)) == 8


def test_another_version_of_a_package_makes_every_stage_stale(project):
    folder, env = project
    text = (folder / "constraints.txt").read_text()

    (folder / "constraints.txt").write_text(re.sub(r"(?m)^(numpy==.*)$", r"\g<1>.1", text))

    assert len(list_stale_stages(folder, env)) == 8


def test_a_queued_experiment_runs_only_with_the_library_of_its_time(project, tmp_path):
    folder, env = project
    original = next((folder / "wheels").iterdir()).read_bytes()
    options = ("--queue", "-n", "queued", "-S", "evaluate.level=0.9")
    run("dvc", "exp", "run", *options, cwd=folder, env=env)

    replace_wheel(folder, tmp_path)
    (task,) = list_tasks(folder, env)
    with pytest.raises(RuntimeError):
        run("dvc", "exp", "run", "--run-all", "-j", "1", cwd=folder, env=env)
        if "Failed" in run("dvc", "queue", "status", cwd=folder, env=env):
            raise RuntimeError
    log = run("dvc", "queue", "logs", task, cwd=folder, env=env)
    assert "this project pins wheels/foldline-" in log and "installed from another wheel" in log
    assert "queued" not in run("dvc", "exp", "list", "--name-only", cwd=folder, env=env).split()

    next((folder / "wheels").iterdir()).write_bytes(original)
    install_library(folder)
    run("dvc", "exp", "run", *options, "-f", cwd=folder, env=env)
    run("dvc", "exp", "run", "--run-all", "-j", "1", cwd=folder, env=env)

    assert "queued" in run("dvc", "exp", "list", "--name-only", cwd=folder, env=env).split()


def list_tasks(folder: Path, env: dict[str, str]) -> list[str]:
    lines = run("dvc", "queue", "status", cwd=folder, env=env).splitlines()
    return [line.split()[0] for line in lines if re.match(r"[0-9a-f]{7} ", line)]


def test_eject_gives_the_same_bytes_and_then_follows_the_source(project):
    folder, env = project
    before = read_outputs(folder)

    output = run("foldline", "eject", cwd=folder, env=env)
    assert 'git commit -m "Eject the library" && dvc repro' in output
    git(folder, "add", "foldline", "dvc.yaml")
    git(folder, "commit", "-qm", "Eject the library")
    assert len(list_stale_stages(folder, env)) == 8
    run("dvc", "repro", cwd=folder, env=env)

    assert read_outputs(folder) == before
    assert list_stale_stages(folder, env) == set()
    pipeline = (folder / "dvc.yaml").read_text()
    assert pipeline.count("- foldline/core\n") == 8 and "wheels/" not in pipeline
    (folder / "foldline/ensembling/methods/voting.py").open("a").write("# Mine.\n")
    assert {"ensemble", "evaluate", "predict"} <= list_stale_stages(folder, env)
    assert not {"prepare", "split", "augment"} & list_stale_stages(folder, env)
    (folder / "foldline/core/errors.py").open("a").write("print('my own library')\n")
    assert "my own library" in run("foldline", "view", cwd=folder, env=env)
    with pytest.raises(RuntimeError, match="this project has its own library"):
        run("foldline", "eject", cwd=folder, env=env)
