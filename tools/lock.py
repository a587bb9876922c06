"""Write constraints.txt: the version of each package that pyproject.toml leads to.

    python run.py python -m tools.lock            # after a change of pyproject.toml's requirements
    python run.py python -m tools.lock --check    # fails where the file and the environment differ

The versions are those installed in the environment that runs this. CUDA's packages are left out, so
that one file serves CPU and GPU machines, and so are local tags (2.13.0+cpu is 2.13.0).
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
# What the environment cannot tell: DVC needs pywin32 on Windows alone; soupsieve (which nlpaug's
# gdown brings) has newer versions, but they do not install on the first patches of Python 3.11.
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
    wanted = render(installed(requirements(ROOT / "pyproject.toml")))
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    if not check:
        path.write_text(wanted, encoding="utf-8", newline="\n")
        print(f"{path.name}: {len(read(wanted))} packages")
        return 0
    for line in differences(read(found), read(wanted)):
        print(f"{path.name}: {line}", file=sys.stderr)
    if found != wanted:
        print("Next: python run.py python -m tools.lock", file=sys.stderr)
    return int(found != wanted)


def requirements(pyproject: Path) -> list[Requirement]:
    """Return the requirements of the project and of its dev group."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    lines = [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    return [Requirement(line) for line in lines]


def installed(direct: list[Requirement]) -> dict[str, str]:
    """Return name and version of all that `direct` leads to here, but CUDA's."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [need for need in direct if applies(need, "")]
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if name.startswith(CUDA):
            continue
        versions[name] = Version(distribution(name).version).public
        for extra in {"", *need.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [inner for inner in needs(name) if applies(inner, extra)]
    return versions


def distribution(name: str) -> metadata.Distribution:
    """Return the installed package, or say how to get a whole environment."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        message = f"{name} is asked for, but not installed here. Next: python run.py test"
        raise SystemExit(message) from None


def needs(name: str) -> Iterator[Requirement]:
    """Yield the requirements that an installed package declares."""
    yield from map(Requirement, distribution(name).requires or [])


def applies(need: Requirement, extra: str) -> bool:
    """Return whether a requirement counts on this machine, where `extra` was asked for."""
    return need.marker is None or need.marker.evaluate({"extra": extra})


def render(versions: dict[str, str]) -> str:
    """Return the file's text, sorted by name."""
    pins = sorted({**versions, **FIXED}.items())
    return HEADER + "".join(f"{name}=={version}\n" for name, version in pins)


def read(text: str) -> dict[str, str]:
    """Return name and version of each pin in the file's text."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def differences(found: dict[str, str], wanted: dict[str, str]) -> Iterator[str]:
    """Yield one line for each package that the file and the environment disagree on."""
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            file, here = found.get(name, "nothing"), wanted.get(name, "not needed")
            yield f"{name}: the file says {file}, the environment {here}"


if __name__ == "__main__":
    sys.exit(main())
