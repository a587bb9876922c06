"""`foldline store`: list, shrink and verify the results that runs have stored."""

import argparse
import math
import time

from foldline.core.console import say
from foldline.core.errors import FoldlineError
from foldline.core.params import Runner, Section
from foldline.core.params.loading import load_params
from foldline.core.paths import store_root
from foldline.execution.eviction import GB, Entry, evict, list_entries
from foldline.execution.progress import format_seconds
from foldline.execution.store import Store


class _Params(Section):
    runner: Runner


def run(options: argparse.Namespace) -> int:
    """Carry out `ls`, `gc` or `verify`; return the exit code."""
    if options.action != "gc" and (options.to is not None or options.all):
        raise FoldlineError("--to and --all belong to `foldline store gc`")
    return {"ls": _list, "gc": _shrink, "verify": _verify}[options.action](options)


def _list(options: argparse.Namespace) -> int:
    """Print the entries, the one used last at the end."""
    now, entries = time.time(), list_entries()
    if entries:
        say(f"{'size':>9}  {'last used':>11}  {'took':>12}  name")
    for entry in entries:
        say(_format(entry, now))
    limit = load_params(_Params).runner.store_gb
    size = format_size(sum(entry.size for entry in entries))
    say(f"{len(entries)} entries, {size} of {limit:g} GB (runner.store_gb) in {store_root()}")
    return 0


def _shrink(options: argparse.Namespace) -> int:
    """Remove what was used longest ago, down to a limit."""
    limit = 0.0 if options.all else options.to
    if limit is None:
        limit = load_params(_Params).runner.store_gb
    removed = evict(limit)
    rest = list_entries()
    say(
        f"removed {len(removed)} entries, {format_size(sum(entry.size for entry in removed))}; "
        f"{len(rest)} are left, {format_size(sum(entry.size for entry in rest))}"
    )
    if sum(entry.size for entry in rest) > limit * GB:
        say("what is left is needed by a run that is going on")
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Hash every finished result; remove damaged ones."""
    entries = [entry for entry in list_entries() if not entry.is_unfinished]
    damaged = 0
    for entry in entries:
        name = _name(entry)
        if Store(entry.folder.parent.name).remove_damaged(entry.folder.name):
            damaged += 1
            say(f"removed, since it was damaged: {name} ({entry.folder})")
    say(f"{len(entries)} results verified, {damaged} damaged")
    if damaged:
        say("the next `dvc repro` that needs one computes it again")
    return int(bool(damaged))


def _format(entry: Entry, now: float) -> str:
    seconds = entry.read_seal().get("seconds")
    took = "-" if seconds is None else format_seconds(seconds)
    age = f"{format_seconds(now - entry.used)} ago"
    return f"{format_size(entry.size):>9}  {age:>11}  {took:>12}  {_name(entry)}"


def _name(entry: Entry) -> str:
    if entry.is_unfinished:
        return f"checkpoints of an unfinished task ({entry.folder.name[:8]})"
    name = entry.read_seal().get("name") or entry.folder.parent.name
    return f"{name} ({entry.folder.name[:8]})"


def format_size(size: float) -> str:
    """Return a number of bytes for people, as `1.5 MB`."""
    power = min(4, int(math.log(size, 1000))) if size >= 1 else 0
    unit = ("B", "kB", "MB", "GB", "TB")[power]
    return f"{size / 1000**power:.{1 if power else 0}f} {unit}"
