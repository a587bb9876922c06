"""The errors of the final predictions with their texts, and labels that are probably wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.io.texts import join_texts
from foldline.data.suspected_labels import add_suspected_errors
from foldline.evaluation.confusions import describe_confusions, find_confusions
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.regression_errors import report_bins, report_conversions
from foldline.evaluation.row_records import TEXTS, make_records
from foldline.evaluation.words import find_words
from foldline.metrics.calibration import compute_certainty, compute_log_losses
from foldline.metrics.comparison import compute_errors

MAX_ROWS, MAX_CHARACTERS = 30, 300


def make_errors_report(
    part: EvaluationSet,
    rows: Mapping[str, pd.DataFrame],
    final: str,
    folds: pd.DataFrame,
    level: float,
) -> dict[str, Any]:
    """Return the errors of the judged rows, those of the part `final`, as the key `errors`.

    Suspected labels are of training and validation rows, by their out-of-fold predictions
    (`folds`) of all members. Words are claimed at `level`.
    """
    labels, judged = part.labels, rows[final]
    if judged.empty:
        return {}
    decided = part.decide()
    report: dict[str, Any] = {"highest_loss": list_highest_losses(part, judged, decided)}
    report |= report_suspected(labels, rows, folds)
    if labels.task == "regression":
        learnt = labels.encode(rows["out_of_fold"]["label"])
        report |= {"confusions": [], "words": [], "bins": report_bins(part.target, part.final)}
        return {"errors": report | report_conversions(part.target, part.final, learnt)}
    confusions = find_confusions(labels, part.target, decided)
    losses = compute_losses(labels.task, part.target, part.final)
    report["confusions"] = describe_confusions(confusions, judged["id"].tolist(), losses)
    report["words"] = find_words(confusions, join_texts(judged), part.groups, level)
    return {"errors": report}


def compute_losses(task: str, target: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Return the loss of each row (n,): the log loss, or the absolute error.

    Multilabel: the sum over the labels.
    """
    if task == "regression":
        return compute_errors(task, target, final)
    losses = compute_log_losses(task, target, final)
    return losses * target.shape[1] if task == "multilabel" else losses


def list_highest_losses(
    part: EvaluationSet, rows: pd.DataFrame, decided: np.ndarray
) -> list[dict[str, Any]]:
    """Return the rows of highest loss, with the probability of what was predicted.

    Multilabel: of the least sure label. Numbers have none.
    """
    labels, final = part.labels, part.final
    predicted: list[Any] = final.tolist() if labels.task == "regression" else labels.name(decided)
    sure = compute_certainty(labels.task, final, decided)
    losses = compute_losses(labels.task, part.target, final)
    table = rows[["id", *TEXTS, "label"]].assign(predicted=predicted, probability=sure, loss=losses)
    first = table.sort_values(["loss", "id"], ascending=[False, True]).head(MAX_ROWS)
    return make_records(first, MAX_CHARACTERS)


def report_suspected(
    labels: Labels, rows: Mapping[str, pd.DataFrame], folds: pd.DataFrame
) -> dict[str, Any]:
    """Return `suspected_labels`, the least probable first, and `noise` by class.

    Multilabel: `noise` counts every row for each label, set or not.
    """
    in_valid = rows["out_of_fold"]["id"].isin(set(rows["valid"]["id"]))
    table = rows["out_of_fold"].assign(part=np.where(in_valid, "valid", "train"))
    suspected = add_suspected_errors(table, folds, labels)
    sizes = dict.fromkeys(labels.classes, len(table))
    if labels.task == "classification":
        sizes |= {str(name): int(n) for name, n in table["label"].value_counts().items()}
    noise = [
        {"class": n, "rows": sizes[n], "suspected": k, "share": k / sizes[n] if sizes[n] else 0.0}
        for n, k in suspected.items()
    ]
    first = table[table["suspected"]].sort_values(["self_confidence", "id"]).head(MAX_ROWS)
    shown = first.rename(columns={"guess": "suggested"})
    columns = ["id", *TEXTS, "label", "suggested", "self_confidence", "part"]
    return {"suspected_labels": make_records(shown[columns], MAX_CHARACTERS), "noise": noise}


def format_errors_report(report: Mapping[str, Any]) -> list[str]:
    """Return lines on the largest confusion and its words, and on suspected labels."""
    own = report.get("errors", {})
    lines = []
    if own.get("confusions"):
        first = own["confusions"][0]
        line = (
            f"largest confusion: {first['label'] or 'none'} as {first['predicted'] or 'none'}, "
            f"{first['rows']} rows, {first['share']:.1%}"
        )
        words = [w["words"] for w in own["words"] if w["label"] == first["label"]
                 and w["predicted"] == first["predicted"]]  # fmt: skip
        if words:
            line += f"; its words: {', '.join(word['word'] for word in words[0][:5])}"
        lines.append(line)
    if count := sum(entry["suspected"] for entry in own.get("noise", [])):
        lines.append(f"{count} suspected labels in train and valid: `foldline view` shows them")
    return lines
