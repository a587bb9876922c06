"""Unlabelled texts for pre-training, without those of held-out rows."""

import numpy as np
import pandas as pd

from foldline.core.params import Pretrain
from foldline.data.leaks import text_digest

COLUMNS = ["id", "text", "text_pair", "part"]


def select_pretraining_texts(
    table: pd.DataFrame, unlabelled: pd.DataFrame, options: Pretrain
) -> pd.DataFrame:
    """Return the texts (id, text, text_pair, part) to pre-train on in addition to train.

    `table` are all labelled rows, by `part`. Texts that also occur in another part are left out,
    because each part is held out from some model. Empty where nothing is pre-trained, so that a
    change of `data.predict` then repeats no training.
    """
    tables = []
    if options.epochs and options.unlabelled:
        tables.append(_drop_shared_texts(unlabelled, table).assign(part="unlabelled"))
    if options.epochs and options.test:
        test = table["part"] == "test"
        tables.append(_drop_shared_texts(table[test], table[~test]))
    if not tables:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    return pd.concat([texts[COLUMNS] for texts in tables], ignore_index=True)


def pretraining_notes(texts: pd.DataFrame) -> list[str]:
    """Return a note where models are pre-trained on texts of the test rows."""
    count = int((texts["part"] == "test").sum())
    if not count:
        return []
    return [
        f"pretrain.test: models are pre-trained on {count} texts of the test rows, without their "
        "labels; the test score is valid for these rows only, not for new ones"
    ]


def _drop_shared_texts(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that share no text, of a pair either, with the others."""
    excluded = {
        text_digest(text, "") for name in ("text", "text_pair") for text in others[name] if text
    }
    pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
    kept = [not any(text_digest(text, "") in excluded for text in pair if text) for pair in pairs]
    return rows[np.array(kept, dtype=bool)]
