"""`foldline doctor`: find damaged files, leftovers of stopped runs, and a changed environment."""

import argparse
import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.project.leftovers import find_index_lock, report_leftovers, unmerged_files

BLOCKED = 3  # exit code where DVC must not start
ROOM_BYTES = 1_000_000_000
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;#]+)")


def run(options: argparse.Namespace) -> int:
    """Report what is wrong, each with the command that mends it; return 1 if something is."""
    lock = find_index_lock()
    if lock:
        print(f"problem: {lock}", flush=True)
    if options.quick:
        report_leftovers()
        return BLOCKED if lock else 0
    if not Path(".dvc").is_dir():
        raise FoldlineError("there is no .dvc here: run `foldline doctor` in the project's root")
    report_leftovers()
    problems = [lock] if lock else []
    for problem in find_problems():
        print(f"problem: {problem}", flush=True)
        problems.append(problem)
    for note in find_notes():
        print(f"note: {note}", flush=True)
    count = (
        f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "no problem found"
    )
    print(count)
    return 1 if problems else 0


def find_problems() -> Iterator[str]:
    """Yield what makes results wrong or stops a run."""
    from foldline.core.pinned_library import check_library
    from foldline.project.damage import find_damage

    try:
        check_library(Path.cwd())
    except FoldlineError as error:
        yield str(error)
    yield from compare_packages()
    if not unmerged_files():
        yield from find_damage()


def compare_packages() -> Iterator[str]:
    """Yield how the installed packages differ from constraints.txt."""
    file = Path("constraints.txt")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    matches = [match for line in lines if (match := PIN.match(line.strip()))]
    pins = {match[1]: match[2] for match in matches}
    wrong = []
    for name, version in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:  # of another system, or of an extra
            continue
        if installed.partition("+")[0] != version.partition("+")[0]:
            wrong.append(f"{name} {installed} (pinned: {version})")
    if wrong:
        from foldline.core.environment import install_command

        more = f" and {len(wrong) - 5} more" if wrong[5:] else ""
        yield (
            f"installed packages differ from constraints.txt: {', '.join(wrong[:5])}{more}. Next: "
            f"{install_command(*(name.split()[0] for name in wrong))}"
        )


def find_notes() -> Iterator[str]:
    """Yield what explains other results than the recorded ones, or may stop a run later."""
    from foldline.core.environment import processor_name
    from foldline.core.io.files import read_json

    record = Path("reports/environment.json")
    if record.exists():
        recorded = read_json(record).get("processor")
        if recorded and recorded != processor_name():
            yield (
                f"{record} was made on {recorded}, this is {processor_name()}: trained models may "
                "differ in the last digits (docs: Reproducibility)"
            )
    free = shutil.disk_usage(Path.cwd()).free
    if free < ROOM_BYTES:
        yield (
            f"only {free / 1e6:.0f} MB are free on this disk; `dvc gc -w --all-experiments` frees "
            "some"
        )
