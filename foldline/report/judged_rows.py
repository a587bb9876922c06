"""The rows that `evaluate` judged, with their texts and final predictions."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.io.texts import cut_text
from foldline.evaluation.flips import read_certainty, read_decisions
from foldline.metrics.comparison import mark_correct

BINS = 12  # of the numbers of a regression
# Characters of a text in the page, tried in this order until the rows fit.
LENGTHS = (2000, 600, 300, 150, 80)


def read_judged_rows(labels: Labels, judged: str) -> pd.DataFrame:
    """Return id, texts, label, prediction, and its probability (NaN: a number has none).

    `judged` is `test` or `out_of_fold`, as in reports/evaluation.json.
    """
    if judged == "test":
        rows, predictions = schemas.TEST.read(), schemas.TEST_PREDICTIONS.read()
    else:
        rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
        predictions = schemas.ENSEMBLE_OUT_OF_FOLD.read()
    texts = rows.set_index("id").loc[predictions["id"], ["text", "text_pair"]]
    return pd.DataFrame(
        {
            "id": predictions["id"].to_numpy(),
            "text": texts["text"].to_numpy(),
            "text_pair": texts["text_pair"].to_numpy(),
            "label": predictions["label"].to_numpy(),
            "predicted": predictions["predicted"].to_numpy(),
            "confidence": read_certainty(labels, predictions),
        }
    )


def count_outcomes(labels: Labels, rows: pd.DataFrame) -> dict[str, Any]:
    """Return how often each label met each prediction, over all rows.

    `cells` are [label, prediction, rows], both as positions in `names`; labels that are no class
    of the model stand last. Regression: in ranges of equal width, with their `edges`. Multilabel:
    `decisions` has right, wrongly given and missed rows of each label.
    """
    if labels.task == "multilabel":
        return {"names": list(labels.classes), "decisions": _count_decisions(labels, rows)}
    if labels.task == "regression":
        numbers = rows[["label", "predicted"]].astype("float64").to_numpy()
        edges = np.linspace(numbers.min(), numbers.max(), BINS + 1)
        codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, BINS - 1)
        names = [f"{low:.3g} – {high:.3g}" for low, high in pairwise(edges)]
        return {"names": names, "edges": edges.tolist(), "cells": _count_cells(codes)}
    names = [*labels.classes, *labels.unknown(rows["label"])]
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([[place[str(name)] for name in rows[c]] for c in ("label", "predicted")]).T
    return {"names": names, "cells": _count_cells(codes)}


def _count_cells(codes: np.ndarray) -> list[list[int]]:
    pairs, counts = np.unique(codes, axis=0, return_counts=True)
    return [[int(a), int(b), int(n)] for (a, b), n in zip(pairs, counts, strict=True)]


def _count_decisions(labels: Labels, rows: pd.DataFrame) -> list[list[int]]:
    actual, given = labels.encode(rows["label"]), labels.encode(rows["predicted"])
    right, extra, missed = (actual & given), (given & ~actual & 1), (actual & ~given & 1)
    return [
        [int(own.sum()) for own in column]
        for column in zip(right.T, extra.T, missed.T, strict=True)
    ]


def choose_rows(labels: Labels, rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Return at most `limit` rows in their order: errors first, among both those surest.

    Of numbers, those furthest from their label come first.
    """
    if labels.task == "regression":
        numbers = rows[["label", "predicted"]].astype("float64")
        rank = -(numbers["label"] - numbers["predicted"]).abs()
    else:
        given, target = read_decisions(labels, rows), labels.encode(rows["label"])
        rank = mark_correct(labels.task, target, given) * 2.0 - rows["confidence"]
    chosen = rows.assign(rank=rank).sort_values(["rank", "id"]).head(limit)
    return rows.loc[sorted(chosen.index)]


def make_columns(labels: Labels, rows: pd.DataFrame, characters: int) -> dict[str, Any]:
    """Return rows as columns for the page, texts cut to a number of characters."""
    numbers = labels.task == "regression"
    pairs = rows["text_pair"].tolist()
    return {
        "id": rows["id"].tolist(),
        "text": [cut_text(text, characters) for text in rows["text"]],
        "pair": [cut_text(text, characters) for text in pairs] if any(pairs) else None,
        "label": [float(v) if numbers else str(v) for v in rows["label"]],
        "predicted": [round(float(v), 4) if numbers else str(v) for v in rows["predicted"]],
        "confidence": None if numbers else [round(float(v), 4) for v in rows["confidence"]],
    }
