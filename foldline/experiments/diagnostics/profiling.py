"""`profile`: see where the time of a training goes."""

from foldline.experiments.diagnostics.asking import asked


def main(arguments: list[str]) -> int:
    """Read the command line, run the diagnosis, and give the exit code: 1 where it is wrong.

    Raises:
        FoldlineError: where tables are missing, or the model has nothing to diagnose.
    """
    asked("profile", "Time 40 steps of training and the prediction of 256 rows.", arguments)
    # Heavy, and `--help` need not wait for it.
    from foldline.experiments.diagnostics import costs

    return costs.run()
