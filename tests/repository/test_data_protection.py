"""Secrets beside the code stay out of git and of DVC's outputs."""

import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).resolve().parents[2]
NAMES = [".env", ".env.local", "data/raw/.env", ".dvc/config.local"]


@pytest.mark.parametrize("name", NAMES)
def test_git_ignores_secrets(name):
    command = ["git", "check-ignore", "-q", name]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES[:3])
def test_dvc_ignores_secrets(name):
    assert Repo(str(ROOT)).dvcignore.is_ignored_file(str(ROOT / name))
