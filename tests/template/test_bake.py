"""Generation of a project: copied files, marked lines, README, recorded answers, git."""

import os
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REASON = "this is a project made from the template, not the template"
baking = pytest.importorskip("tools.bake", reason=REASON)
answers = pytest.importorskip("tools.bake_answers", reason=REASON)
baking_git = pytest.importorskip("tools.bake_git", reason=REASON)

ANSWERS = {
    "project_name": "My Text Project",
    "project_slug": "my_text_project",
    "author": "Kim",
    "license": "none",
    "task": "classification",
    "language": "en",
    "automation": "none",
}
PYPROJECT = """\
[project]
name = "my_text_project"  # template:project_slug
authors = [{ name = "Your Name" }]  # template:author
dependencies = [
    "foldline",
    "some.package>=1",  # template:only
]
"""
LIBRARY = """\
[project]
name = "foldline"
version = "0.1.0"
description = "A library"
license = "MIT"
requires-python = ">=3.11"
dependencies = ["some.package>=1"]
"""
PIPELINE = """\
stages:
  train:
    deps:
      - stages/train.py
      - foldline/core/io
      - foldline/models
      - data/train.csv
plots: # all
  template: confusion  # template:plot
"""
WHEEL = "wheels/foldline-0.1.0-py3-none-any.whl"
PARAMS = """\
seed: 42              # whole number  # from 0
task: classification  # classification | regression  # template:task
model: tfidf          # tfidf | scratch
data:
  train: data/raw/topics.csv  # all rows  # template:data_train
  predict: data/raw/topics_unlabelled.csv  # template:data_predict
  text: text          # template:data_text
  text_pair: null     # of a pair  # template:data_text_pair
  label: label        # template:data_label
predict:
  sample_submission: data/raw/topics_sample_submission.csv  # template:sample_submission
"""


def git(folder, *command):
    result = subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return result.stdout.decode()


@pytest.fixture(autouse=True)
def git_config(tmp_path, monkeypatch):
    """Make git read only this file, not the settings of the machine."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Someone\nemail = someone@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


@pytest.fixture
def template(tmp_path):
    """Return a small stand-in for the template, committed and tagged."""
    folder = tmp_path / "template"
    texts = {
        "pyproject.toml": LIBRARY,
        "template/pyproject.toml": PYPROJECT,
        "LICENSE": "MIT License\n\nCopyright (c) 2026 The authors\n\nFree for all.\n",
        "template/data/README.md": "# Data\n",
        "foldline/__init__.py": '"""The library."""\n',
        "foldline/core/rows.py": "ROWS = 1\n",
        "params.yaml": PARAMS,
        "dvc.yaml": PIPELINE,
        "constraints.txt": "transitive-package==1.0\n",
        "run.py": "#!/usr/bin/env python3\n",
        "stages/train.py": "print('{{ not jinja }}')\n",
        "tests/template/test_bake.py": "",
        "tests/project/test_params.py": "",
        ".pre-commit-config.yaml": "repos: []\n",
        "template/optional/github/workflows/ci.yml": "name: ci\n",
        "template/optional/devcontainer/devcontainer.json": "{}\n",
        "data/raw/topics.csv": "id,text,label\n",
        "dvc.lock": "schema: '2.0'\n",
        ".gitignore": "data/raw/private.csv\n.dvc/config.local\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "data/raw/pairs.csv").write_bytes("글,점수\r\n".encode("cp949"))
    (folder / "tools").mkdir()
    for name in ("cookiecutter.json", "copier.yml", "template/README.md", "template/README.ko.md"):
        shutil.copy(ROOT / name, folder / name)
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Template")
    git(folder, "tag", "v0.1.0")
    return folder


def bake_project(template, **answers):
    target = template.parent / "out" / "my_text_project"
    target.mkdir(parents=True)
    baking.bake(template, target, ANSWERS | answers)
    return target


def list_files(project):
    paths = (path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    return {path for path in paths if not path.startswith(".git/")}


# --- what is copied ---------------------------------------------------------------------------


def test_project_has_exactly_the_expected_files(template):
    assert list_files(bake_project(template)) == {
        ".copier-answers.yml",
        ".gitignore",
        "LICENSE",
        "README.ko.md",
        "README.md",
        "constraints.txt",
        "data/README.md",
        "data/raw/topics.csv",
        "dvc.yaml",
        "params.yaml",
        "pyproject.toml",
        "run.py",
        "stages/train.py",
        "tests/test_params.py",
        WHEEL,
    }


@pytest.mark.parametrize(
    ("automation", "added"),
    [
        ("pre-commit", {".pre-commit-config.yaml"}),
        ("github", {".pre-commit-config.yaml", ".github/workflows/ci.yml"}),
        (
            "all",
            {
                ".pre-commit-config.yaml",
                ".github/workflows/ci.yml",
                ".devcontainer/devcontainer.json",
            },
        ),
    ],
)
def test_optional_files_match_the_answer(template, automation, added):
    without = list_files(bake_project(template))
    shutil.rmtree(template.parent / "out")

    assert list_files(bake_project(template, automation=automation)) - without == added


def test_stages_depend_on_the_wheel_in_place_of_the_source(template):
    project = bake_project(template)

    assert (project / "dvc.yaml").read_text() == PIPELINE.replace(
        "      - foldline/core/io\n      - foldline/models\n", f"      - {WHEEL}\n"
    ).replace("  # template:plot", "")
    with zipfile.ZipFile(project / WHEEL) as archive:
        assert archive.read("foldline/core/rows.py") == b"ROWS = 1\n"


def test_files_are_copied_byte_for_byte(template):
    project = bake_project(template)

    for name in ("data/raw/topics.csv", "stages/train.py", "run.py"):
        assert (project / name).read_bytes() == (template / name).read_bytes()


def test_marked_files_hold_the_answers_and_no_marks(template):
    project = bake_project(template, task="regression", author='O"Neil \\ 김')

    assert (project / "params.yaml").read_text() == (
        PARAMS.replace("  # template:task", "")
        .replace("task: classification  #", "task: regression      #")
        .replace("  # template:data_train", "")
        .replace("topics.csv  #", "pairs.csv   #")
        .replace("topics_unlabelled.csv  # template:data_predict", "pairs_unlabelled.csv")
        .replace("text: text          # template:data_text", "text: sentence1")
        .replace("  # template:data_text_pair", "")
        .replace("text_pair: null     #", "text_pair: sentence2  #")
        .replace("label: label        # template:data_label", "label: score")
        .replace("data/raw/topics_sample_submission.csv  # template:sample_submission", "")
    )
    assert (project / "dvc.yaml").read_text().endswith("plots: # all\n  template: scatter\n")
    assert tomllib.loads((project / "pyproject.toml").read_text()) == {
        "project": {
            "name": "my_text_project",
            "authors": [{"name": 'O"Neil \\ 김'}],
            "dependencies": ["foldline"],
        }
    }


@pytest.mark.parametrize(
    ("license", "text"),
    [
        ("none", "Copyright (c) 2026 김 \\1. All rights reserved.\n\nFiles of the"),
        ("MIT", "MIT License\n\nCopyright (c) 2026 김 \\1\nCopyright (c) 2026 The authors\n"),
    ],
)
def test_the_licence_is_the_authors_and_keeps_the_templates_notice(template, license, text):
    project = bake_project(template, license=license, author="김 \\1")

    content = (project / "LICENSE").read_text(encoding="utf-8")
    assert content.startswith(text)
    assert content.endswith("Copyright (c) 2026 The authors\n\nFree for all.\n")


def test_nothing_of_a_used_checkout_is_copied(template, tmp_path):
    for name in (".dvc/cache/files/ab", ".dvc/config.local", "data/raw/private.csv", ".env"):
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_text("secret")
    (template / "stages/mine.py").write_text("secret")
    (tmp_path / "outside").write_text("secret")
    (template / "stages/link.py").symlink_to(tmp_path / "outside")
    git(template, "add", "stages/link.py")
    (template / "foldline/mine.py").write_text("secret")
    (template / "data/raw/topics.csv").unlink()

    project = bake_project(template)

    assert b"secret" not in b"".join((project / name).read_bytes() for name in list_files(project))
    assert not (project / "stages/link.py").exists()


def test_folder_without_git_gives_the_same_files(template, tmp_path):
    expected = list_files(bake_project(template))
    shutil.rmtree(template / ".git")
    for name in (
        ".dvc/config.local",
        "stages/__pycache__/a.py",
        "stages/.env",
        "foldline/__pycache__/a.pyc",
        "data/raw/mine.csv",
    ):
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_text("secret")
    shutil.rmtree(tmp_path / "out")

    assert list_files(bake_project(template)) == expected


def test_zip_unpacked_in_another_repository_gives_the_same_files(template, tmp_path):
    expected = list_files(bake_project(template))
    shutil.rmtree(template / ".git")
    shutil.rmtree(tmp_path / "out")
    git(tmp_path, "init", "-q")

    assert list_files(bake_project(template)) == expected


def test_checkout_that_git_cannot_read_is_refused(template):
    (template / ".git/index").write_text("broken")

    with pytest.raises(baking_git.GitError, match="git does not list the template's files"):
        bake_project(template)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_scripts_are_executable_also_from_a_zip(template):
    project = bake_project(template)

    assert os.access(project / "run.py", os.X_OK)
    assert not os.access(project / "stages/train.py", os.X_OK)


def test_unknown_choice_is_refused_before_anything_is_written(template):
    with pytest.raises(answers.AnswerError, match="task must be one of classification, regression"):
        bake_project(template, task="translation")

    assert not list_files(template.parent / "out")


# --- README and record of the answers ---------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "main_word", "twin", "link"),
    [
        ("en", "## Run it", "README.ko.md", "README.ko.md"),
        ("ko", "## 실행하기", "README.en.md", "README.en.md"),
    ],
)
def test_readme_is_in_the_chosen_language(template, language, main_word, twin, link):
    project = bake_project(template, language=language)

    readme = (project / "README.md").read_text(encoding="utf-8")
    assert main_word in readme and f"]({link})" in readme
    assert "](README.md)" in (project / twin).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("영화 리뷰 🎬", "영화 리뷰 🎬"),
        ("@author@ \\1 {{x}}", "@author@ \\1 {{x}}"),
        (" a\n\tb\0 ", "a b"),
    ],
)
def test_readme_contains_the_name_unchanged(template, name, title):
    project = bake_project(template, project_name=name)

    first = (project / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# {title}"


def test_empty_name_falls_back_to_the_slug(template):
    assert (
        (bake_project(template, project_name=" ") / "README.md")
        .read_text()
        .startswith("# my_text_")
    )


def test_answers_are_recorded(template):
    project = bake_project(template, author='a: "b" 김')

    recorded = yaml.safe_load((project / ".copier-answers.yml").read_bytes())
    expected = {**ANSWERS, "author": 'a: "b" 김', "_commit": "v0.1.0", "_src_path": str(template)}
    assert recorded == expected


@pytest.mark.parametrize(
    ("remote", "recorded"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://user:to@ken@github.com/o/r", "git+https://github.com/o/r"),
        ("https://token@example.org/r.git", "https://example.org/r.git"),
        ("ssh://git:secret@example.org/r", "git+ssh://git@example.org/r"),
        ("git@example.org:o/r.git", "git@example.org:o/r.git"),
        ("/somewhere/r", "/somewhere/r"),
        ("file:///somewhere/r", "git+file:///somewhere/r"),
    ],
)
def test_address_is_recorded_without_user_and_token(template, remote, recorded):
    git(template, "remote", "add", "origin", remote)

    assert baking_git.describe_origin(template) == {"_commit": "v0.1.0", "_src_path": recorded}


def test_archive_has_no_address(template):
    shutil.rmtree(template / ".git")

    assert b"cannot be used" in (bake_project(template) / ".copier-answers.yml").read_bytes()


def test_copier_writes_the_record_and_leaves_git_to_the_user(template, capsys):
    project = bake_project(template, _commit="v0.1.0", _src_path="somewhere")

    assert not {".copier-answers.yml", ".git"} & {path.name for path in project.iterdir()}
    assert capsys.readouterr().out == ""


# --- git ----------------------------------------------------------------------------------------


def test_first_commit_holds_all_that_was_written(template, git_config, tmp_path, capsys):
    (tmp_path / "ignored").write_text("*.csv\nREADME.md\n")
    with git_config.open("a") as config:
        config.write(f"[core]\nexcludesFile = {tmp_path / 'ignored'}\nautocrlf = true\n")
        config.write("safecrlf = true\n[commit]\ngpgSign = true\n")

    project = bake_project(template)

    assert set(git(project, "ls-files").split()) == list_files(project)
    assert git(project, "log", "--format=%an").strip() == "Someone"
    assert git(project, "status", "--short") == ""
    assert "No first commit" not in capsys.readouterr().out


def test_commit_is_made_without_a_git_identity(template, git_config, capsys):
    git_config.write_text("[user]\nuseConfigOnly = true\n")

    project = bake_project(template)

    assert git(project, "log", "--format=%an").strip() == "Foldline"
    assert "Tell git who you are" in capsys.readouterr().out


def test_variables_of_a_git_hook_are_ignored(template, tmp_path, monkeypatch):
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))

    project = bake_project(template)

    monkeypatch.undo()
    assert (project / ".git").is_dir() and (project / "stages/train.py").exists()
    assert git(other, "status", "--short") == ""


def test_project_within_a_repository_is_not_committed(template, tmp_path, capsys):
    git(tmp_path, "init", "-q", str(tmp_path / "out"))

    project = bake_project(template)

    assert not (project / ".git").exists()
    assert "lies in a git repository already" in capsys.readouterr().out


def test_failing_commit_is_reported(template, tmp_path, monkeypatch, capsys):
    (tmp_path / "bin").mkdir()
    real = shutil.which("git")
    script = (
        f'#!/bin/sh\ncase "$*" in *" commit "*) echo no room >&2; exit 1;; esac\nexec {real} "$@"\n'
    )
    (tmp_path / "bin/git").write_text(script)
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    bake_project(template)

    assert "There is no first commit" in (output := capsys.readouterr().out) and "no room" in output


def test_command_prints_one_line_for_a_bad_answer(capsys):
    bad_answers = '{"project_slug": "json", "_extensions": ["x"], "_checkout": null}'

    assert baking.main(["--check", bad_answers]) == 1
    assert capsys.readouterr().err == (
        "error: project_slug 'json' names a module, folder or device; try 'json_project'\n"
    )
