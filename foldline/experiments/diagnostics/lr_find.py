"""`lr-find`: find the learning rate by a range test."""

from foldline.experiments.diagnostics.asking import asked


def main(arguments: list[str]) -> int:
    """Read the command line, run the diagnosis, and give the exit code: 1 where it is wrong.

    Raises:
        FoldlineError: where tables are missing, or the model has nothing to diagnose.
    """
    asked("lr-find", "Let the learning rate grow from 1e-7 to 1 over 140 steps.", arguments)
    # Heavy, and `--help` need not wait for it.
    from foldline.experiments.diagnostics import range_test

    return range_test.run()
