"""`overfit`: see whether the model can learn 16 rows by heart."""

from foldline.experiments.diagnostics.asking import asked


def main(arguments: list[str]) -> int:
    """Read the command line, run the diagnosis, and give the exit code: 1 where it is wrong.

    Raises:
        FoldlineError: where tables are missing, or the model has nothing to diagnose.
    """
    asked(
        "overfit", "Learn 16 rows by heart, with regularisation and early stopping off.", arguments
    )
    # Heavy, and `--help` need not wait for it.
    from foldline.experiments.diagnostics import learning

    return learning.run()
