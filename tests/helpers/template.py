"""The template and its projects: git, cookiecutter, files and environments."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE_FILES = "ls-files", "-z", "--cached", "--others", "--exclude-standard"
ANSWERS = {
    "project_name": "My Text Project",
    "project_slug": "my_text_project",
    "author": "Your Name",
    "license": "none",
    "task": "classification",
    "language": "en",
    "automation": "pre-commit",
}


def run(*command, cwd, env=None, **options):
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, **options
    )
    output = (result.stdout + result.stderr).decode("utf-8", "replace")
    if result.returncode:
        raise RuntimeError(f"{command} in {cwd} failed:\n{output}")
    return output


def git(folder, *command):
    return run("git", *command, cwd=folder)


def commit_and_tag(folder, message, tag):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    git(folder, "tag", tag)


def list_live_files():
    names = git(ROOT, *TEMPLATE_FILES).split("\0")
    return [name for name in names if name and (ROOT / name).exists()]


def read_files(project):
    """Return all files of a project, without .git and the recorded answers."""
    paths = {path.relative_to(project).as_posix(): path for path in project.rglob("*")}
    skipped = re.compile(r"\.git/.*|\.copier-answers\.yml")
    return {
        name: path.read_bytes()
        for name, path in paths.items()
        if path.is_file() and not skipped.fullmatch(name)
    }


def run_cookiecutter(template, cwd, *answers, options=("--no-input",), env=None, **run_options):
    # The working folder may hold packages with the names of the template's.
    for name in ("tools", "hooks", "foldline"):
        (cwd / name).mkdir(parents=True, exist_ok=True)
        (cwd / name / "__init__.py").touch()
    command = (sys.executable, "-m", "cookiecutter", *options, str(template), *answers)
    return run(*command, cwd=cwd, env=env, **run_options)


def create_environment(project):
    """Create an environment with a project's wheel; return the variables that activate it.

    All other packages are those of the current environment.
    """
    venv = project.parent / f"{project.name}-venv"
    if not venv.exists():
        run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=project)
        packages = sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)})
        Path(packages, "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install_library(project)
    folder = venv / ("Scripts" if os.name == "nt" else "bin")
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "VIRTUAL_ENV": str(venv)}


def install_library(project):
    """Install the wheel of a project into its environment, replacing any other."""
    venv = project.parent / f"{project.name}-venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = (project / "wheels").glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index")
    run(*pip, "--no-deps", "--force-reinstall", str(wheel), cwd=project)
