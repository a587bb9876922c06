"""Overhead of DVC in an up-to-date project, compared with a pipeline of one empty stage.

    python -m benchmarks.overhead [--project FOLDER] [--turns 15]

Runs `dvc repro` and `dvc status` in both in turns and prints medians of wall and CPU seconds.
The project (default: this one) must be up to date: run `dvc repro` in it first.
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

COMMANDS = ("repro", "status")


def make_empty_pipeline(folder: Path) -> None:
    """Create a repository with a pipeline of one up-to-date stage."""
    (folder / "dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: echo 1 > one.txt\n    outs: [one.txt]\n"
    )
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro", "-q"]):
        subprocess.run(command, cwd=folder, check=True)


def time_command(folder: Path, command: str) -> tuple[float, float]:
    """Return wall and CPU seconds of a command that changes nothing."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        ["dvc", command], cwd=folder, check=True, capture_output=True, env=environment_variables()
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def environment_variables() -> dict[str, str]:
    """Return the environment variables for DVC."""
    return os.environ | {"DVC_NO_ANALYTICS": "1"}


def main() -> None:
    """Run both in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    subprocess.run(["dvc", "status", "-q"], cwd=arguments.project, check=True)
    with tempfile.TemporaryDirectory() as temporary:
        empty = Path(temporary)
        make_empty_pipeline(empty)
        seconds: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(arguments.turns):
            for command in COMMANDS:
                for contestant, folder in (("empty", empty), ("project", arguments.project)):
                    seconds.setdefault((command, contestant), []).append(
                        time_command(folder, command)
                    )
    print("| command | empty, wall | project, wall | times | empty, CPU | project, CPU | times |")
    print("|---|---|---|---|---|---|---|")
    for command in COMMANDS:
        cells = []
        for clock in (0, 1):
            empty_median, project_median = (
                statistics.median(turn[clock] for turn in seconds[command, contestant])
                for contestant in ("empty", "project")
            )
            cells += [
                f"{empty_median:.2f} s",
                f"{project_median:.2f} s",
                f"{project_median / empty_median:.2f}",
            ]
        print(f"| `dvc {command}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
