"""Texts without labels that a model may be pre-trained on, none of them of a held-out row."""

import numpy as np
import pandas as pd

from foldline.core.params import Pretrain
from foldline.data.leaks import text_digest

COLUMNS = ["id", "text", "text_pair", "part"]


def select_pretraining_texts(
    table: pd.DataFrame, unlabelled: pd.DataFrame, options: Pretrain
) -> pd.DataFrame:
    """Give the texts (id, text, text_pair, part) to pre-train on beside the training rows.

    `table` are all rows with labels, by `part`. A text that also stands in a row of another part
    is left out: each of them is held out in some training, of a fold or of the final model. No
    rows where nothing is pre-trained, so that a change of `data.predict` then trains nothing anew.
    """
    found = []
    if options.epochs and options.unlabelled:
        found.append(_drop_shared_texts(unlabelled, table).assign(part="unlabelled"))
    if options.epochs and options.test:
        test = table["part"] == "test"
        found.append(_drop_shared_texts(table[test], table[~test]))
    if not found:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    return pd.concat([one[COLUMNS] for one in found], ignore_index=True)


def pretraining_notes(further: pd.DataFrame) -> list[str]:
    """Say that a model reads texts of the test rows, where it does."""
    count = int((further["part"] == "test").sum())
    if not count:
        return []
    return [
        f"pretrain.test: models are pre-trained on {count} texts of the test rows, without their "
        "labels; the test score holds for these rows alone, not for new ones"
    ]


def _drop_shared_texts(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows that share a text, of a pair either, with one of the others."""
    held = {
        text_digest(text, "") for name in ("text", "text_pair") for text in others[name] if text
    }
    pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
    apart = [not any(text_digest(text, "") in held for text in pair if text) for pair in pairs]
    return rows[np.array(apart, dtype=bool)]
