"""Ways to generate a project: each gives the same project, and it works."""

import os
import re
import shutil
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from tests.helpers.marks import mark_slow_except
from tests.helpers.template import (
    ANSWERS,
    ROOT,
    commit_and_tag,
    create_environment,
    git,
    list_live_files,
    read_files,
    run,
    run_cookiecutter,
)

REASON = "this is a project made from the template, not the template"
baking = pytest.importorskip("tools.bake", reason=REASON)
marks = pytest.importorskip("tools.bake_marks", reason=REASON)
AWKWARD = (
    '2024 "Kim\'s" C:\\new\\table \'\'\'a\'\'\' """b""" @author@ <i>&amp; 한국어 🎬 ' + "x" * 200
)


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory):
    """Give git, cookiecutter and copier an empty home with only a git identity."""
    home = tmp_path_factory.mktemp("home")
    (home / "gitconfig").write_text("[user]\nname = Someone\nemail = someone@example.org\n")
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith(("GIT_", "COOKIECUTTER"))]:
            patch.delenv(key)
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(home / "dvc"))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        yield home


@pytest.fixture(scope="session")
def template(tmp_path_factory, machine):
    """Return a committed and tagged copy of this repository."""
    folder = tmp_path_factory.mktemp("source") / "foldline"
    for name in list_live_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    commit_and_tag(folder, "Template", "v0.1.0")
    return folder


@pytest.fixture
def template_copy(template, tmp_path):
    """Return a copy of the template for tests that change it."""
    return shutil.copytree(template, tmp_path / "foldline", symlinks=True)


def bake(template, target, **answers):
    """Generate a project without git, but with recorded answers."""
    target.mkdir(parents=True)
    baking.bake(template, target, {**ANSWERS, **answers, "_commit": "v0.1.0"})
    return target


def template_path(name):
    """Return the path in the template of a project file."""
    if name.startswith("tests/"):
        return name.replace("tests/", "tests/project/")
    return {**baking.MOVED, **baking.AUTOMATION["all"]}.get(name, name)


@pytest.fixture(scope="session")
def default_files(template, tmp_path_factory):
    """Return the files of a project with all default answers."""
    return read_files(bake(template, tmp_path_factory.mktemp("expected") / "my_text_project"))


# --- the template's files ---------------------------------------------------------------------


def test_each_file_is_copied_or_skipped_on_purpose():
    patterns = (*baking.COPIED, *baking.SKIPPED)
    unmatched = [
        name
        for name in list_live_files()
        if not any(fnmatchcase(name, pattern) for pattern in patterns)
    ]

    assert not unmatched, f"name them in COPIED or in SKIPPED of tools/bake.py: {unmatched}"


def test_template_has_no_links():
    assert not [name for name in list_live_files() if (ROOT / name).is_symlink()]


# --- the project ------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("language", mark_slow_except(["en", "ko"], ["ko"]))
def test_project_is_the_live_one_but_for_marked_lines(template, tmp_path, task, language):
    project = bake(template, tmp_path / "p", task=task, language=language)

    files = read_files(project)
    params = yaml.safe_load(files["params.yaml"])
    assert params["task"] == task
    assert (project / params["data"]["train"]).is_file()
    library, _ = baking.build_library_wheel(template)
    for name in files.keys() - {"LICENSE", "README.md", "README.ko.md", "README.en.md", library}:
        live = (template / template_path(name)).read_bytes()
        if name == "dvc.yaml":
            live = baking.depend_on_wheel(live.decode(), library).encode()
        if name in marks.MARKED_KEYS:
            lines = [line for line in live.split(b"\n") if b"# template:only" not in line]
            pairs = zip(lines, files[name].split(b"\n"), strict=True)
            assert [
                template_line
                for template_line, project_line in pairs
                if template_line != project_line and b"# template:" not in template_line
            ] == []
        else:
            assert files[name] == live, name


def test_a_project_is_small_enough_to_read(template, tmp_path):
    project = bake(template, tmp_path / "p", automation="all")

    # Nobody reads the sample, the wheel or the lock file.
    unread = ("data/raw/*", "wheels/*", "constraints.txt")
    files = [n for n in read_files(project) if not any(fnmatchcase(n, own) for own in unread)]
    texts = [(project / name).read_text("utf-8") for name in files]
    assert len(read_files(project)) <= 60
    assert sum(text.count("\n") for text in texts) <= 3000


def test_nothing_of_the_template_is_left(template, default_files, machine):
    for name, content in default_files.items():
        for pattern in (rb"\{\{ ?cookiecutter", rb"# template:\w", rb"@[a-z]+_[a-z]+@"):
            assert not re.search(pattern, content), f"{name} holds {pattern!r}"
        for folder in (template, machine, ROOT):
            assert bytes(folder) not in content, f"{name} holds {folder}"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_links_between_documents_lead_somewhere(template, tmp_path, language):
    project = bake(template, tmp_path / "p", language=language)

    broken = []
    for document in project.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#:\s]+)[^):]*\)", document.read_text(encoding="utf-8")):
            if not (document.parent / link).exists():
                broken.append(f"{document.relative_to(project)}: {link}")
    assert not broken


# --- the ways in ------------------------------------------------------------------------------


@pytest.mark.slow
def test_used_folder_and_relative_path(template_copy, default_files, tmp_path):
    for name in (".dvc/cache/files/md5/ab", ".dvc/config.local", ".dvc/tmp/x", "data/raw/mine.csv"):
        (template_copy / name).parent.mkdir(parents=True, exist_ok=True)
        (template_copy / name).write_text("secret")
    work = tmp_path / "work"

    run_cookiecutter("../foldline", work, options=("--no-input", "-o", "deep/down"))

    assert read_files(work / "deep/down/my_text_project") == default_files
    # Python itself keeps the bytecode of the extension that stands at the root; git ignores it.
    assert set(template_copy.rglob("__pycache__")) <= {template_copy / "__pycache__"}


@pytest.mark.slow
def test_console_that_is_not_utf8_and_git_without_a_name(template, default_files, tmp_path):
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)}
    env = {**nobody, "PYTHONIOENCODING": "cp949", "PYTHONUTF8": "0"}

    output = run_cookiecutter(template, tmp_path, options=(), env=env, input=b"\n" * 7)

    project = tmp_path / "my_text_project"
    assert read_files(project) == default_files
    assert git(project, "status", "--short") == "" and "v0.1.0" in (
        (project / ".copier-answers.yml").read_text()
    )
    assert "my_text_project: ready" in output


@pytest.mark.slow
def test_clone_by_address(template, default_files, tmp_path):
    run_cookiecutter(
        f"git+file://{template}", tmp_path, options=("--no-input", "--checkout", "v0.1.0")
    )

    project = tmp_path / "my_text_project"
    assert read_files(project) == default_files
    assert f"git+file://{template}" in (project / ".copier-answers.yml").read_text()


@pytest.mark.slow
def test_clone_with_settings_as_on_windows(template, default_files, tmp_path):
    settings = (
        "-c",
        "core.autocrlf=true",
        "-c",
        "core.symlinks=false",
        "-c",
        "core.fileMode=false",
    )
    git(tmp_path, "clone", "-q", *settings, str(template), str(tmp_path / "clone"))
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.autocrlf"}

    run_cookiecutter(tmp_path / "clone", tmp_path, env={**env, "GIT_CONFIG_VALUE_0": "true"})

    project = tmp_path / "my_text_project"
    assert read_files(project) == default_files
    assert git(project, "-c", "core.autocrlf=true", "status", "--short") == ""


@pytest.mark.slow
def test_zip(template, default_files, tmp_path):
    archive = tmp_path / "foldline.zip"
    git(template, "archive", "--prefix=foldline-0.1.0/", "-o", str(archive), "HEAD")

    run_cookiecutter(archive, tmp_path)

    assert read_files(tmp_path / "my_text_project") == default_files


@pytest.mark.slow
def test_replay_within_another_repository(template, default_files, tmp_path):
    git(tmp_path, "init", "-q")
    run_cookiecutter(template, tmp_path)

    run_cookiecutter(template, tmp_path, options=("--replay", "-o", "again"))

    assert read_files(tmp_path / "again/my_text_project") == default_files
    assert not (tmp_path / "again/my_text_project/.git").exists()


@pytest.mark.slow
def test_copier(template, default_files, tmp_path):
    address = f"git+file://{template}"
    run("copier", "copy", "--trust", "--defaults", address, "p", cwd=tmp_path)

    recorded = yaml.safe_load((tmp_path / "p/.copier-answers.yml").read_text())
    assert read_files(tmp_path / "p") == default_files
    assert recorded == {**ANSWERS, "_commit": "v0.1.0", "_src_path": address}


@pytest.mark.slow
def test_copier_refuses_a_bad_slug(template, tmp_path):
    command = ("copier", "copy", "--trust", "--defaults", "-d", "project_slug=json")

    with pytest.raises(RuntimeError, match="error: project_slug 'json' names a module"):
        run(*command, str(template), "p", cwd=tmp_path)
    assert not (tmp_path / "p").exists()


@pytest.mark.slow
def test_awkward_name(template, tmp_path):
    arguments = (f"project_name={AWKWARD}", f"author={AWKWARD}", "language=ko", "task=regression")
    run_cookiecutter(template, tmp_path, *arguments)

    (project,) = tmp_path.glob("kim_s_c_new*")
    readme = (project / "README.md").read_text(encoding="utf-8")
    pyproject = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_bytes())
    assert readme.startswith(f"# {AWKWARD}\n")
    assert pyproject["project"]["authors"] == [{"name": AWKWARD}]
    assert (recorded["project_name"], recorded["task"]) == (AWKWARD, "regression")


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["", "json", "con", "../up", "한글"])
def test_bad_slug_leaves_everything_as_it_was(template, tmp_path, slug):
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("mine")

    with pytest.raises(RuntimeError, match="error: project_slug") as raised:
        options = ("--no-input", "-f", "-o", str(out))
        run_cookiecutter(template, tmp_path / "work", f"project_slug={slug}", options=options)

    assert str(raised.value).count("error: ") == 1
    assert [path.name for path in out.iterdir()] == ["README.md"]
    assert (out / "README.md").read_text() == "mine"


def test_project_without_hooks_says_that_it_is_none(template, tmp_path):
    run_cookiecutter(template, tmp_path, options=("--no-input", "--accept-hooks", "no"))

    assert list(read_files(tmp_path / "my_text_project")) == [baking.UNFINISHED]


@pytest.mark.slow
def test_failing_hook_leaves_no_project(template_copy, tmp_path):
    (template_copy / "params.yaml").write_text("seed: 1\n")

    with pytest.raises(RuntimeError, match=r"params\.yaml needs one line"):
        run_cookiecutter(template_copy, tmp_path)
    assert not (tmp_path / "my_text_project").exists()


@pytest.mark.slow
def test_two_templates_in_one_process_do_not_mix(template, template_copy, tmp_path):
    (template_copy / "run.py").write_text("another\n")
    commit_and_tag(template_copy, "Another run.py", "v0.2.0")
    program = (
        "from cookiecutter.main import cookiecutter as cut\n"
        f"for folder in {[str(template), str(template_copy)]}:\n"
        "    cut(folder, no_input=True, output_dir='out', overwrite_if_exists=True)\n"
    )
    run(sys.executable, "-c", program, cwd=tmp_path)

    assert (tmp_path / "out/my_text_project/run.py").read_text() == "another\n"


# --- the project at work ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_project_runs(template, tmp_path, task):
    run_cookiecutter(template, tmp_path, f"task={task}")
    project = tmp_path / "my_text_project"

    env = create_environment(project)
    run("python", "-m", "pytest", "-q", cwd=project, env=env)
    run("dvc", "repro", cwd=project, env=env)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "First run")

    assert "up to date" in run("dvc", "repro", cwd=project, env=env)
    run("dvc", "status", "-q", cwd=project, env=env)


@pytest.mark.slow
def test_update_keeps_what_the_user_changed(template_copy, tmp_path):
    run_cookiecutter(template_copy, tmp_path)
    project = tmp_path / "my_text_project"
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("epochs: ", "epochs: 9  # mine, was "))
    (project / "README.md").write_text("# Mine\n")
    (project / "data/raw/topics_unlabelled.csv").unlink()
    train = project / "stages/train.py"
    train.write_text(train.read_text() + "# Mine.\n")
    (project / "components/mine.py").write_text('"""Mine."""\n')
    commit_and_tag(project, "Mine", "mine")
    with (template_copy / "params.yaml").open("a") as file:
        file.write("added: 1\n")
    (template_copy / "stages/added.py").write_text('"""Added."""\n')
    (template_copy / "run.py").write_text((template_copy / "run.py").read_text() + "# Added.\n")
    train = template_copy / "stages/train.py"
    train.write_text(train.read_text().replace('"""', '"""New: ', 1))
    (template_copy / "foldline/added.py").write_text('"""Added."""\n')
    library = (template_copy / "pyproject.toml").read_text()
    (template_copy / "pyproject.toml").write_text(library.replace('"0.1.0"', '"0.2.0"', 1))
    commit_and_tag(template_copy, "Release", "v0.2.0")

    run("copier", "update", "--trust", "--defaults", cwd=project)

    params = (project / "params.yaml").read_text()
    assert "epochs: 9  # mine" in params and params.endswith("added: 1\n")
    assert (project / "README.md").read_text() == "# Mine\n"
    assert (project / "run.py").read_text().endswith("# Added.\n")
    assert (project / "stages/added.py").exists()
    assert not (project / "data/raw/topics_unlabelled.csv").exists()
    train = (project / "stages/train.py").read_text()
    assert train.startswith('"""New: ') and train.endswith("# Mine.\n")
    assert (project / "components/mine.py").read_text() == '"""Mine."""\n'
    (wheel,) = (project / "wheels").iterdir()
    assert wheel.name == "foldline-0.2.0-py3-none-any.whl"
    pipeline = (project / "dvc.yaml").read_text()
    assert pipeline.count(f"- wheels/{wheel.name}") == 8 and "0.1.0" not in pipeline
    assert "v0.2.0" in (project / ".copier-answers.yml").read_text()
