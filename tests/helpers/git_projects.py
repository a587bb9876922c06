"""A folder with git and what DVC keeps, without DVC: what tells about it reads files alone."""

import subprocess
from pathlib import Path

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@example.org"]


def git(folder: Path, *arguments: str, code: int | None = 0) -> str:
    """Run git and return its output."""
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert code is None or done.returncode == code, done.stderr
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "change") -> None:
    """Write files and commit everything."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", message)


def make_repository(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository on branch main with one commit."""
    git(folder, "init", "-q", "-b", "main")
    commit(folder, files)
    return folder


def run_shell(folder: Path, line: str) -> str:
    """Run a command that a message gives."""
    settings = "git config user.name a; git config user.email a@example.org; "
    done = subprocess.run(
        settings + line, shell=True, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout
