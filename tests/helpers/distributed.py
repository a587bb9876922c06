"""Options of trainings by several processes."""

from typing import Any


def split_processes(processes: int, strategy: str = "ddp") -> dict[str, Any]:
    """Return the option that divides a training among processes."""
    return {"train.distributed": {"processes": processes, "strategy": strategy}}
