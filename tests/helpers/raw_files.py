"""Files of a user by their contents, and what `prepare` makes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Annotations, Data, Prepare
from foldline.data.preparation import Prepared, prepare_rows

Made = Callable[..., Prepared]
NOBODY = Annotations(file=None, item="", annotator="", label="", scale="nominal", aggregate="none")
DATA: dict[str, Any] = {
    "train": "train.csv",
    **dict.fromkeys(["valid", "test", "predict", "text_pair", "group", "weight", "time"]),
    "classes": None,
    "id": "id",
    "text": "text",
    "label": "label",
    "encoding": "auto",
    "quoting": "auto",
    "known_after": [],
    "annotations": NOBODY,
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


def lines(count: int, start: int = 0) -> list[str]:
    return [f"{n},text number {n},{'ab'[n % 2]}" for n in range(start, start + count)]


def csv(rows: list[str], header: str = "id,text,label") -> str:
    return "\n".join([header, *rows]) + "\n"


def prepared(files: dict[str, str], task: str = "classification", **options: Any) -> Prepared:
    """Write files of these contents and prepare them: `prepared({"train": "..."}, id=None)`."""
    paths = {}
    for part, content in files.items():
        paths[part] = options.pop(f"{part}_name", f"{part}.csv")
        Path(paths[part]).write_text(content, encoding="utf-8", newline="")
    section = {key: options.pop(key) for key in PREPARE if key in options}
    data = Data.model_construct(**DATA | paths | options)
    return prepare_rows(task, data, Prepare(**PREPARE | section))


def told(prepared: Made, files: dict[str, str], **options: Any) -> str:
    """Give the message about files that cannot be prepared."""
    with pytest.raises(FoldlineError) as caught:
        prepared(files, **options)
    return str(caught.value)
