"""Write constraints.txt: the version of every direct and transitive requirement.

    python run.py python -m tools.lock            # after a change of pyproject.toml's requirements
    python run.py python -m tools.lock --check    # fails where the file and the environment differ

The versions are those installed in the current environment. CUDA packages and local version tags
(2.13.0+cpu is 2.13.0) are omitted, so one file serves CPU and GPU machines.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CUDA = ("cuda-", "nvidia-", "pytorch-triton", "triton")
# Not taken from the environment: DVC needs pywin32 only on Windows; newer versions of soupsieve (a
# dependency of nlpaug's gdown) do not install on the first patch releases of Python 3.11.
FIXED = {"pywin32": "312", "soupsieve": "2.10"}
HEADER = """\
# Every package of the environment, direct and transitive, but CUDA's: torch brings those it needs.
# Made by `python run.py python -m tools.lock`; change pyproject.toml, not this file.
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with --check only compare it; return the exit code."""
    parser = argparse.ArgumentParser(description="Write constraints.txt from this environment.")
    parser.add_argument("--check", action="store_true", help="compare only; 1 where they differ")
    check: bool = parser.parse_args(arguments).check
    path = ROOT / "constraints.txt"
    expected = render_pins(resolve_versions(read_requirements(ROOT / "pyproject.toml")))
    current = path.read_text(encoding="utf-8") if path.exists() else ""
    if not check:
        path.write_text(expected, encoding="utf-8", newline="\n")
        print(f"{path.name}: {len(parse_pins(expected))} packages")
        return 0
    for line in list_differences(parse_pins(current), parse_pins(expected)):
        print(f"{path.name}: {line}", file=sys.stderr)
    if current != expected:
        print("Next: python run.py python -m tools.lock", file=sys.stderr)
    return int(current != expected)


def read_requirements(pyproject: Path) -> list[Requirement]:
    """Return the requirements of the project and of its dev group."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    lines = [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    return [Requirement(line) for line in lines]


def resolve_versions(direct: list[Requirement]) -> dict[str, str]:
    """Return name and version of all direct and transitive requirements, without CUDA packages."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    queue = [requirement for requirement in direct if is_required(requirement, "")]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if name.startswith(CUDA):
            continue
        versions[name] = Version(find_distribution(name).version).public
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                queue += [
                    dependency
                    for dependency in iterate_dependencies(name)
                    if is_required(dependency, extra)
                ]
    return versions


def find_distribution(name: str) -> metadata.Distribution:
    """Return an installed package; exit with the next step if it is missing."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        message = f"{name} is required, but not installed. Next: python run.py test"
        raise SystemExit(message) from None


def iterate_dependencies(name: str) -> Iterator[Requirement]:
    """Yield the requirements that an installed package declares."""
    yield from map(Requirement, find_distribution(name).requires or [])


def is_required(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement applies on this machine with `extra`."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def render_pins(versions: dict[str, str]) -> str:
    """Return the text of constraints.txt, sorted by name."""
    pins = sorted({**versions, **FIXED}.items())
    return HEADER + "".join(f"{name}=={version}\n" for name, version in pins)


def parse_pins(text: str) -> dict[str, str]:
    """Return name and version of each pin in the text of constraints.txt."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def list_differences(current: dict[str, str], expected: dict[str, str]) -> Iterator[str]:
    """Yield a line for each package whose version differs between file and environment."""
    for name in sorted(current.keys() | expected.keys()):
        if current.get(name) != expected.get(name):
            pinned, installed_version = (
                current.get(name, "nothing"),
                expected.get(name, "not needed"),
            )
            yield f"{name}: the file says {pinned}, the environment {installed_version}"


if __name__ == "__main__":
    sys.exit(main())
