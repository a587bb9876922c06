"""Write the rows as one HTML page: `foldline view`."""

import argparse
import webbrowser

from foldline.core.console import say
from foldline.core.errors import FoldlineError
from foldline.core.io.files import write_text
from foldline.viewer.charts import chart_data
from foldline.viewer.page import render_view
from foldline.viewer.row_table import collect_rows
from foldline.viewer.sampling import sample_rows


def run(options: argparse.Namespace) -> None:
    """Write the page from the raw files and the outputs of the stages so far; print its path.

    The same data give the same bytes. Test rows are shown with their labels, but without
    predictions.

    Raises:
        FoldlineError: where a file cannot be read or written.
    """
    if options.limit < 1:
        raise FoldlineError(f"--limit must be a whole number from 1 (got {options.limit})")
    if options.out.is_dir():
        raise FoldlineError(f"--out: {options.out} is a folder; name a file, like data/view.html")
    view = collect_rows()
    shown = sample_rows(view, options.limit)
    html = render_view(shown, chart_data(view), options.language)
    write_text(options.out, html)
    for note in shown.notes:
        say(f"note: {_format_note(note)}")
    size = len(html.encode()) / 1e6
    say(f"{options.out}: {len(shown.rows)} rows, {size:.1f} MB. Open it in a browser")
    if options.open == "yes":
        webbrowser.open(options.out.resolve().as_uri())


def _format_note(note: dict[str, object]) -> str:
    if note["code"] == "sampled":
        return (
            f"{note['shown']} of {note['rows']} rows are in the page, sampled in whole duplicate "
            "groups; the charts count all rows. Change the number with --limit"
        )
    if note["code"] == "stale":
        return (
            f"{note['file']}: {note['rows']} rows are not in the prepared data, so the file is "
            "out of date. Run `dvc repro`"
        )
    if note["code"] == "not_prepared":
        return (
            "the rows are those of the raw files, which no stage has read yet: there are no splits "
            "and predictions of them. Run `dvc repro`"
        )
    if note["code"] == "unreadable":
        return (
            f"the rows are those of the last run, as the raw files are refused: {note['problem']}"
        )
    if note["code"] == "many_suspected":
        return (
            f"the models doubt {note['share']:.0%} of the labels: more often they are weak than "
            "the labels wrong. Sort by doubt and look at the first rows"
        )
    return "there is no split yet, so parts are those of the raw files. Run `dvc repro split`"
