"""Texts that say nothing of their labels, what is planted in them and found, and their columns."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params import Data, loading
from foldline.data.label_quality import check_label_quality
from tests.helpers.projects import PARAMS

WORDS = ["오늘", "영화", "정말", "good", "bad", "film", "배우", "story", "음악", "the", "참", "and"]
NO_TIME = SimpleNamespace(time=None)


def random_rows(n: int = 400, classes: int = 4, pairs: bool = False, seed: int = 0) -> pd.DataFrame:
    """Make texts that say nothing of their label."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(n)], "part": "train"})
    for role in ("text", "text_pair"):
        drawn = [" ".join(rng.choice(WORDS, size=rng.integers(4, 9))) for _ in range(n)]
        frame[role] = drawn if role == "text" or pairs else ""
    frame["label"] = [str(i % classes) for i in range(n)]
    return frame.assign(group="", time=0.0, dup_group=frame["id"], sentence="", sentence_pair="")


def check_quality(
    rows: pd.DataFrame, task: str = "classification", data: Any = NO_TIME, seed: int = 0
):
    classes = tuple(sorted(set(rows["label"]))) if task == "classification" else ()
    return check_label_quality(rows, Labels(task, classes), data, seed)


def append_to_texts(rows: pd.DataFrame, role: str, add: Callable[[str], str]) -> pd.DataFrame:
    """Write into each text of a column what `add` makes of the row's label."""
    told = rows[role] + " " + rows["label"].map(add)
    return rows.assign(**{role: told.str.strip()})


def data_section(**changes: Any) -> dict[str, Any]:
    """Return the section `data` of params.yaml, changed."""
    return loading.read_params(PARAMS)["data"] | changes


def data_params(**changes: Any) -> Data:
    """Return the section for files with the columns id, text and label."""
    return Data.model_validate(
        data_section(**{"id": "id", "text": "text", "label": "label"} | changes)
    )
