"""Run a stage: load its params, prepare the process, report errors."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

from foldline.core.console import print_error, replace_unprintable, say
from foldline.core.errors import FoldlineError
from foldline.core.experiment_copies import hold_copy
from foldline.core.io.threads import configure_threads
from foldline.core.params import Section
from foldline.core.params.loading import load_params
from foldline.core.pinned_library import check_library
from foldline.core.recorded_hashes import check_inputs

__all__ = ["die_with_parent", "prepare_process", "run", "say"]

P = TypeVar("P", bound=Section)
SHELLS = {"sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "tcsh", "zsh"}


def run(main: Callable[[P], None], params: type[P]) -> None:
    """Run a stage's `main` with the params that it declares.

    A FoldlineError ends with one message and exit code 1, any other error with its traceback.
    """
    prepare_process()
    try:
        check_library(Path.cwd())
        if stage := os.environ.get("DVC_STAGE"):
            check_inputs(stage)
        main(load_params(params))
    except FoldlineError as error:
        sys.stdout.flush()
        print_error(error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on", file=sys.stderr)
        raise SystemExit(130) from None


def prepare_process() -> None:
    """Make the process die with its parent, exit cleanly on SIGTERM, and print on any console.

    Otherwise a killed `dvc repro` leaves its stage running, which writes into the next run.
    """
    configure_threads()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    replace_unprintable()
    signal.signal(signal.SIGTERM, _terminate)
    hold_copy()
    if sys.platform == "linux":
        die_with_parent()


def die_with_parent() -> None:
    """Kill this process when its parent ends for any reason (Linux).

    DVC starts a stage through the user's shell. Some shells exec the stage; others, like dash, stay
    its parent and outlive a killed DVC, so DVC itself is watched.
    """
    import ctypes

    parent = os.getppid()
    starter = _parent_of(parent)
    in_shell = _process_name(parent) in SHELLS
    if in_shell and "DVC_STAGE" not in os.environ:
        return  # started by hand: `nohup` and `disown` must keep their meaning
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # the parent died before the call
        os.kill(os.getpid(), signal.SIGKILL)
    if in_shell:
        threading.Thread(target=_die_when_orphaned, args=(parent, starter), daemon=True).start()


def _die_when_orphaned(shell: int, starter: int) -> None:
    """Kill this process once the shell that started it has lost its own parent."""
    while _parent_of(shell) == starter:
        time.sleep(0.25)
    os.kill(os.getpid(), signal.SIGKILL)


def _process_name(process: int) -> str:
    """Return the name of a process; empty if it has ended."""
    return _read_proc(process, "comm").strip()


def _parent_of(process: int) -> int:
    """Return the parent of a process; 0 if the process has ended."""
    fields = _read_proc(process, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _read_proc(process: int, file: str) -> str:
    try:
        return Path(f"/proc/{process}/{file}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
