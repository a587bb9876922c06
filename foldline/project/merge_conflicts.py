"""`foldline resolve`: settle merge conflicts in files that the next run writes again."""

import argparse
from fnmatch import fnmatch

from foldline.core.errors import FoldlineError, listing
from foldline.project.leftovers import git, unmerged_files

WRITTEN = ("dvc.lock", "metrics/*", "reports/*", "models/*.json")


def run(options: argparse.Namespace) -> None:
    """Take one side's version of each conflicting file that a run writes, and stage it.

    Raises:
        FoldlineError: outside a git repository, or where a file cannot be taken.
    """
    if git("rev-parse", "--git-dir") is None:
        raise FoldlineError("this is no git repository: run `foldline resolve` in the project")
    conflicts = unmerged_files()
    if not conflicts:
        print("no merge conflict found")
        return
    written = [name for name in conflicts if any(fnmatch(name, pattern) for pattern in WRITTEN)]
    for name in written:
        take_side(name, options.take)
    if written:
        print(f"took {options.take} of {len(written)} files: {listing(written)}")
    others = [name for name in conflicts if name not in written]
    print(describe_next_steps(others, options.take))


def take_side(name: str, side: str) -> None:
    """Put one side's version of a file into the work tree and the index; it may be a deletion."""
    stage = {"ours": "2", "theirs": "3"}[side]
    exists = git("cat-file", "-e", f":{stage}:./{name}") is not None
    steps = [("checkout", f"--{side}", "--", name), ("add", "-f", "--", name)]
    for step in steps if exists else [("rm", "-q", "-f", "--", name)]:
        if git(*step) is None:
            raise FoldlineError(f"`git {' '.join(step)}` failed; run it to see why")


def describe_next_steps(others: list[str], side: str) -> str:
    """Return what is left to do by hand, and the commands that end the merge."""
    lines = []
    if others:
        lines += [
            f"yours to settle: {listing(others)}. In each, keep what is right between <<<<<<< and "
            ">>>>>>>, remove these marks, then `git add` it"
        ]
    if "params.yaml" in others:
        lines += ["`foldline check` tells whether params.yaml is valid"]
    for name in others:
        if name.endswith(".dvc"):
            lines += [
                f"for {name} choose a version of the data: git checkout --ours {name} (or "
                f"--theirs) && git add {name} && dvc checkout {name}"
            ]
    outputs = "  dvc checkout --allow-missing --force\n" if side == "theirs" else ""
    lines += [
        f"Next:\n{outputs}  dvc repro\n  git add dvc.lock metrics reports models\n"
        f"  {continue_command()}"
    ]
    return "\n".join(lines)


def continue_command() -> str:
    """Return the command that ends what met the conflicts."""
    for reference, command in (
        ("CHERRY_PICK_HEAD", "git cherry-pick --continue"),
        ("REBASE_HEAD", "git rebase --continue"),
    ):
        if git("rev-parse", "--verify", "--quiet", reference) is not None:
            return command
    return "git commit --no-edit"
