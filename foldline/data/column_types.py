"""The values of a column as numbers, dates or texts."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.data.raw_table import is_number, parse_time

TIME = "time"  # the column that `data.time` names, as `prepare` writes it
SECONDS = 1e8  # Larger numbers of a time are seconds since 1970, not years.


def parse_values(values: "pd.Series[str]") -> "pd.Series[Any]":
    """Return values as numbers or dates, where all are; else as texts. Empty ones are missing."""
    texts = values.fillna("").str.strip()
    filled = texts[texts != ""]
    distinct = filled.unique()
    if len(distinct) and all(map(is_number, distinct)):
        return pd.to_numeric(texts.where(texts != ""), errors="coerce").astype("float64")
    seconds = {text: parse_time(text) for text in distinct}
    if seconds and None not in seconds.values():
        return to_dates(texts.map(seconds).astype("float64"))
    return texts.astype("object")


def to_dates(seconds: "pd.Series[float]") -> "pd.Series[Any]":
    """Return seconds since 1970 as dates."""
    return pd.Series(
        seconds.to_numpy(np.float64).astype("datetime64[s]"), index=seconds.index
    ).where(seconds.notna())


def parse_times(values: "pd.Series[str]") -> "pd.Series[Any]":
    """Return times of `prepare` as dates where they are seconds since 1970, else as numbers.

    0 is no time: that of an official file without the column.
    """
    numbers = values.astype("float64")
    numbers = numbers.where(numbers != 0)
    return to_dates(numbers) if numbers.abs().max() >= SECONDS else numbers
