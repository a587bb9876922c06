"""A template and its projects: git, ways in, and what a project holds."""

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
    "task": "classification",
    "model": "scratch",
    "language": "en",
    "automation": "pre-commit",
}


def run(*command, cwd, env=None, **more):
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, **more
    )
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode:
        raise RuntimeError(f"{command} in {cwd} failed:\n{output}")
    return output


def git(folder, *command):
    return run("git", *command, cwd=folder)


def committed(folder, message, tag):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    git(folder, "tag", tag)


def live_files():
    names = git(ROOT, *TEMPLATE_FILES).split("\0")
    return [name for name in names if name and (ROOT / name).exists()]


def contents(project):
    """Read all files of a project but for git's and the record of where it came from."""
    paths = {path.relative_to(project).as_posix(): path for path in project.rglob("*")}
    skipped = re.compile(r"\.git/.*|\.copier-answers\.yml")
    return {
        name: path.read_bytes()
        for name, path in paths.items()
        if path.is_file() and not skipped.fullmatch(name)
    }


def cookiecut(template, cwd, *answers, options=("--no-input",), env=None, **more):
    # A folder in which one would work may hold packages with the names of the template's own.
    for name in ("tools", "hooks", "foldline"):
        (cwd / name).mkdir(parents=True, exist_ok=True)
        (cwd / name / "__init__.py").touch()
    command = (sys.executable, "-m", "cookiecutter", *options, str(template), *answers)
    return run(*command, cwd=cwd, env=env, **more)


def with_library(project):
    """Install a project's wheel in an environment beside it; return the variables that use it.

    All other packages are those of this environment.
    """
    venv = project.parent / f"{project.name}-venv"
    if not venv.exists():
        run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=project)
        site = sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)})
        Path(site, "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install_library(project)
    folder = venv / ("Scripts" if os.name == "nt" else "bin")
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "VIRTUAL_ENV": str(venv)}


def install_library(project):
    """Install the wheel of a project into its environment, in place of another one."""
    venv = project.parent / f"{project.name}-venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = (project / "wheels").glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index")
    run(*pip, "--no-deps", "--force-reinstall", str(wheel), cwd=project)
