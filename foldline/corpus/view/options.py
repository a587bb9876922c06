"""The options of `python -m foldline view`."""

import argparse
from pathlib import Path

FILE = Path("data/view.html")
LIMIT = 50_000


def parser() -> argparse.ArgumentParser:
    """Give the parser of the verb's options."""
    made = argparse.ArgumentParser(
        prog="python -m foldline view",
        description="Write one HTML page in which the rows can be searched, filtered, and read: "
        "labels, parts, duplicates, suspected label errors, augmented copies. It needs no server "
        "and no network. It holds your texts: treat the file as you treat the data.",
    )
    made.add_argument(
        "--out", type=Path, default=FILE, help=f"the file to write (default: {FILE.as_posix()})"
    )
    made.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        help="rows at most; of more, a sample, duplicates together (default: %(default)s)",
    )
    made.add_argument(
        "--language",
        choices=("auto", "en", "ko"),
        default="auto",
        help="of buttons and legends; auto is the reader's own (default: %(default)s)",
    )
    made.add_argument(
        "--open", choices=("yes", "no"), default="no", help="show it at once (default: %(default)s)"
    )
    return made
