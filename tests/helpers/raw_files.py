"""Files of a user by their contents, and what `prepare` makes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Annotations, Data, Prepare
from foldline.data.preparation import PreparedDataset, prepare_dataset

PrepareFiles = Callable[..., PreparedDataset]
NO_ANNOTATIONS = Annotations(
    file=None, item="", annotator="", label="", scale="nominal", aggregate="none"
)
DATA: dict[str, Any] = {
    "train": "train.csv",
    **dict.fromkeys(["valid", "test", "predict", "text_pair", "group", "weight", "time"]),
    "classes": None,
    "id": "id",
    "text": "text",
    "label": "label",
    "auxiliary_label": None,
    "encoding": "auto",
    "quoting": "auto",
    "known_after": [],
    "annotations": NO_ANNOTATIONS,
}
EXACT = {"match": "exact", "threshold": 0.8, "pairs": "either", "min_chars": 1}
PREPARE = {
    "unicode": "NFKC",
    "clean": None,
    "empty_text": "drop",
    "missing_label": "error",
    "conflicts": "keep",
    "duplicates": EXACT,
}


def csv_lines(count: int, start: int = 0) -> list[str]:
    return [f"{n},text number {n},{'ab'[n % 2]}" for n in range(start, start + count)]


def csv_text(rows: list[str], header: str = "id,text,label") -> str:
    return "\n".join([header, *rows]) + "\n"


def prepare_files(
    files: dict[str, str], task: str = "classification", **options: Any
) -> PreparedDataset:
    """Prepare files of these contents: `prepare_files({"train": "..."}, id=None)`.

    `sample` is a sample submission.
    """
    paths = {}
    for part, content in files.items():
        paths[part] = options.pop(f"{part}_name", f"{part}.csv")
        Path(paths[part]).write_text(content, encoding="utf-8", newline="")
    sample = paths.pop("sample", None)
    section = {key: options.pop(key) for key in PREPARE if key in options}
    data = Data.model_construct(**DATA | paths | options)
    return prepare_dataset(task, data, Prepare(**PREPARE | section), sample_submission=sample)


def prepare_error(prepared: PrepareFiles, files: dict[str, str], **options: Any) -> str:
    """Return the message about files that cannot be prepared."""
    with pytest.raises(FoldlineError) as caught:
        prepared(files, **options)
    return str(caught.value)
