"""The options of `python -m foldline ablate`."""

import argparse


def parser() -> argparse.ArgumentParser:
    """Give the parser of the verb's options."""
    made = argparse.ArgumentParser(
        prog="python -m foldline ablate",
        description="Run every way of balancing as a DVC experiment up to kfold, and compare the "
        "out-of-fold predictions with those of no balancing, with intervals.",
        epilog="example: python -m foldline ablate aeda swap tomek",
    )
    made.add_argument(
        "methods", nargs="*", metavar="METHOD", help="of augment.method or augment.undersample"
    )
    return made
