"""Commands beside DVC: `python -m foldline <verb>`."""

import importlib
import os
import sys
from pathlib import Path

from foldline.frame.errors import FoldlineError, unknown
from foldline.frame.threads import settle

# Each verb is a module with `main(arguments)`, imported when it is asked for; what it returns is
# the exit code, nothing is 0.
_DIAGNOSTICS = "foldline.experiments.diagnostics"
VERBS = {
    "import": ("foldline.corpus.importing", "bring files or a data set into data/raw/"),
    "view": ("foldline.corpus.viewing", "write data/view.html: the rows, to look through"),
    "export": ("foldline.experiments.exporting", "write models/onnx/: the model for onnxruntime"),
    "ablate": ("foldline.experiments.ablation", "try every way of balancing, as experiments"),
    "sanity": (f"{_DIAGNOSTICS}.sanity", "check tokens, first loss, gradients, chance"),
    "overfit": (f"{_DIAGNOSTICS}.overfit", "learn 16 rows by heart, to see that the model can"),
    "lr-find": (f"{_DIAGNOSTICS}.lr_find", "find the learning rate by a range test"),
    "profile": (f"{_DIAGNOSTICS}.profiling", "see where the time of a training goes"),
}
# Their options stand apart, so that `--help` need not wait for what the verbs themselves import.
OPTIONS = {
    "import": "foldline.corpus.intake.options",
    "view": "foldline.corpus.view.options",
    "export": "foldline.experiments.export_options",
    "ablate": "foldline.experiments.ablation_options",
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
        return _run(verb, rest)
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


def _run(verb: str, arguments: list[str]) -> int:
    """Run a verb; one that returns nothing has gone well."""
    if verb in OPTIONS and {"-h", "--help"} & set(arguments):
        importlib.import_module(OPTIONS[verb]).parser().parse_args(arguments)
    return importlib.import_module(VERBS[verb][0]).main(arguments) or 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a cp949 console must not break on a text
            stream.reconfigure(errors="replace")
    settle()
    sys.exit(main(sys.argv[1:]))
