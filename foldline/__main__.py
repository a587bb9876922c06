"""Commands beside DVC: `python -m foldline <verb>`."""

import importlib
import os
import sys
from pathlib import Path

from foldline.frame.errors import FoldlineError, unknown

# Each verb is a module with `main(arguments)`, imported when it is asked for; what it returns is
# the exit code, nothing is 0.
_DIAGNOSTICS = "foldline.experiments.diagnostics"
VERBS = {
    "import": ("foldline.corpus.importing", "bring files or a data set into data/raw/"),
    "view": ("foldline.corpus.viewing", "write data/view.html: the rows, to look through"),
    "ablate": ("foldline.experiments.ablation", "try every way of balancing, as experiments"),
    "sanity": (f"{_DIAGNOSTICS}.sanity", "check tokens, first loss, gradients, chance"),
    "overfit": (f"{_DIAGNOSTICS}.overfit", "learn 16 rows by heart, to see that the model can"),
    "lr-find": (f"{_DIAGNOSTICS}.lr_find", "find the learning rate by a range test"),
    "profile": (f"{_DIAGNOSTICS}.profiling", "see where the time of a training goes"),
}


def main(arguments: list[str]) -> int:
    """Run a verb; return the exit code. A foreseen mistake is one message."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m foldline VERB ...    (each with --help)\n")
        print("\n".join(f"  {verb:<8} {what}" for verb, (_, what) in VERBS.items()))
        return 0
    verb, *rest = arguments
    try:
        if verb not in VERBS:
            raise FoldlineError(unknown("verb", verb, sorted(VERBS)))
        return importlib.import_module(VERBS[verb][0]).main(rest) or 0
    except FoldlineError as error:
        print(f"\nerror: {error}\n", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("foldline"):
            raise
        print(
            f"\nerror: {error.name} is not installed here. Next: "
            f"python run.py python -m foldline {' '.join(arguments)}\n",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has read enough
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 141


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a cp949 console must not break on a text
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
