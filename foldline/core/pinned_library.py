"""The library that a project pins: a wheel in wheels/, or the source in ./foldline.

Without this check an experiment can record one version of the code and run another: the environment
may hold a former wheel, or `pip install -e` may point to another folder.
"""

import base64
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from foldline.core.errors import FoldlineError

WHEELS = "wheels/foldline-*.whl"
PACKAGE = Path(__file__).resolve().parents[1]


def check_library(root: Path) -> None:
    """Check that the imported library is the one that the project in `root` pins.

    Raises:
        FoldlineError: naming both, and the command that repairs it.
    """
    if (root / "foldline" / "__init__.py").exists():
        if (root / "foldline").resolve() != PACKAGE:
            raise FoldlineError(
                f"this project has its own library, {root / 'foldline'}, but {PACKAGE} was "
                "imported. Next: run stages as `python -m stages.NAME` from the project's root, "
                "with PYTHONSAFEPATH unset"
            )
        check_pipeline(root / "dvc.yaml")
        return
    wheels = sorted(root.glob(WHEELS))
    if len(wheels) > 1:
        names = ", ".join(wheel.name for wheel in wheels)
        raise FoldlineError(f"wheels/ holds {names}. Next: delete all but the one to use")
    if wheels:
        check_wheel(wheels[0])
    elif "DVC_STAGE" in os.environ:
        raise FoldlineError(
            f"{root} pins no library: there is neither {WHEELS} nor foldline/, so nothing would "
            f"record that {PACKAGE} was used. Next: restore wheels/ with `git checkout wheels`"
        )


def check_pipeline(pipeline: Path) -> None:
    """Check that no stage depends on a wheel where the source in ./foldline runs instead.

    Raises:
        FoldlineError: if one does, as after an `eject` that was killed: changes of the source
            would then re-run nothing.
    """
    lines = pipeline.read_text(encoding="utf-8").splitlines() if pipeline.exists() else []
    if any("wheels/foldline-" in line.partition("#")[0] for line in lines):
        raise FoldlineError(
            f"this project has its own library, but stages of {pipeline.name} depend on the wheel, "
            "so changes of ./foldline would re-run nothing. Next: `foldline eject` completes "
            f"{pipeline.name}; or remove ./foldline to use the wheel"
        )


def check_wheel(wheel: Path) -> None:
    """Check that the imported library was installed from this wheel and not changed since.

    Raises:
        FoldlineError: naming the wheel, the library and the command that repairs it.
    """
    pinned, installed = sha256(wheel), installed_sha256()
    difference = None
    if installed and installed != pinned:
        difference = f"that library was installed from another wheel, sha256 {installed[:12]}"
    elif changed := changed_files(wheel):
        difference = f"{changed[0]} there differs from the wheel's"
    if difference:
        raise FoldlineError(
            f"this project pins {wheel.parent.name}/{wheel.name} (sha256 {pinned[:12]}), but the "
            f"library in {PACKAGE} was imported: {difference}. Next: in the "
            "project's folder, with that wheel in wheels/, `python run.py dvc status` installs it; "
            "then run the same command again. If this message comes back, delete .venv first"
        )


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def installed_sha256() -> str | None:
    """Return the hash of the installed wheel (PEP 610); None if it is not recorded.

    pip records it under `archive_info`; uv keeps the one in the URL of the requirement.
    """
    try:
        text = metadata.distribution("foldline").read_text("direct_url.json")
        source = json.loads(text or "{}")
        fragment = source.get("url", "").rpartition("#sha256=")[2]
        archive_hash: str | None = source.get("archive_info", {}).get("hashes", {}).get("sha256")
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return archive_hash or (fragment if len(fragment) == 64 else None)


def changed_files(wheel: Path) -> list[str]:
    """Return the modules of the imported library that differ from those in the wheel."""
    pinned = dict(recorded_hashes(wheel))
    paths = (path for path in PACKAGE.rglob("*.py") if path.stem.isidentifier())
    present = {path.relative_to(PACKAGE.parent).as_posix(): path for path in paths}
    return sorted(
        name
        for name in pinned.keys() | present.keys()
        if not (name in pinned and name in present and record_hash(present[name]) == pinned[name])
    )


def recorded_hashes(wheel: Path) -> Iterator[tuple[str, str]]:
    """Yield name and hash of the modules in a wheel, from its RECORD."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
            lines = archive.read(record).decode().splitlines()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise FoldlineError(
            f"{wheel} is not a complete wheel ({error}). Next: `git checkout {wheel.parent.name}`"
        ) from error
    for line in lines:
        name, value, _ = line.rsplit(",", 2)
        if name.endswith(".py"):
            yield name, value


def record_hash(path: Path) -> str:
    """Return a file's hash in the format of RECORD."""
    value = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=")
    return f"sha256={value.decode()}"
