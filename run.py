"""Make the environment, then run a command inside it: Python 3.11+, pip and git are all it needs.

    python run.py repro             run the pipeline (dvc repro)
    python run.py test              run the tests (pytest)
    python run.py COMMAND [ARG...]  run any command: dvc exp show, foldline view, python, ...
    python run.py -v COMMAND ...    show the installer's output, too

Commands run in the project's folder. The environment is .venv, made with uv where uv is on PATH and
with pip otherwise, from pyproject.toml at the versions in constraints.txt; a project that requires
foldline gets it from the wheel in wheels/. A stamp that is written last marks the environment as
complete and current. A .venv that is a link, or FOLDLINE_VENV=FOLDER, takes the environment of
another copy of this project as it is: nothing is ever changed there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PYPROJECT, CONSTRAINTS, WHEELS = "pyproject.toml", "constraints.txt", "wheels"
STAMP, LOCK, LOG = "foldline-stamp", "foldline-lock", "install.log"
OLDEST = (3, 11)
BLOCKED = 3  # exit code of `foldline doctor --quick` where git is locked
REPEAT = "remove the cause and run the same command: it starts afresh."
TAIL = 40  # lines of the installer's output that a failure prints
# A requirement that the wheel replaces: group 1 holds the extras, group 2 the marker.
FOLDLINE = re.compile(r"\s*foldline\s*(\[[^]]*\])?\s*(?:[(<>=!~][^;@]*)?(;.*)?", re.IGNORECASE)
# Where Linux systems keep libraries, and the allocator that is looked for there.
LIBRARIES = (f"lib/{platform.machine()}-linux-gnu", "lib64", "local/lib")
ALLOCATORS = ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")


class SetupError(Exception):
    """A problem that the user can solve: printed without a traceback."""


# --- Command line ---------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Run the command in `arguments`; return its exit code."""
    verbose = arguments[:1] in (["-v"], ["--verbose"])
    command = arguments[1:] if verbose else arguments
    if not command or command[0] in ("-h", "--help"):
        print(__doc__, end="", file=sys.stdout if command else sys.stderr)
        return 0 if command else 2
    try:
        check_python()
        if command[0] in ("repro", "dvc"):
            check_folder(command)
            check_git()
        venv = prepare_environment(verbose)
        if command[0] in ("repro", "dvc"):
            check_leftovers(venv, command)
        return run_command(venv, command)
    except (SetupError, OSError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def check_python() -> None:
    """Refuse a Python that the packages do not support."""
    if sys.version_info[:2] < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Python 3.11 or newer is needed; {sys.executable} is {version}.\n"
            "Next: run the same command with a newer one: python3.11 run.py ..."
        )


def check_folder(command: list[str]) -> None:
    """Raise where DVC cannot work in a folder of this name."""
    if found := sorted(set("{}") & set(str(ROOT))):
        raise SetupError(
            f"DVC does not work in a folder whose path has {' or '.join(found)}: {ROOT}.\n"
            "Next: rename or move the folder"
        )
    if {"--temp", "--queue"} & set(command) and (
        not str(ROOT).isascii() or set("#?") & set(str(ROOT))
    ):
        raise SetupError(
            f"`dvc exp run --temp` works only in a folder whose path is ASCII, without # and ?: "
            f"{ROOT}.\nNext: run it without --temp, or move the folder"
        )


def check_git() -> None:
    """Raise unless the project is in a git repository."""
    if shutil.which("git") is None:
        raise SetupError(
            "git is not on PATH, and DVC needs it. Next: https://git-scm.com/downloads"
        )
    command = ["git", "rev-parse", "--is-inside-work-tree"]
    english = dict(os.environ, LC_ALL="C")
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, env=english, check=False)
    message = answer.stderr.decode(errors="replace").strip()
    if answer.returncode and "not a git repository" in message:
        raise SetupError(
            f"{ROOT} is not in a git repository, and DVC needs one.\n"
            'Next: git init && git add . && git commit -m "First commit"'
        )
    if answer.returncode:
        raise SetupError(message)


def check_leftovers(venv: Path, command: list[str]) -> None:
    """Report what a killed `dvc exp run` has left; raise where the next one would lose edits."""
    doctor = [str(python_path(venv)), "-m", "foldline", "doctor", "--quick"]
    done = subprocess.run(doctor, cwd=ROOT, capture_output=True, check=False)
    if done.returncode not in (0, BLOCKED):
        return  # the command itself will say what is wrong
    for line in done.stdout.decode(errors="replace").splitlines():
        report(line)
    words = [word for word in command if not word.startswith("-")]
    if done.returncode == BLOCKED and words[1:3] in (["exp", "run"], ["exp", "apply"]):
        raise SetupError("dvc was not started.")


def report(message: str) -> None:
    """Print a message on stderr: stdout is the command's own."""
    print(f"run.py: {message}", file=sys.stderr, flush=True)


# --- What the environment depends on --------------------------------------------------------------


def read_file(name: str) -> str:
    """Return the text of a file in the project, with the same line ends on every system."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(f"{name} is missing from {ROOT}. Next: git checkout {name}") from None


def read_requirements() -> list[str]:
    """Return the requirements of the project and of its dev group, as pyproject.toml has them."""
    import tomllib  # Not at the top: older Pythons must get as far as check_python.

    try:
        table = tomllib.loads(read_file(PYPROJECT))
        return [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        what = f"{PYPROJECT} cannot be read: {error!r}."
        raise SetupError(f"{what}\nNext: correct it, or git checkout {PYPROJECT}") from None


def find_wheel(requirements: list[str]) -> Path | None:
    """Return the wheel that foldline is installed from, None if the project does not require it.

    Raises SetupError where wheels/ holds none or several. An index is no substitute: stages check
    that they import the library that the project pins.
    """
    if not any(map(FOLDLINE.fullmatch, requirements)):
        return None
    wheels = sorted((ROOT / WHEELS).glob("foldline-*.whl"), key=parse_version)
    if not wheels:
        raise SetupError(
            f"{PYPROJECT} requires foldline, but {ROOT / WHEELS} holds no foldline-*.whl.\n"
            f"Next: git checkout -- {WHEELS}"
        )
    if len(wheels) > 1:
        names = [f"{WHEELS}/{wheel.name}" for wheel in wheels]
        raise SetupError(
            f"{WHEELS}/ must hold exactly one foldline wheel, but holds {', '.join(names)}.\n"
            f"Next: keep the newest, delete {', '.join(names[:-1])}"
        )
    return wheels[0]


def parse_version(wheel: Path) -> tuple[list[int], bool, str]:
    """Return a sort key from a wheel's file name: 1.2rc1 < 1.2 < 1.10."""
    version = wheel.name.split("-")[1]
    release = re.findall(r"[\d.]*", version)[0]
    return [int(number) for number in re.findall(r"\d+", release)], release == version, version


def pin_requirement(requirement: str, wheel: Path) -> str:
    """Return the requirement, with the wheel's URI where it is foldline.

    The hash is checked by both installers. pip records it in direct_url.json as
    `archive_info.hashes.sha256`, uv as the fragment of `url`.
    """
    match = FOLDLINE.fullmatch(requirement)
    if match is None:
        return requirement
    extras, marker = match.groups(default="")
    uri = f"{wheel.as_uri()}#sha256={hash_bytes(wheel.read_bytes())}"
    return f"foldline{extras} @ {uri} {marker}".rstrip()


def hash_bytes(content: bytes) -> str:
    """Return the sha256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def make_stamp() -> dict[str, str]:
    """Return what the environment depends on: the files, the Python and the place."""
    requirements = read_requirements()
    texts = {name: read_file(name) for name in (PYPROJECT, CONSTRAINTS)}
    texts["requirements"] = "\n".join(requirements)
    hashes = {name: hash_bytes(text.encode()) for name, text in texts.items()}
    if wheel := find_wheel(requirements):
        hashes["wheel"] = hash_bytes(wheel.read_bytes())
    return {"python": "{}.{}".format(*sys.version_info), "root": str(ROOT), **hashes}


# --- Checking the environment ---------------------------------------------------------------------


def prepare_environment(verbose: bool = False) -> Path:
    """Return a complete and current environment; make or update .venv if necessary."""
    stamp = make_stamp()
    shared, venv = os.environ.get("FOLDLINE_VENV"), ROOT / ".venv"
    if shared:
        return check_shared(Path(shared).resolve(), stamp)
    if is_link(venv):
        return check_link(venv, stamp)
    if not is_ready(venv, stamp):
        with lock(venv):
            if not is_ready(venv, stamp):  # Another call may have made it while this one waited.
                build(venv, stamp, verbose)
    return venv


def read_stamp(venv: Path) -> dict[str, str]:
    """Return the environment's stamp; empty where there is no readable one."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_ready(venv: Path, stamp: dict[str, str]) -> bool:
    """Return whether the environment is complete and current, its launcher included."""
    return is_installed(venv, stamp) and has_launcher(venv)


def is_installed(venv: Path, stamp: dict[str, str]) -> bool:
    """Return whether the environment has the right packages and a Python that still exists."""
    return read_stamp(venv) == stamp and python_path(venv).exists()


def is_link(venv: Path) -> bool:
    """Return whether the path is a link or a Windows junction, even to a missing target."""
    target = os.path.realpath(venv)
    return venv.is_symlink() or os.path.normcase(target) != os.path.normcase(venv)


def check_link(link: Path, stamp: dict[str, str]) -> Path:
    """Return the environment that .venv links to, if it is one for this project."""
    venv = Path(os.path.realpath(link))
    mismatch = find_mismatch(venv, stamp)
    if mismatch is None:
        return venv
    windows = sys.platform == "win32"
    command = f'rmdir "{link}"' if windows else f"rm {shlex.quote(str(link))}"
    raise SetupError(
        f"{link} is a link to {venv}, which {mismatch}.\n"
        "run.py never changes what a link points to.\n"
        f"Next: remove the link ({command}) and run the same command: it makes an environment here."
    )


def check_shared(venv: Path, stamp: dict[str, str]) -> Path:
    """Return the environment that FOLDLINE_VENV names, if it is one for this project."""
    mismatch = find_mismatch(venv, stamp)
    if mismatch is None:
        return venv
    raise SetupError(
        f"FOLDLINE_VENV={venv} {mismatch}.\n"
        "Next: unset FOLDLINE_VENV, and run.py uses .venv; or name an environment that run.py made "
        f"from the same {PYPROJECT} and {CONSTRAINTS}."
    )


def find_mismatch(venv: Path, stamp: dict[str, str]) -> str | None:
    """Return why the environment of another project does not serve this one, None if it does."""
    other = read_stamp(venv)
    if not other or not python_path(venv).exists():
        return "is not a complete environment made by run.py"
    # Name and place differ from project to project.
    keys = ("python", "requirements", CONSTRAINTS, "wheel")
    different = [key for key in keys if other.get(key) != stamp.get(key)]
    return f"does not match this project's {' and '.join(different)}" if different else None


@contextlib.contextmanager
def lock(venv: Path) -> Iterator[None]:
    """Hold the environment's lock, which the system frees however its holder ends."""
    venv.mkdir(exist_ok=True)
    names = {path.name for path in venv.iterdir()}
    if names and not names & {LOCK, "pyvenv.cfg"}:
        raise SetupError(f"{venv} is not an environment. Next: move it away and run this again.")
    with (venv / LOCK).open("a+b") as file:
        if not try_lock(file.fileno()):
            report("waiting for another call that is making the environment")
            while not try_lock(file.fileno()):
                time.sleep(0.2)
        # An installer that outlives a killed call keeps the lock until it ends, too.
        os.set_inheritable(file.fileno(), True)
        yield


def try_lock(file: int) -> bool:
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


# --- Making the environment -----------------------------------------------------------------------


def build(venv: Path, stamp: dict[str, str], verbose: bool) -> None:
    """Install the packages, over a complete environment or from nothing, and the launcher."""
    if not is_installed(venv, stamp):
        old = read_stamp(venv)
        (venv / STAMP).unlink(missing_ok=True)  # From here to the end, no call trusts it.
        same = all(old.get(key) == stamp[key] for key in ("python", "root"))
        install_packages(venv, same and python_path(venv).exists(), verbose)
    write_launcher(venv)
    replace_file(venv / STAMP, json.dumps(stamp, indent=1).encode())


def install_packages(venv: Path, update: bool, verbose: bool) -> None:
    """Install the requirements, over what is there or into a new environment."""
    if not update:
        clear_folder(venv)
    uv = shutil.which("uv")
    progress = Progress("uv" if uv else "pip", venv / LOG, verbose)
    if not update:
        install(progress, base_python(), "-m", "venv", "--without-pip", str(venv))
    command = installer_command(progress, venv, uv)
    requirements = read_requirements()
    if wheel := find_wheel(requirements):
        requirements = [pin_requirement(line, wheel) for line in requirements]
        # A new wheel may have the version of the old one, which both installers would keep.
        if uv:
            command += ["--reinstall-package", "foldline"]
        else:
            pinned = pin_requirement("foldline", wheel)
            install(progress, *command, "--force-reinstall", "--no-deps", pinned)
    install(progress, *command, "-c", str(ROOT / CONSTRAINTS), *requirements)
    progress.finish()
    if not update:
        report(f"to type dvc and foldline without run.py: {activation(venv)}")


def activation(venv: Path) -> str:
    """Return the command that activates the environment in this system's usual shell."""
    windows = scripts_folder(venv).name == "Scripts"
    return r".venv\Scripts\activate" if windows else "source .venv/bin/activate"


def clear_folder(venv: Path) -> None:
    """Remove everything from the folder but its lock."""
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write the file in one step, so that no kill leaves half of it."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_bytes(content)
    unfinished.chmod(mode)
    unfinished.replace(path)


def installer_command(progress: Progress, venv: Path, uv: str | None) -> list[str]:
    """Return the start of the command that installs: uv, the environment's pip or this Python's."""
    python = str(python_path(venv))
    if uv:
        return [uv, "pip", "install", "--python", python]
    if importlib.util.find_spec("ensurepip"):
        install(progress, python, "-m", "ensurepip", "--upgrade", "--default-pip")
        return [python, "-m", "pip", "install"]
    # Debian splits ensurepip off; its pip can install elsewhere.
    return [base_python(), "-m", "pip", "--python", python, "install"]


def base_python() -> str:
    """Return this Python, or the one beneath it where this one belongs to an environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


class Progress:
    """One line on stderr: updated in place on a terminal, else printed at the start and the end."""

    def __init__(self, tool: str, log: Path, verbose: bool) -> None:
        self.tool, self.log, self.verbose = tool, log, verbose
        self.in_place = sys.stderr.isatty() and not verbose
        self.start = time.monotonic()
        log.write_bytes(b"")
        if not self.in_place:
            report(f"installing into .venv with {tool}")

    def summary(self) -> str:
        """Return the tool, the time and the number of packages so far."""
        minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
        duration = f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"
        packages = count_packages(self.log.read_text(encoding="utf-8", errors="replace"))
        counted = f", {packages} package{'s' * (packages != 1)}" if packages else ""
        return f"{self.tool}: {duration}{counted}"

    def update(self) -> None:
        """Show the time and the packages so far, on a terminal."""
        if self.in_place:
            self.overwrite_line(f"run.py: installing into .venv with {self.summary()}")

    def finish(self) -> None:
        """Show how long it took."""
        message = f"installed into .venv with {self.summary()}"
        if self.in_place:
            self.overwrite_line(f"run.py: {message}")
            self.end_line()
        else:
            report(message)

    def overwrite_line(self, line: str) -> None:
        """Replace the line on the terminal, cut where it would wrap."""
        width = min(72, shutil.get_terminal_size().columns - 1)
        print(f"\r{line[:width]:<{width}}", end="", file=sys.stderr, flush=True)

    def end_line(self) -> None:
        """Leave the line that is updated in place."""
        if self.in_place:
            print(file=sys.stderr, flush=True)


def count_packages(log: str) -> int:
    """Return the number of packages that uv resolved, or that pip has looked at so far."""
    resolved = re.findall(r"^Resolved (\d+) package", log, re.MULTILINE)
    if resolved:
        return int(resolved[-1])
    pattern = r"^(?:Collecting|Processing|Requirement already satisfied:) ([^\s<>=!~;(\[]+)"
    return len(set(re.findall(pattern, log, re.MULTILINE)))


def install(progress: Progress, *command: str) -> None:
    """Run one step, its output in the log or, if verbose, on stderr; it dies with this process."""
    settings = dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1")
    if not progress.verbose:
        settings["PIP_NO_INPUT"] = "1"  # Nobody would see the question.
    with progress.log.open("a", encoding="utf-8") as log:
        print("$", shlex.join(command), file=log, flush=True)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=settings,
            stdin=None if progress.verbose else subprocess.DEVNULL,
            stdout=2 if progress.verbose else log,
            stderr=subprocess.STDOUT,
            close_fds=False,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        try:
            code = wait(process, progress)
        except BaseException:
            process.kill()
            process.wait()
            progress.end_line()
            raise
    if code:
        progress.end_line()
        words = command[1:3] if command[1] == "-m" else ()
        name = " ".join([Path(command[0]).name, *words])
        raise SetupError(describe_failure(f"{name} ended with code {code}", progress))


def wait(process: subprocess.Popen[bytes], progress: Progress) -> int:
    """Wait for the process and show the progress meanwhile; return the exit code."""
    while True:
        progress.update()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.5)


def describe_failure(failure: str, progress: Progress) -> str:
    """Print the last lines of the log; return the message."""
    if progress.verbose:
        return f"{failure}; its output is above.\nNext: {REPEAT}"
    lines = progress.log.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(lines[-TAIL:]), file=sys.stderr)
    return f"{failure}; its last lines are above, all of them in {progress.log}.\nNext: {REPEAT}"


def die_with_parent() -> None:
    """Ask Linux to kill this process once its parent has ended."""
    import ctypes

    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def python_path(venv: Path) -> Path:
    """Return the environment's Python, whether or not it exists."""
    scripts = scripts_folder(venv)
    return scripts / ("python.exe" if scripts.name == "Scripts" else "python")


def scripts_folder(venv: Path) -> Path:
    """Return the folder of the environment's programs: Scripts on Windows, bin elsewhere."""
    return venv / "Scripts" if (venv / "Scripts").is_dir() else venv / "bin"


# --- The command `foldline` -----------------------------------------------------------------------


def make_launcher(venv: Path) -> tuple[Path, bytes]:
    """Return path and content of the program that runs the library beside run.py."""
    if scripts_folder(venv).name == "Scripts":
        return scripts_folder(venv) / "foldline.cmd", b'@"%~dp0python.exe" -m foldline %*\r\n'
    text = f'#!/bin/sh\nexec {shlex.quote(str(python_path(venv)))} -m foldline "$@"\n'
    return scripts_folder(venv) / "foldline", os.fsencode(text)


def has_source() -> bool:
    """Return whether the library lies beside run.py: in its checkout, or after `foldline eject`."""
    return (ROOT / "foldline" / "__init__.py").is_file()


def has_launcher(venv: Path) -> bool:
    """Return whether the launcher is there, if this project needs one."""
    if not has_source():
        return True
    path, content = make_launcher(venv)
    return path.is_file() and path.read_bytes() == content and os.access(path, os.X_OK)


def write_launcher(venv: Path) -> None:
    """Write the launcher, if this project needs one: its library is not installed as a package.

    It replaces the program of an installed wheel, which would not import the source.
    """
    if has_launcher(venv):
        return
    path, content = make_launcher(venv)
    path.with_suffix(".exe").unlink(missing_ok=True)  # Windows would prefer it to the .cmd.
    replace_file(path, content, 0o755)


# --- Running the command --------------------------------------------------------------------------


def run_command(venv: Path, arguments: list[str]) -> int:
    """Run the command inside the environment; where the system can, become it."""
    variables = dict(os.environ, VIRTUAL_ENV=str(venv), PYTHONUTF8="1", DVC_NO_ANALYTICS="1")
    variables.pop("PYTHONHOME", None)
    variables.pop("FOLDLINE_LAUNCHER", None)
    if os.environ.get("VIRTUAL_ENV") != str(venv):
        variables["FOLDLINE_LAUNCHER"] = "python run.py"  # messages name it: see print_error
    # Threads that wait for work would otherwise spin, which slows down runs side by side.
    variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux" and (library := find_allocator()):
        # Trainings on a CPU ask for hundreds of large blocks a step: a tenth of their time.
        variables.setdefault("LD_PRELOAD", library)
    scripts = scripts_folder(venv)
    variables["PATH"] = os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])
    name, *rest = arguments
    # `-m foldline` and not the launcher: a shared environment may have none.
    module = {"repro": ["dvc", "repro"], "test": ["pytest"], "foldline": ["foldline"]}.get(name)
    command = ["python", "-m", *module, *rest] if module else arguments
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise SetupError(f"{name} is neither in {scripts} nor on PATH. Next: python run.py -h")
    if sys.platform == "win32":
        return subprocess.call([program, *command[1:]], cwd=ROOT, env=variables)
    os.chdir(ROOT)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it; commands must not.
    os.execve(program, [program, *command[1:]], variables)


def find_allocator(system: Path = Path("/usr")) -> str | None:
    """Return the system's tcmalloc, None where it has none."""
    candidates = (system / folder / name for folder in LIBRARIES for name in ALLOCATORS)
    return next((str(path) for path in candidates if path.exists()), None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
