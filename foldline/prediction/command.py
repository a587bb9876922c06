"""Predict new rows by the trained models: `foldline predict`."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from foldline.core.console import say
from foldline.core.errors import FoldlineError
from foldline.core.io.formulas import escape_formulas
from foldline.core.pinned_library import check_library
from foldline.prediction.input_rows import (
    STDIN,
    Columns,
    InputRows,
    find_input,
    list_texts,
    read_file,
    spool_stdin,
)
from foldline.prediction.output_files import open_output, output_format
from foldline.prediction.predictor import Predictor

RAW_FOLDER = Path("data/raw")
PROGRESS = "{desc} {percentage:3.0f}%|{bar:10}| {elapsed}<{remaining}{postfix}"


def run(options: argparse.Namespace) -> None:
    """Predict a file, standard input or texts, and write the predictions.

    Raises:
        FoldlineError: if there is nothing to predict with, or the input cannot be used.
    """
    _check_options(options)
    source = _find_source(options)
    check_library(Path.cwd())
    with warnings.catch_warnings(action="ignore"):  # they are printed as notes
        predictor = Predictor(model=options.model)
    with _open_rows(options, source, predictor) as rows:
        _predict(rows, options.out, options.escape_formulas)
    for note in [*predictor.notes, *rows.list_notes()]:
        say(f"note: {note}", sys.stderr)
    if options.out is not None:
        print(f"{rows.count:,} rows predicted: {options.out}", file=sys.stderr)


def _check_options(options: argparse.Namespace) -> None:
    if (options.file is None) == (options.text is None):
        found = "both" if options.text else "neither"
        raise FoldlineError(
            f"name a file to predict (- for standard input), or --text TEXT (found {found})"
        )
    if options.pair and len(options.pair) != len(options.text or []):
        raise FoldlineError(
            f"--pair is the second text of a --text: found {len(options.text or [])} --text and "
            f"{len(options.pair)} --pair"
        )
    kind = output_format(options.out)
    if options.escape_formulas and kind not in ("csv", "tsv"):
        raise FoldlineError(f"--escape-formulas is for csv and tsv; {kind} runs no formulas")
    if options.out and RAW_FOLDER.resolve() in options.out.resolve().parents:
        raise FoldlineError(
            f"--out: {options.out} is in {RAW_FOLDER.as_posix()}/, which holds your own files; "
            "name another folder"
        )


def _find_source(options: argparse.Namespace) -> Path | None:
    """Return the file to read; None for other input."""
    if options.file is None or str(options.file) == "-":
        return None
    source = find_input(options.file)
    if options.out and options.out.exists() and options.out.samefile(source):
        raise FoldlineError(f"--out: {options.out} is the file to predict; name another one")
    return source


@contextmanager
def _open_rows(
    options: argparse.Namespace, source: Path | None, predictor: Predictor
) -> Iterator[InputRows]:
    used = predictor.preprocessing
    columns = Columns(
        options.id_column or used.id,
        options.text_column or used.text,
        options.pair_column or used.text_pair,
    )
    if used.text_pair is None and (options.pair or options.pair_column):
        raise FoldlineError("the models read single texts: leave out --pair and --pair-column")
    if source is not None:
        parts = read_file(source, columns, predictor)
        yield InputRows(parts, columns, predictor, str(source), id_required=bool(options.id_column))
    elif options.text is None:
        with spool_stdin(columns) as (path, how):
            notes = [f"{STDIN} was read as {how}"]
            parts = read_file(path, columns, predictor)
            yield InputRows(parts, columns, predictor, STDIN, notes)
    else:
        if used.text_pair is not None and not options.pair:
            raise FoldlineError("the models read pairs: give each --text its --pair")
        columns = replace(columns, id=None, text="text", text_pair=used.text_pair and "text_pair")
        parts = list_texts(options.text, options.pair or [])
        # What is typed is a text, even if it looks like a list.
        yield InputRows(parts, columns, predictor, "--text", plain={"text", "text_pair"})


def _predict(rows: InputRows, out: Path | None, escape: bool) -> None:
    predictor = rows.predictor
    with (
        open_output(out) as write,
        tqdm(
            total=1.0, desc="predict", bar_format=PROGRESS, file=sys.stderr, mininterval=1, delay=2
        ) as bar,
    ):
        done = 0
        for batch, end in rows.batches():
            table = predictor.labels.table(predictor.predict_rows(batch))
            table.insert(0, "id", batch["id"].to_numpy())
            write(escape_formulas(table) if escape else table)
            done += len(batch)
            seconds = bar.format_dict["elapsed"]
            bar.set_postfix_str(f"{done:,} rows, {done / max(seconds, 1e-9):,.0f}/s", refresh=False)
            bar.update(end - bar.n)
