"""Ask git about the template, and make the first commit of a project."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Who makes the first commit where git knows no name; it is written into no configuration.
NOBODY = {
    "GIT_AUTHOR_NAME": "Foldline",
    "GIT_AUTHOR_EMAIL": "foldline@localhost",
    "GIT_COMMITTER_NAME": "Foldline",
    "GIT_COMMITTER_EMAIL": "foldline@localhost",
}


class GitError(Exception):
    """git failed where a project cannot be made without it."""


def git(folder: Path, *command: str, stdin: bytes = b"", **env: str) -> tuple[int, str]:
    """Run git in `folder`; return its exit status, and what it wrote or, failing, complained."""
    # Within a hook of git, GIT_DIR and the like are set and would lead to another repository.
    keep = ("GIT_CONFIG", "GIT_AUTHOR", "GIT_COMMITTER")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(keep)}
    try:
        done = subprocess.run(
            ["git", *command], cwd=folder, env=kept | env, input=stdin, capture_output=True
        )
    except FileNotFoundError:
        return 127, "git is not installed"
    answer = done.stderr if done.returncode else done.stdout
    return done.returncode, answer.decode("utf-8", "surrogateescape").strip()


def tracked(template: Path) -> list[str] | None:
    """Return the files that git knows; None where the template is no checkout, as in a zip."""
    status, answer = git(template, "ls-files", "-z")
    names = answer.strip("\0").split("\0") if status == 0 else []
    # A zip unpacked within some other repository has that one's files, or none.
    if "copier.yml" in names:
        return names
    if (template / ".git").exists():
        raise GitError(f"git does not list the template's files: {answer or 'none are added'}")
    return None


def origin(template: Path) -> dict[str, str]:
    """Return version and address of a template, without secrets; empty for an archive.

    The address is that of the repository it was cloned from; the folder, where it is no clone.
    """
    status, commit = git(template, "describe", "--tags", "--always")
    if status or tracked(template) is None:
        return {}
    _, url = git(template, "config", "--get", "remote.origin.url")
    if "://" in url:
        url = re.sub(r"^(\w+://)[^/]*@", r"\1", url) if url.startswith("http") else url
        url = re.sub(r"^(ssh://[^/:]+):[^/]*@", r"\1@", url)
        # Without the prefix copier takes an address for git's only on hosts it knows.
        url = url if url.endswith(".git") else f"git+{url}"
    elif not re.match(r"[\w.-]+@[\w.-]+:|/|[A-Z]:", url):
        url = str(template)
    return {"_commit": commit, "_src_path": url}


def first_commit(target: Path, names: Sequence[str]) -> str:
    """Commit the project's files in a new repository; say what is left to do, if anything.

    `dvc exp run` needs a commit, so one is made where git knows no name for the user, too.
    """
    if any((folder / ".git").exists() for folder in (target, *target.parents)):
        return "The folder lies in a git repository already: add and commit it there."
    known = all(git(target, "var", f"GIT_{who}_IDENT")[0] == 0 for who in ("AUTHOR", "COMMITTER"))
    # All that was written and nothing else, whatever the user's own ignore file says; no question
    # for a passphrase, and no hook of the user's.
    hooks = f"core.hooksPath={os.devnull}"
    quiet = ("-c", "core.safecrlf=false", "-c", "commit.gpgSign=false", "-c", hooks)
    add = ("add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul")
    commit = ("commit", "-q", "-m", "Start from the Foldline template")
    listing = "\0".join(names).encode("utf-8", "surrogateescape")
    for command in (("init", "-q"), add, commit):
        status, answer = git(target, *quiet, *command, stdin=listing, **({} if known else NOBODY))
        if status:
            return f"There is no first commit, which `dvc exp run` needs. git says: {answer}"
    return "" if known else "Tell git who you are: git config user.name and user.email."
