"""Write the rows as one HTML page: `python -m foldline view`."""

import argparse
import webbrowser
from pathlib import Path

from foldline.corpus.view.gathering import gather
from foldline.corpus.view.page import page
from foldline.corpus.view.pictures import pictures
from foldline.corpus.view.sampling import sample
from foldline.frame.errors import FoldlineError
from foldline.frame.files import write_text

FILE = Path("data/view.html")
LIMIT = 50_000


def main(arguments: list[str]) -> None:
    """Write the page from what the stages have made so far, and say where it is.

    The same data give the same bytes. Test rows are shown with their labels, but no prediction
    for them is read.

    Raises:
        FoldlineError: where nothing is prepared yet, or a file cannot be read or written.
    """
    asked = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m foldline view",
        description="Write one HTML page in which the rows can be searched, filtered, and read: "
        "labels, parts, duplicates, suspected label errors, augmented copies. It needs no server "
        "and no network. It holds your texts: treat the file as you treat the data.",
    )
    parser.add_argument(
        "--out", type=Path, default=FILE, help=f"the file to write (default: {FILE.as_posix()})"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        help="rows at most; of more, a sample, duplicates together (default: %(default)s)",
    )
    parser.add_argument(
        "--language",
        choices=("auto", "en", "ko"),
        default="auto",
        help="of buttons and legends; auto is the reader's own (default: %(default)s)",
    )
    parser.add_argument(
        "--open", choices=("yes", "no"), default="no", help="show it at once (default: %(default)s)"
    )
    return parser


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
