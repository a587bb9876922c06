"""Query git about the template, and make the first commit of a project."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

# The author of the first commit if git has no identity; not written to any configuration.
FALLBACK_IDENTITY = {
    "GIT_AUTHOR_NAME": "Foldline",
    "GIT_AUTHOR_EMAIL": "foldline@localhost",
    "GIT_COMMITTER_NAME": "Foldline",
    "GIT_COMMITTER_EMAIL": "foldline@localhost",
}


class GitError(Exception):
    """A git command failed that a project needs."""


def run_git(folder: Path, *command: str, stdin: bytes = b"", **env: str) -> tuple[int, str]:
    """Run git in `folder`; return its exit status, and stdout or, on failure, stderr."""
    # Inside a git hook, GIT_DIR and others are set and would select another repository.
    prefixes = ("GIT_CONFIG", "GIT_AUTHOR", "GIT_COMMITTER")
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(prefixes)
    }
    try:
        process = subprocess.run(
            ["git", *command], cwd=folder, env=variables | env, input=stdin, capture_output=True
        )
    except FileNotFoundError:
        return 127, "git is not installed"
    output = process.stderr if process.returncode else process.stdout
    return process.returncode, output.decode("utf-8", "surrogateescape").strip()


def list_tracked_files(template: Path) -> list[str] | None:
    """Return the files that git tracks; None if the template is not a checkout, such as a zip."""
    status, output = run_git(template, "ls-files", "-z")
    names = output.strip("\0").split("\0") if status == 0 else []
    # A zip unpacked within some other repository has that one's files, or none.
    if "copier.yml" in names:
        return names
    if (template / ".git").exists():
        raise GitError(f"git does not list the template's files: {output or 'none are added'}")
    return None


def describe_origin(template: Path) -> dict[str, str]:
    """Return version and address of a template, without secrets; empty for an archive.

    The address is that of the remote `origin`, or the folder if there is none.
    """
    status, commit = run_git(template, "describe", "--tags", "--always")
    if status or list_tracked_files(template) is None:
        return {}
    _, url = run_git(template, "config", "--get", "remote.origin.url")
    if "://" in url:
        url = re.sub(r"^(\w+://)[^/]*@", r"\1", url) if url.startswith("http") else url
        url = re.sub(r"^(ssh://[^/:]+):[^/]*@", r"\1@", url)
        # Without the prefix copier takes an address for git's only on hosts it knows.
        url = url if url.endswith(".git") else f"git+{url}"
    elif not re.match(r"[\w.-]+@[\w.-]+:|/|[A-Z]:", url):
        url = str(template)
    return {"_commit": commit, "_src_path": url}


def make_first_commit(target: Path, names: Sequence[str]) -> str:
    """Commit the project's files in a new repository; return what the user must do, if anything.

    `dvc exp run` needs a commit, so one is made even if git has no identity.
    """
    if any((folder / ".git").exists() for folder in (target, *target.parents)):
        return "The folder lies in a git repository already: add and commit it there."
    has_identity = all(
        run_git(target, "var", f"GIT_{who}_IDENT")[0] == 0 for who in ("AUTHOR", "COMMITTER")
    )
    # All that was written and nothing else, whatever the user's own ignore file says; no question
    # for a passphrase, and no hook of the user's.
    hooks = f"core.hooksPath={os.devnull}"
    options = ("-c", "core.safecrlf=false", "-c", "commit.gpgSign=false", "-c", hooks)
    add = ("add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul")
    commit = ("commit", "-q", "-m", "Start from the Foldline template")
    pathspec = "\0".join(names).encode("utf-8", "surrogateescape")
    for command in (("init", "-q"), add, commit):
        status, output = run_git(
            target,
            *options,
            *command,
            stdin=pathspec,
            **({} if has_identity else FALLBACK_IDENTITY),
        )
        if status:
            return f"There is no first commit, which `dvc exp run` needs. git says: {output}"
    return "" if has_identity else "Tell git who you are: git config user.name and user.email."
