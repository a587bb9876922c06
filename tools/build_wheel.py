"""Build the library's wheel reproducibly, with only the standard library.

    python -m tools.build_wheel FOLDER

Projects can be generated offline, without downloading a build backend. A test compares modules,
requirements and the command with those of a wheel that hatchling builds. Files are stored without
compression, since compressed bytes differ between versions of zlib.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EPOCH = (2020, 2, 2, 0, 0, 0)
TAG = "py3-none-any"
WHEEL = f"Wheel-Version: 1.0\nGenerator: foldline\nRoot-Is-Purelib: true\nTag: {TAG}\n"
EXCLUDED = re.compile(r"(^|/)(__pycache__|\.[^/]*)(/|$)|\.pyc$")


class WheelError(Exception):
    """The library cannot be packed; the message is one line of ASCII."""


def build_wheel(root: Path, names: Iterable[str]) -> tuple[str, bytes]:
    """Return the wheel's file name and content, from the files `names` below `root/foldline`."""
    project = read_toml(root / "pyproject.toml")["project"]
    info = f"{project['name']}-{project['version']}.dist-info"
    files = {name: (root / name).read_bytes() for name in sorted(names)}
    files |= {
        f"{info}/METADATA": render_metadata(project).encode(),
        f"{info}/WHEEL": WHEEL.encode(),
        f"{info}/entry_points.txt": render_entry_points(project).encode(),
        f"{info}/licenses/LICENSE": (root / "LICENSE").read_bytes(),
    }
    record = [f"{name},{record_hash(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, content)
    return f"{project['name']}-{project['version']}-{TAG}.whl", buffer.getvalue()


def list_library_files(root: Path) -> list[str]:
    """Return the paths of the library's files on the disk, with `/`, without caches."""
    paths = (path for path in (root / "foldline").rglob("*") if path.is_file())
    names = (path.relative_to(root).as_posix() for path in paths)
    return sorted(name for name in names if not EXCLUDED.search(name))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; Python before 3.11 uses pip's reader."""
    try:
        import tomllib as reader
    except ModuleNotFoundError:
        try:
            from pip._vendor import tomli as reader  # type: ignore[no-redef]
        except ImportError:
            version = ".".join(map(str, sys.version_info[:2]))
            raise WheelError(f"Python 3.11 or newer is needed; this is {version}") from None
    return reader.loads(path.read_text(encoding="utf-8"))


def render_metadata(project: dict[str, Any]) -> str:
    """Return the core metadata: name, version, requirements, extras."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project["dependencies"]),
    ]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [
            f'Requires-Dist: {requirement} ; extra == "{extra}"' for requirement in requirements
        ]
    return "\n".join(lines) + "\n"


def render_entry_points(project: dict[str, Any]) -> str:
    """Return the file that declares the commands."""
    scripts = project.get("scripts", {}).items()
    return "[console_scripts]\n" + "".join(f"{name} = {target}\n" for name, target in scripts)


def record_hash(content: bytes) -> str:
    """Return a hash in the format of a wheel's RECORD."""
    value = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"sha256={value.decode()}"


def main(arguments: list[str]) -> int:
    """Write the wheel of this checkout into a folder; return the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parents[1]
    name, content = build_wheel(root, list_library_files(root))
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
