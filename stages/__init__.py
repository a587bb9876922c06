"""One thin script for each stage of dvc.yaml, under the same name.

`python -m stages.X` reads this file first, so it answers `--help` before the stage's own imports
take their seconds, and refuses what a stage would not read.
"""

import ast
import sys
from pathlib import Path

NEXT = (
    "It takes no arguments: params.yaml holds every value. `dvc repro` runs what is stale; "
    "`dvc exp run -S key=value` runs it with a value changed."
)


def answer(module: str, arguments: list[str]) -> int:
    """Say what a stage does, or which argument it does not take; return the exit code."""
    if {"-h", "--help"} & set(arguments):
        name = module.rpartition(".")[2]
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        print(f"python -m {module}\n\n{ast.get_docstring(ast.parse(source))}\n\n{NEXT}")
        return 0
    print(f"\nerror: {module}: found '{arguments[0]}'. {NEXT}\n", file=sys.stderr)
    return 2


# While Python looks for a module that `-m` names, this stands for its path.
if sys.argv[:1] == ["-m"] and sys.argv[1:]:
    started = [name for name in sys.orig_argv if name.startswith("stages.")]
    if started and Path(__file__).with_name(f"{started[0].rpartition('.')[2]}.py").exists():
        sys.exit(answer(started[0], sys.argv[1:]))
