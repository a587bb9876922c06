"""A record of the environment of a run: code, packages, machine."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from foldline.core.io.files import digest

PACKAGES = (
    "accelerate",
    "datasets",
    "dvc",
    "imbalanced-learn",
    "kiwipiepy",
    "nlpaug",
    "numpy",
    "pandas",
    "peft",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)


def environment_record(threads: int) -> dict[str, Any]:
    """Return the commit, package versions and machine of this run."""
    lock = Path("constraints.txt")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": (_git("status", "--porcelain", "--untracked-files=no") or "").splitlines(),
        "experiment": os.environ.get("DVC_EXP_NAME"),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "constraints": digest(lock)[:16] if lock.exists() else None,
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "preloaded": os.environ.get("LD_PRELOAD"),
        "accelerator": _accelerator(),
    }


def package_version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def install_command(*packages: str) -> str:
    """Return the command that installs packages here, at the project's versions.

    An environment that uv made has no pip, and where none is activated `pip` is another one's.
    """
    python = shlex.quote(sys.executable)
    installer = f"{python} -m pip install"
    if not find_spec("pip"):
        base = shlex.quote(getattr(sys, "_base_executable", None) or sys.executable)
        uv = f"uv pip install --python {python}"
        installer = uv if shutil.which("uv") else f"{base} -m pip --python {python} install"
    return f"{installer} -c constraints.txt {' '.join(packages)}"


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.rstrip()  # a status begins with a space


def processor_name() -> str:
    """Return the name of the processor; `platform` knows it only on Windows and macOS."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _accelerator() -> str | None:
    torch = sys.modules.get("torch")  # importing torch here would take seconds
    if torch is None or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name(0))
