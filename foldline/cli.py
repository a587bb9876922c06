"""The command `foldline`: reads its arguments and runs a verb.

Only argparse is imported here, so that `--help` answers at once.
"""

import argparse
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from foldline import __version__
from foldline.core.console import print_error, replace_unprintable
from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.io.threads import configure_threads
from foldline.core.paths import check_root
from foldline.verbs import VERBS


def parser(*verbs: str) -> argparse.ArgumentParser:
    """Return the parser of the command, with these verbs (default: all)."""
    top = argparse.ArgumentParser(
        prog="foldline", description="Tools beside DVC for a Foldline project."
    )
    top.add_argument("--version", action="version", version=f"foldline {__version__}")
    add = top.add_subparsers(metavar="VERB", dest="verb", required=True)
    for name in verbs or VERBS:
        verb = VERBS[name]
        own = add.add_parser(
            name,
            help=verb.help,
            description=verb.description,
            epilog=verb.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter
            if verb.has_examples
            else argparse.HelpFormatter,
        )
        verb.add_options(own)
    return top


def run(arguments: Sequence[str]) -> int:
    """Run a verb; return its exit code.

    Raises:
        FoldlineError: for a mistake that the user can fix.
    """
    first = arguments[0] if arguments else "--help"
    if first not in VERBS and not first.startswith("-"):
        raise FoldlineError(unknown_name("verb", first, sorted(VERBS)))
    options = parse_arguments(arguments or ["--help"])
    module, _, function = VERBS[options.verb].run.partition(":")
    code: int | None = getattr(importlib.import_module(module), function)(options)
    return code or 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a verb; files to import may also stand behind options."""
    top = parser()
    options, others = top.parse_known_args(arguments)
    if others and (options.verb != "import" or any(other.startswith("-") for other in others)):
        top.error(f"unrecognized arguments: {' '.join(others)}")
    if others:  # argparse takes positional arguments of one place alone
        options.sources = [*options.sources, *others]
    return options


def print_completion(options: argparse.Namespace) -> None:
    """Print the completion script of a shell."""
    import shtab

    print(shtab.complete(parser(), options.shell))


def needs_project(arguments: Sequence[str]) -> bool:
    """Return whether the arguments name a verb, and do not only ask for its help."""
    elsewhere = {"completion"}
    asks_help = any(argument in ("-h", "--help") for argument in arguments)
    return bool(arguments) and arguments[0] in VERBS.keys() - elsewhere and not asks_help


def own_library() -> bool:
    """Return whether the project in this folder has a library of its own, as after `eject`.

    The installed command must then run that one, as the stages do.
    """
    own = Path("foldline")
    return (
        Path("params.yaml").exists()
        and (own / "__init__.py").exists()
        and own.resolve() != Path(__file__).resolve().parent
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code. A foreseen mistake is one message."""
    arguments = sys.argv[1:] if arguments is None else arguments
    replace_unprintable()
    configure_threads()
    if own_library():
        # On PYTHONPATH, since PYTHONSAFEPATH would leave the working folder out.
        path = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "foldline", *arguments]
        return subprocess.call(command, env=os.environ | {"PYTHONPATH": path})
    try:
        if needs_project(arguments):
            check_root(Path.cwd())
        return run(arguments)
    except FoldlineError as error:
        print_error(error)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("foldline"):
            raise
        print(
            f"\nerror: {error.name} is not installed here. Next: "
            f"python run.py foldline {shlex.join(arguments)}\n",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has read enough
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 141
