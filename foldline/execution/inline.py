"""Run tasks one after another in this process."""

from collections.abc import Sequence

from foldline.core.errors import FoldlineError
from foldline.core.params import Runner
from foldline.execution.progress import Progress
from foldline.execution.tasks import Task


def run_inline(tasks: Sequence[Task], runner: Runner, progress: Progress) -> dict[str, str]:
    """Run tasks one after another; only a FoldlineError lets the rest go on.

    Any other error shows itself at once, with its traceback: this is the runner to debug with.
    """
    failures: dict[str, str] = {}
    for task in tasks:
        progress.begin(task.name, alone=True)
        try:
            task.run()
        except FoldlineError as error:
            failures[task.name] = str(error)
        progress.finish(task.name, task.name in failures)
    return failures
