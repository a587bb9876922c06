"""Write the rows as one HTML page: `python -m foldline view`."""

import webbrowser

from foldline.corpus.view.gathering import gather
from foldline.corpus.view.options import FILE, parser
from foldline.corpus.view.page import page
from foldline.corpus.view.pictures import pictures
from foldline.corpus.view.sampling import sample
from foldline.frame.errors import FoldlineError
from foldline.frame.files import write_text


def main(arguments: list[str]) -> None:
    """Write the page from what the stages have made so far, and say where it is.

    The same data give the same bytes. Test rows are shown with their labels, but no prediction
    for them is read.

    Raises:
        FoldlineError: where nothing is prepared yet, or a file cannot be read or written.
    """
    asked = parser().parse_args(arguments)
    if asked.limit < 1:
        raise FoldlineError(f"--limit: found {asked.limit}, allowed are whole numbers from 1")
    if asked.out.is_dir():
        raise FoldlineError(f"--out: {asked.out} is a folder; name a file, like {FILE}")
    found = gather()
    shown = sample(found, asked.limit)
    html = page(shown, pictures(found), asked.language)
    write_text(asked.out, html)
    for note in shown.notes:
        print(f"note: {_told(note)}")
    size = len(html.encode()) / 1e6
    print(f"{asked.out}: {len(shown.rows)} rows, {size:.1f} MB. Open it in a browser")
    if asked.open == "yes":
        webbrowser.open(asked.out.resolve().as_uri())


def _told(note: dict[str, object]) -> str:
    if note["code"] == "sampled":
        return (
            f"{note['shown']} of {note['rows']} rows are in the page, drawn with whole duplicate "
            "groups; the pictures count all. --limit changes it"
        )
    if note["code"] == "stale":
        return (
            f"{note['file']}: {note['rows']} rows are not in the prepared data, so the file is of "
            "an earlier run. `dvc repro` makes it again"
        )
    return "there is no split yet, so parts are those of the raw files. `dvc repro split` makes one"
