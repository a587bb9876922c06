"""The connection to a Ray cluster: found or refused within a minute; the code goes along."""

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.threads import count_cores
from foldline.core.progress import HIDE
from foldline.execution.gpu_slots import list_gpus

CONNECT_SECONDS = 15.0
START_CLUSTER = (
    "Start one with `ray start --head`, name its address in runner.address, or set runner.address "
    "to local"
)
# Of all workers; torch reads the first when it is imported.
VARIABLES = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", HIDE: "1"}
TOKEN = Path.home() / ".ray" / "auth_token"
LIBRARY = Path(__file__).resolve().parents[1]  # as it was imported here
CODE = ("components", "constraints.txt")


def connect(address: str) -> Any:
    """Return the module `ray`, connected to a cluster whose nodes have this project's code.

    The connection stays until the process ends; a cluster that it started ends then, too.

    Raises:
        FoldlineError: if Ray is not installed, or no cluster answers.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")
    if TOKEN.exists() and "ray" not in sys.modules:  # `ray start` asks for it by default then
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise FoldlineError(
            "runner.kind: ray needs the package ray (the extra `ray` of pyproject.toml). "
            "Install it, or set runner.kind to local"
        ) from error
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"address": address}
    if address == "local":
        options |= {"num_cpus": count_cores(), "num_gpus": len(list_gpus())}
        options["include_dashboard"] = False
    else:
        check_reachable(find_address(address))
    with tempfile.TemporaryDirectory() as folder:
        stage_code(Path(folder))
        environment = {"working_dir": folder, "env_vars": VARIABLES}
        try:
            ray.init(**options, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            raise FoldlineError(
                f"runner.address: {address}: no Ray cluster could be used "
                f"({' '.join(str(error).split())[:300]}). {START_CLUSTER}"
            ) from error
    return ray


def find_address(address: str) -> str:
    """Return HOST:PORT of a cluster; `auto` is that of RAY_ADDRESS, else that of this machine.

    Raises:
        FoldlineError: if there is none.
    """
    if address == "auto":
        current = Path(tempfile.gettempdir(), "ray", "ray_current_cluster")
        file = current.read_text(encoding="utf-8").strip() if current.exists() else ""
        address = os.environ.get("RAY_ADDRESS") or file
    if not address:
        raise FoldlineError(
            "runner.address: auto: no Ray cluster runs on this machine and RAY_ADDRESS is not set. "
            f"{START_CLUSTER}"
        )
    return address.removeprefix("ray://").split("/")[0]


def check_reachable(address: str) -> None:
    """Check that something listens at HOST:PORT; Ray itself would wait for minutes.

    Raises:
        FoldlineError: with the system's reason.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except ValueError:
        raise FoldlineError(
            f"runner.address: {address} is no address; allowed are auto, local, HOST:PORT and "
            "ray://HOST:PORT"
        ) from None
    except OSError as error:
        raise FoldlineError(
            f"runner.address: no Ray cluster answers at {address} ({error}). {START_CLUSTER}"
        ) from error


def stage_code(folder: Path) -> None:
    """Copy what every node needs: the library, components, versions."""
    ignored = shutil.ignore_patterns("__pycache__")
    for source in (LIBRARY, *map(Path, CODE)):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, folder / source.name)
