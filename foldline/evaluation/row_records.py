"""Rows as the reports list them."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.texts import cut_text

TEXTS = ("text", "text_pair")


def make_records(table: pd.DataFrame, characters: int) -> list[dict[str, Any]]:
    """Return rows as they are written: texts are cut, an undefined number is None."""

    def write(key: str, value: Any) -> Any:
        if key in TEXTS:
            return cut_text(value, characters)
        return None if isinstance(value, float) and np.isnan(value) else value

    rows = table.to_dict("records")
    return [{str(key): write(str(key), value) for key, value in row.items()} for row in rows]
