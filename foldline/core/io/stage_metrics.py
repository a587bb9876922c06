"""The few numbers of each stage that DVC shows; each is a column of `dvc exp show`.

They are the same for every model. The complete results of a stage are in reports/.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foldline.core.io.files import write_metrics

SHOWN: dict[str, tuple[str, ...]] = {
    "prepare": ("rows", "classes", "duplicate_rows", "conflicting_rows"),
    "split": ("train", "valid", "test", "leak_share_valid", "leak_share_test"),
    "augment": ("rows", "dropped", "copies"),
    "kfold": ("mean", "std", "worst"),
    "out_of_fold": ("score", "best_member", "gain_low", "gain_high"),
    "predict": ("rows",),
}


def write_stage_metrics(stage: str, section: str, metrics: Mapping[str, Any]) -> None:
    """Write metrics/<stage>.json: the metrics that DVC shows, under `section`."""
    names = SHOWN.get(section, tuple(metrics))
    shown = {name: metrics[name] for name in names if name in metrics}
    write_metrics(Path(f"metrics/{stage}.json"), {section: shown})
