"""One thin script per stage of dvc.yaml, with the same name.

`python -m stages.X` imports this file first, so it answers `--help` before the slow imports of the
stage, refuses arguments, and configures threads before numpy is loaded.
"""

import ast
import sys
from pathlib import Path

from foldline.core.io.threads import configure_threads

USAGE = (
    "It takes no arguments: params.yaml holds every value. `dvc repro` runs what is stale; "
    "`dvc exp run -S key=value` runs it with a value changed."
)


def print_usage(module: str, arguments: list[str]) -> int:
    """Print a stage's help, or refuse its arguments; return the exit code."""
    if {"-h", "--help"} & set(arguments):
        name = module.rpartition(".")[2]
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        print(f"python -m {module}\n\n{ast.get_docstring(ast.parse(source))}\n\n{USAGE}")
        return 0
    print(f"\nerror: {module}: found '{arguments[0]}'. {USAGE}\n", file=sys.stderr)
    return 2


# `sys.argv[0]` is `-m` while Python locates the module.
if sys.argv[:1] == ["-m"] and sys.argv[1:]:
    stage_modules = [name for name in sys.orig_argv if name.startswith("stages.")]
    if (
        stage_modules
        and Path(__file__).with_name(f"{stage_modules[0].rpartition('.')[2]}.py").exists()
    ):
        sys.exit(print_usage(stage_modules[0], sys.argv[1:]))

configure_threads()
