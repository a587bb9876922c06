"""The verbs of `foldline`: what each is for, its options, and the function that carries it out."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verb:
    """A verb: one line about it, its page of help, its options, and `package.module:function`.

    The function takes the parsed options and returns the exit code, or None for 0.
    """

    help: str
    run: str
    description: str
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    epilog: str | None = None

    @property
    def has_examples(self) -> bool:
        """Return whether the epilog is a list of commands, whose lines stay as they are."""
        return bool(self.epilog) and "\n" in str(self.epilog)


def import_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline import`."""
    add = parser.add_argument
    add("sources", nargs="*", metavar="SOURCE", help="file, part=file, hf:ID or hf:FOLDER")
    add("--yes", action="store_true", help="write without asking")
    add("--task", choices=["classification", "multilabel", "regression"])
    add("--id", metavar="COL", help="column of unique row names; none: made from the content")
    add("--text", metavar="COL", help="column of the text, or of the first text of a pair")
    add("--pair", metavar="COL", help="column of the second text of a pair; none: no pairs")
    add("--label", metavar="COL", help="column to predict; several columns of 0 and 1: a,b")
    add("--group", metavar="COL", help="column whose rows of one value stay together; none")
    add("--weight", metavar="COL", help="column of training weights above 0; never guessed")
    add("--time", metavar="COL", help="column of dates or numbers to split by; none")
    add("--annotations", metavar="FILE", help="one judgement a row: item, annotator, label")
    add("--predict", metavar="FILE", help="rows without labels, to be predicted")
    add("--no-test", action="store_true", help="take no test rows from train; score out of fold")
    add("--revision", metavar="SHA", help="of a data set on the hub; default: the newest")
    add("--config", metavar="NAME", help="of a data set that has several")
    storage = parser.add_mutually_exclusive_group()
    storage.add_argument(
        "--git", action="store_true", help="keep files in git, whatever their size"
    )
    storage.add_argument(
        "--dvc", action="store_true", help="track files with DVC, whatever their size"
    )


def view_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline view`."""
    add = parser.add_argument
    page = Path("data/view.html")
    add("--out", type=Path, default=page, help=f"file to write (default: {page.as_posix()})")
    add("--limit", type=int, default=50_000, help="rows at most (default: %(default)s)")
    page_options(parser)


def report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline report`."""
    texts = "put the texts into the page, or only numbers (default: %(default)s)"
    parser.add_argument("--texts", choices=["yes", "no"], default="yes", help=texts)
    page_options(parser)


def page_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every verb that writes a page."""
    add = parser.add_argument
    add("--language", choices=["auto", "en", "ko"], default="auto", help="(default: %(default)s)")
    add("--open", choices=["yes", "no"], default="no", help="open it (default: %(default)s)")


def export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline export`."""
    add = parser.add_argument
    model, folder = Path("models/model"), Path("models/onnx")
    add("--model", type=Path, default=model, help=f"folder to read (default: {model.as_posix()})")
    add("--out", type=Path, default=folder, help=f"folder to write (default: {folder.as_posix()})")
    add(
        "--int8",
        choices=["yes", "no"],
        default="no",
        help="also model_int8.onnx, with 8-bit weights (default: %(default)s)",
    )


def predict_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline predict`."""
    add = parser.add_argument
    formats = "csv, tsv, jsonl or parquet, each also .gz"
    source = f"{formats}, or in another format that prepare reads; - for standard input"
    add("file", nargs="?", type=Path, metavar="FILE", help=source)
    add("-o", "--out", type=Path, metavar="OUT", help=f"{formats} (default: csv to the terminal)")
    add("--text", action="append", metavar="TEXT", help="a text; may be repeated")
    add("--pair", action="append", metavar="TEXT", help="the second text of a --text")
    add(
        "--model",
        default="ensemble",
        metavar="NAME",
        help="ensemble (the final predictions), or a member of it (default: %(default)s)",
    )
    default = "default: that of the training rows"
    add("--text-column", metavar="COL", help=f"column of the texts ({default})")
    add("--pair-column", metavar="COL", help=f"column of the second texts ({default})")
    add("--id-column", metavar="COL", help=f"column of the ids ({default}, or row numbers)")
    add(
        "--escape-formulas",
        action="store_true",
        help="put an apostrophe before texts that a spreadsheet would run, as =1+1",
    )


def cost_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline cost`."""
    parser.add_argument(
        "--repeats", type=int, default=200, help="timed calls of each size (default: %(default)s)"
    )


def ablate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline ablate`."""
    parser.add_argument(
        "methods", nargs="*", metavar="METHOD", help="of augment.method or augment.undersample"
    )


def compare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline compare`."""
    add = parser.add_argument
    add("revisions", nargs="*", metavar="REV", help="commit, branch or experiment, at most two")
    add("--test", action="store_true", help="compare test predictions instead of out-of-fold ones")


def learning_curve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline learning-curve`."""
    add = parser.add_argument
    add("--sizes", type=int, default=6, help="numbers of rows, each half the next (default: 6)")
    add("--seeds", type=int, default=3, help="subsets of each size (default: 3)")
    add("--metric", metavar="NAME", help="default: the main metric of the task")


def check_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline check`."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=argparse.SUPPRESS)


def doctor_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline doctor`."""
    parser.add_argument(
        "--quick", action="store_true", help="only what a stopped `dvc exp run` has left"
    )


def resolve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline resolve`."""
    parser.add_argument(
        "--take",
        choices=["ours", "theirs"],
        default="ours",
        help="whose results `dvc repro` starts from (default: %(default)s)",
    )


def new_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline new`."""
    kinds = ["model", "augmenter", "loss", "metric", "cleaner"]
    parser.add_argument("kind", choices=kinds, help="what to write: %(choices)s", metavar="KIND")
    parser.add_argument("name", metavar="NAME", help="of the file in components/, without .py")


def store_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline store`."""
    add = parser.add_argument
    add("action", choices=["ls", "gc", "verify"], help="what to do: %(choices)s", metavar="ACTION")
    limits = parser.add_mutually_exclusive_group()
    default = "default: runner.store_gb"
    limits.add_argument("--to", type=float, metavar="GB", help=f"gc: size to keep ({default})")
    limits.add_argument("--all", action="store_true", help="gc: keep nothing")


def completion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `foldline completion`."""
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"])


IMPORT_EXAMPLES = """examples:
  foldline import ~/Downloads/reviews.csv
  foldline import train.csv dev.csv test.csv --label sentiment --yes
  foldline import train=a.tsv test=b.tsv --predict c.tsv --annotations d.csv
  foldline import hf:klue --config ynat
"""
PREDICT_EXAMPLES = """examples:
  foldline predict new.csv -o predictions.csv
  foldline predict --text "a new text" --text "another one"
  foldline predict reviews.jsonl --text-column body --model tfidf
"""
COMPARE_EXAMPLES = """examples:
  foldline compare
  foldline compare main
  foldline compare clear-moth heavy-finch
"""
_DIAGNOSTIC = (
    "Reads params.yaml and the tables of `dvc repro augment`; writes "
    "reports/diagnostics/{verb}.json. The exit code is 1 where something is wrong."
)


def _diagnostic(verb: str, module: str, help: str, description: str) -> Verb:
    run = f"foldline.diagnostics.{module}:run"
    return Verb(help, run, description, epilog=_DIAGNOSTIC.format(verb=verb))


VERBS = {
    "import": Verb(
        "bring files or a data set into data/raw/",
        "foldline.importer.command:run",
        "Bring files or a data set into data/raw/; guess what their columns hold.",
        import_options,
        IMPORT_EXAMPLES,
    ),
    "check": Verb(
        "check params.yaml and all that it names",
        "foldline.project.check:run",
        "Check the values of params.yaml, the files and components that they name, and dvc.yaml, "
        "within a second. `dvc repro` and `dvc exp run` do so first, before any output is removed.",
        check_options,
    ),
    "doctor": Verb(
        "find damaged files and what stopped runs have left",
        "foldline.project.doctor:run",
        "Hash DVC's cache and all outputs again; look for what stopped runs have left in git and "
        "DVC, and compare environment and processor with those of the record. Each finding comes "
        "with the command that mends it. The exit code is 1 where something is wrong.",
        doctor_options,
    ),
    "resolve": Verb(
        "resolve a merge conflict in what runs write",
        "foldline.project.merge_conflicts:run",
        "Settle the merge conflicts in dvc.lock, metrics/, reports/ and models/*.json, all of "
        "which the next `dvc repro` writes again. Conflicts in other files are yours to settle.",
        resolve_options,
    ),
    "view": Verb(
        "write data/view.html, a page of all rows",
        "foldline.viewer.command:run",
        "Write one HTML page in which the rows can be searched, filtered and read: labels, "
        "splits, duplicates, suspected label errors, augmented copies. It needs no server and no "
        "network. It holds your texts: treat the file as you treat the data.",
        view_options,
    ),
    "report": Verb(
        "write reports/evaluation.html, a page of the last evaluation",
        "foldline.report.command:run",
        "Write one HTML page with what the stages found: the score with its interval, comparisons, "
        "errors with their texts, slices, calibration, data. The stage `evaluate` writes it, too; "
        "this command writes it again, after `git checkout` or in another language, and "
        "reports/model_card.md with it. It needs no server and no network.",
        report_options,
    ),
    "sanity": _diagnostic(
        "sanity",
        "sanity",
        "check tokens, first loss, gradients, chance",
        "Check tokens, first loss, gradients, and that shuffled labels score no more than chance.",
    ),
    "overfit": _diagnostic(
        "overfit",
        "overfit",
        "check that the model can overfit 16 rows",
        "Overfit 16 rows, with regularisation and early stopping off.",
    ),
    "lr-find": _diagnostic(
        "lr-find",
        "lr_range_test",
        "find the learning rate by a range test",
        "Let the learning rate grow from 1e-7 to 1 over 140 steps.",
    ),
    "profile": _diagnostic(
        "profile",
        "profiler",
        "see where the time of a training goes",
        "Time 40 steps of training and the prediction of 256 rows.",
    ),
    "ablate": Verb(
        "try each way of resampling and augmentation",
        "foldline.experiments.ablation:run_ablation",
        "Run each way of resampling and augmentation as a DVC experiment up to kfold, and compare "
        "its out-of-fold predictions with those of none, with intervals.",
        ablate_options,
        "example: foldline ablate aeda swap tomek",
    ),
    "compare": Verb(
        "see what changed between the predictions of two versions",
        "foldline.experiments.compare:run",
        "Compare the out-of-fold predictions of two versions on the same rows: the first REV with "
        "the second, or with the working folder; without REV, the last commit with the working "
        "folder. Prints the verdict, and writes reports/compare.json with the rows that are newly "
        "right or wrong. Choosing by --test makes the test score too good.",
        compare_options,
        COMPARE_EXAMPLES,
    ),
    "behaviour": Verb(
        "show the behavioural tests of the last evaluation, as a gate for CI",
        "foldline.evaluation.behaviour.command:run",
        "Print the pass rate of every behavioural test in reports/evaluation.json. The exit code "
        "is 1 where the interval of a rate lies wholly below its min_pass_rate, or a test with a "
        "min_pass_rate of its own was skipped.",
    ),
    "learning-curve": Verb(
        "see what more training rows would bring",
        "foldline.experiments.learning_curve_command:run",
        "Train the recipe of params.yaml on nested subsets of the training rows, fit a power law "
        "to the scores of held-out rows, and forecast that of twice the rows. Finished trainings "
        "are not repeated. Writes reports/learning_curve.json and reports/learning_curve.svg.",
        learning_curve_options,
    ),
    "plan": Verb(
        "see what stages will cost before they run",
        "foldline.experiments.plan:run",
        "Train each recipe for a few steps, or on a few rows, and print the time and memory that "
        "train, kfold and learning-curve will take, without what is in the store already. Writes "
        "reports/plan.json.",
    ),
    "predict": Verb(
        "predict new texts or files",
        "foldline.prediction.command:run",
        "Predict the rows of a file, or texts, by the trained models. The output has the columns "
        "id, predicted and p_CLASS, in the order of the rows. Texts are read and normalized as "
        "those of the training were, whatever params.yaml holds now.",
        predict_options,
        PREDICT_EXAMPLES,
    ),
    "cost": Verb(
        "measure what each member costs where it predicts",
        "foldline.prediction.cost:run",
        "Measure each member and the ensemble in a process of its own: latency of 1 and of 32 "
        "rows, rows per second, parameters, size and memory, and whether predictions are the same "
        "in batches of another size and after saving. Writes reports/cost.json, with the scores of "
        "the last evaluation. Times are of this machine, so git ignores the file.",
        cost_options,
    ),
    "export": Verb(
        "write models/onnx/, the model for onnxruntime",
        "foldline.onnx.command:run",
        "Write the trained transformer as a folder for onnxruntime: graph, tokenizer, config with "
        "the labels' names, and a README with the lines that use it. Its predictions are compared "
        "with the model's own; where they differ nothing is written. It needs the extra `onnx`.",
        export_options,
    ),
    "eject": Verb(
        "copy the library's source to ./foldline",
        "foldline.project.ejection:run",
        "Copy the library's source to ./foldline, where it can be changed, and let the stages of "
        "dvc.yaml depend on its folders instead of the wheel. The same inputs give the same bytes.",
    ),
    "new": Verb(
        "write a model, augmenter, loss, metric or cleaner of your own",
        "foldline.project.skeletons:run",
        "Write components/NAME.py, a commented skeleton that works and passes the checks, and "
        "print the commands that use and check it. Never overwrites a file.",
        new_options,
        "example: foldline new model my_model",
    ),
    "store": Verb(
        "list, shrink or verify the results that runs find again",
        "foldline.execution.store_command:run",
        "Look after .foldline/, where all trainings and checkpoints are stored, so that no run "
        "computes one again. `ls` lists the entries; `gc` removes those used longest ago, down to "
        "runner.store_gb, but never what a run needs that is going on; `verify` hashes all results "
        "and removes damaged ones, with exit code 1 if there was one.",
        store_options,
    ),
    "completion": Verb(
        "print a completion script for a shell",
        "foldline.cli:print_completion",
        'Print a completion script, as for ~/.bashrc: eval "$(foldline completion bash)"',
        completion_options,
    ),
}
