"""Make the environment, then run a command inside it: Python 3.11+, pip and git are all it needs.

    python run.py repro             run the pipeline (dvc repro)
    python run.py test              run the tests (pytest)
    python run.py COMMAND [ARG...]  run any command: dvc exp show, python -m foldline doctor, ...

Commands run in the project's folder. The environment lies in .venv; it is made with uv where uv is
on PATH and with pip otherwise, from pyproject.toml at the versions in constraints.txt. A stamp that
is written last tells a whole and current environment from any other. FOLDLINE_VENV=FOLDER takes the
environment of another copy of this project, as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PYPROJECT, CONSTRAINTS = "pyproject.toml", "constraints.txt"
STAMP, LOCK = "foldline-stamp", "foldline-lock"
OLDEST = (3, 11)
# Where Linux systems keep libraries, and the allocator that is looked for there.
LIBRARIES = (f"lib/{platform.machine()}-linux-gnu", "lib64", "local/lib")
ALLOCATORS = ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")


class Problem(Exception):
    """What stands in the way, and the next step: printed without a traceback."""


def main(arguments: list[str]) -> int:
    """Run the command that is named; return its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        check_python()
        if arguments[0] in ("repro", "dvc"):
            check_git()
        return start(environment(), arguments)
    except (Problem, OSError) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def check_python() -> None:
    """Refuse a Python that the packages do not support."""
    if sys.version_info[:2] < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise Problem(
            f"Python 3.11 or newer is needed; {sys.executable} is {found}.\n"
            "Next: run the same command with a newer one: python3.11 run.py ..."
        )


def check_git() -> None:
    """Say what to do where DVC would only say that there is no repository."""
    if shutil.which("git") is None:
        raise Problem("git is not on PATH, and DVC needs it. Next: https://git-scm.com/downloads")
    asked = ["git", "rev-parse", "--is-inside-work-tree"]
    english = dict(os.environ, LC_ALL="C")
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, env=english, check=False)
    said = answer.stderr.decode(errors="replace").strip()
    if answer.returncode and "not a git repository" in said:
        raise Problem(
            f"{ROOT} is not in a git repository, and DVC needs one.\n"
            'Next: git init && git add . && git commit -m "First commit"'
        )
    if answer.returncode:
        raise Problem(said)
    if subprocess.run(
        ["git", "symbolic-ref", "-q", "HEAD"], cwd=ROOT, stdout=subprocess.DEVNULL
    ).returncode:
        # A killed `dvc exp run` leaves it so, and what is committed then is easily lost.
        say("git HEAD is detached: commits belong to no branch. To mend it: git switch -")


def environment() -> Path:
    """Return a whole and current environment, made here where there is none."""
    wanted = stamp()
    shared = os.environ.get("FOLDLINE_VENV")
    if shared:
        return check_shared(Path(shared).resolve(), wanted)
    venv = ROOT / ".venv"
    if not ready(venv, wanted):
        with lock(venv):
            if not ready(venv, wanted):  # Another call may have made it while this one waited.
                build(venv, wanted)
    return venv


def stamp() -> dict[str, str]:
    """Return what an environment depends on: the two files, the Python and the place."""
    files = {name: read(name) for name in (PYPROJECT, CONSTRAINTS)}
    files["requirements"] = "\n".join(requirements())
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return {"python": "{}.{}".format(*sys.version_info), "root": str(ROOT), **hashes}


def requirements() -> list[str]:
    """Return the requirements of the project and of its dev group."""
    import tomllib  # Not at the top: older Pythons must get as far as check_python.

    try:
        table = tomllib.loads(read(PYPROJECT))
        return [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        what = f"{PYPROJECT} cannot be read: {error!r}."
        raise Problem(f"{what}\nNext: mend it, or git checkout {PYPROJECT}") from None


def read(name: str) -> str:
    """Return a file's text, with the same line ends on every system."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Problem(f"{name} is missing from {ROOT}. Next: git checkout {name}") from None


def recorded(venv: Path) -> dict[str, str]:
    """Return the environment's stamp; empty where there is no readable one."""
    try:
        found = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def ready(venv: Path, wanted: dict[str, str]) -> bool:
    """Tell whether the environment is whole and current, its base Python still there included."""
    return recorded(venv) == wanted and interpreter(venv).exists()


def check_shared(venv: Path, wanted: dict[str, str]) -> Path:
    """Return the environment that FOLDLINE_VENV names, if it holds just what this project needs."""
    found = recorded(venv)
    keys = ("python", "requirements", CONSTRAINTS)  # The others differ from project to project.
    wrong = [key for key in keys if found.get(key) != wanted[key]]
    if found and interpreter(venv).exists() and not wrong:
        return venv
    what = f"was made for other {' and '.join(wrong)}" if found else "was not made, or not wholly"
    raise Problem(
        f"FOLDLINE_VENV={venv} {what}.\n"
        "Next: `python run.py test` in the project it belongs to, or unset FOLDLINE_VENV."
    )


@contextlib.contextmanager
def lock(venv: Path) -> Iterator[None]:
    """Hold the environment's lock, which the system frees however its holder ends."""
    venv.mkdir(exist_ok=True)
    names = {path.name for path in venv.iterdir()}
    if names and not names & {LOCK, "pyvenv.cfg"}:
        raise Problem(f"{venv} holds no environment. Next: move it away and run this again.")
    with (venv / LOCK).open("a+b") as file:
        if not locked(file.fileno()):
            say("waiting for another call that is making the environment")
            while not locked(file.fileno()):
                time.sleep(0.2)
        # An installer that outlives a killed call keeps the lock until it ends, too.
        os.set_inheritable(file.fileno(), True)
        yield


def locked(file: int) -> bool:
    """Try to lock the open file; tell whether that worked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def build(venv: Path, wanted: dict[str, str]) -> None:
    """Install what is wanted: over an environment that was whole, or from nothing."""
    found = recorded(venv)
    (venv / STAMP).unlink(missing_ok=True)  # From here to the end, no call trusts it.
    kept = all(found.get(key) == wanted[key] for key in ("python", "root"))
    if not (kept and interpreter(venv).exists()):
        say(f"making {venv}")
        empty(venv)
        install(base_python(), "-m", "venv", "--without-pip", str(venv))
    uv = shutil.which("uv")
    say(f"installing into {venv} with {'uv' if uv else 'pip'}: minutes the first time")
    install(*installer(venv, uv), "-c", str(ROOT / CONSTRAINTS), *requirements())
    unfinished = venv / f"{STAMP}.new"
    unfinished.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    unfinished.replace(venv / STAMP)


def empty(venv: Path) -> None:
    """Remove all that is in the folder but its lock."""
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def installer(venv: Path, uv: str | None) -> list[str]:
    """Return the start of the command that installs: uv, the environment's pip or this Python's."""
    python = str(interpreter(venv))
    if uv:
        return [uv, "pip", "install", "--python", python]
    if importlib.util.find_spec("ensurepip"):
        install(python, "-m", "ensurepip", "--upgrade", "--default-pip")
        return [python, "-m", "pip", "install"]
    # Debian splits ensurepip off; its pip can install elsewhere.
    return [base_python(), "-m", "pip", "--python", python, "install"]


def base_python() -> str:
    """Return this Python, or the one beneath it where this one lies in an environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


def install(*command: str) -> None:
    """Run one step, its output on stderr so that stdout is the command's own; it dies with us."""
    death = die_with_parent if sys.platform == "linux" else None
    code = subprocess.run(
        command, cwd=ROOT, stdout=2, close_fds=False, preexec_fn=death, check=False
    ).returncode
    if code:
        raise Problem(
            f"{Path(command[0]).name} ended with code {code}; its last lines are above.\n"
            "Next: remove the cause and run the same command: it starts afresh."
        )


def die_with_parent() -> None:
    """Ask Linux to kill this process once its parent has ended."""
    import ctypes

    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def interpreter(venv: Path) -> Path:
    """Return the environment's Python, whether or not it is there."""
    return folder(venv) / ("python.exe" if folder(venv).name == "Scripts" else "python")


def folder(venv: Path) -> Path:
    """Return the folder of the environment's programs: Scripts on Windows, bin elsewhere."""
    return venv / "Scripts" if (venv / "Scripts").is_dir() else venv / "bin"


def start(venv: Path, arguments: list[str]) -> int:
    """Run the command inside the environment; where the system can, become it."""
    variables = dict(os.environ, VIRTUAL_ENV=str(venv), PYTHONUTF8="1", DVC_NO_ANALYTICS="1")
    variables.pop("PYTHONHOME", None)
    # Threads that wait for work would otherwise spin, which slows down runs side by side.
    variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux" and (library := allocator()):
        # Trainings on a CPU ask for hundreds of large blocks a step: a tenth of their time.
        variables.setdefault("LD_PRELOAD", library)
    variables["PATH"] = os.pathsep.join([str(folder(venv)), os.environ.get("PATH", os.defpath)])
    name, *rest = arguments
    module = {"repro": ["dvc", "repro"], "test": ["pytest"]}.get(name)
    command = ["python", "-m", *module, *rest] if module else arguments
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise Problem(f"{name} is neither in {folder(venv)} nor on PATH. Next: python run.py -h")
    if sys.platform == "win32":
        return subprocess.call([program, *command[1:]], cwd=ROOT, env=variables)
    os.chdir(ROOT)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it; commands must not.
    os.execve(program, [program, *command[1:]], variables)


def allocator(system: Path = Path("/usr")) -> str | None:
    """Return the system's tcmalloc, None where it has none."""
    found = (system / place / name for place in LIBRARIES for name in ALLOCATORS)
    return next((str(path) for path in found if path.exists()), None)


def say(what: str) -> None:
    """Tell on stderr what takes time."""
    print(f"run.py: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
