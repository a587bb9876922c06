"""Run tasks on a Ray cluster: inputs by its object store, results back to this store."""

from collections.abc import Sequence

from foldline.core.errors import FoldlineError
from foldline.core.params import Runner
from foldline.execution.progress import Progress
from foldline.execution.tasks import Task


def run_on_ray(tasks: Sequence[Task], runner: Runner, progress: Progress) -> dict[str, str]:
    """Run tasks on a cluster."""
    raise FoldlineError("runner.kind: ray is not built yet")
