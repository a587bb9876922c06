"""The options of `python -m foldline import`."""

import argparse

ROLES_OF = {"id": "id", "text": "text", "pair": "text_pair", "label": "label"}
ROLES_OF |= {"group": "group", "weight": "weight", "time": "time"}
_HELP = {
    "id": "column with each row's own name; none: ids are made from the content",
    "text": "column with the text, or the first of a pair",
    "pair": "column with the second text of a pair; none: there is none",
    "label": "column to predict: a class or a number; of several labels a row also columns: a,b",
    "group": "column whose rows of one value never part; none: there is none",
    "weight": "column with what a row counts in training, above 0; never guessed",
    "time": "column with dates or numbers by which rows are split; none: there is none",
}
_EXAMPLE = """examples:
  python -m foldline import ~/Downloads/reviews.csv
  python -m foldline import train.csv dev.csv test.csv --label sentiment --yes
  python -m foldline import train=a.tsv test=b.tsv --predict c.tsv --annotations d.csv
  python -m foldline import hf:klue --config ynat
"""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the verb's options."""
    made = argparse.ArgumentParser(
        prog="python -m foldline import",
        description="Bring files or a data set into data/raw/; guess what their columns hold.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("sources", nargs="*", metavar="SOURCE", help="file, part=file, or hf:ID or hf:FOLDER")
    add("--yes", action="store_true", help="write without asking")
    add("--task", choices=["classification", "multilabel", "regression"])
    for name in ROLES_OF:
        add(f"--{name}", metavar="COL", help=_HELP[name])
    add("--annotations", metavar="FILE", help="single judgements: item, annotator, label")
    add("--predict", metavar="FILE", help="rows without labels, to be predicted")
    add("--revision", metavar="SHA", help="of a data set on the hub; looked up where not given")
    add("--config", metavar="NAME", help="of a data set that has several")
    keeper = made.add_mutually_exclusive_group()
    add = keeper.add_argument
    add("--git", action="store_true", help="keep files in git, whatever their size")
    add("--dvc", action="store_true", help="keep files under DVC, whatever their size")
    return made
