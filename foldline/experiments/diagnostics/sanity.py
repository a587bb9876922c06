"""`sanity`: check what a training rests on before it starts."""

from foldline.experiments.diagnostics.asking import asked


def main(arguments: list[str]) -> int:
    """Read the command line, run the diagnosis, and give the exit code: 1 where it is wrong.

    Raises:
        FoldlineError: where tables are missing, or the model has nothing to diagnose.
    """
    asked("sanity", "Check tokens, first loss, gradients, and that chance gives chance.", arguments)
    # Heavy, and `--help` need not wait for it.
    from foldline.experiments.diagnostics import checking

    return checking.run()
