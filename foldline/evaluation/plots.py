"""Tables that DVC plots: predictions against labels, and calibration."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import replace_atomically
from foldline.evaluation.parts import EvaluationSet
from foldline.metrics.calibration import Bin, compute_confidence, reliability_bins

FOLDER = Path("reports/plots")
NONE = "(none)"
GRID = np.linspace(0, 1, 101)


def write_plots(
    part: EvaluationSet, labels: list[str], level: float, folder: Path = FOLDER
) -> None:
    """Write the tables of the plots; `labels` (n,) are the rows' labels as text."""
    has_classes = bool(part.labels.classes)
    predictions = make_confusion_table(part, labels) if has_classes else make_scatter_table(part)
    tables = {
        "predictions": predictions,
        "reliability": make_reliability_table(part, level),
        "roc": make_roc_table(part),
        "precision_recall": make_precision_recall_table(part),
    }
    for name, table in tables.items():
        with replace_atomically(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def make_confusion_table(part: EvaluationSet, labels: list[str]) -> pd.DataFrame:
    """Return `actual` and `predicted` of each row, for DVC's confusion plot.

    Multilabel: one line for each label that a row has or is predicted to have, with NONE on the
    side where it is missing.
    """
    codes = part.decide()
    predicted = part.labels.name(codes)
    if part.labels.task != "multilabel":
        return pd.DataFrame({"actual": labels, "predicted": predicted})
    actual = part.target == 1
    decoded = codes == 1
    cells = np.nonzero(actual | decoded)
    names = np.array([*part.labels.classes, NONE], dtype=object)
    return pd.DataFrame(
        {
            name: names[np.where(present[cells], cells[1], len(names) - 1)]
            for name, present in (("actual", actual), ("predicted", decoded))
        }
    )


def make_scatter_table(part: EvaluationSet) -> pd.DataFrame:
    """Return `actual` and `predicted` numbers of each row, for DVC's scatter plot."""
    return pd.DataFrame({"actual": part.target, "predicted": part.final})


def make_reliability_table(part: EvaluationSet, level: float) -> pd.DataFrame:
    """Return accuracy, with its interval, and mean confidence by bin of confidence.

    Bins have about equally many rows. Multilabel: each decision counts. Regression has no
    probabilities: an empty table.
    """
    rows: list[Bin] = []
    if part.labels.classes and len(part.final):
        confidence, correct = compute_confidence(part.labels.task, part.target, part.final)
        rows = reliability_bins(confidence, correct, level)
    return pd.DataFrame(rows, columns=list(Bin._fields))


def make_roc_table(part: EvaluationSet) -> pd.DataFrame:
    """Return false and true positive rate, the mean of the ROC curves of the classes.

    Each class against the rest; of two classes the second. Regression: an empty table.
    """
    from sklearn.metrics import roc_curve

    curves = []
    for target, score in _list_binary(part):
        false_positive, true_positive, _ = roc_curve(target, score)
        curves.append(np.interp(GRID, false_positive, true_positive))
    return _average(["false_positive_rate", "true_positive_rate"], curves)


def make_precision_recall_table(part: EvaluationSet) -> pd.DataFrame:
    """Return recall and precision, the mean of the curves of the classes; see `make_roc_table`."""
    from sklearn.metrics import precision_recall_curve

    curves = []
    for target, score in _list_binary(part):
        precision, recall, _ = precision_recall_curve(target, score)
        curves.append(np.interp(GRID, recall[::-1], precision[::-1]))
    return _average(["recall", "precision"], curves)


def _list_binary(part: EvaluationSet) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return targets of 0 and 1 with their scores, for each class that has rows of both kinds."""
    if not part.labels.classes:
        return []
    classes = range(len(part.labels.classes))
    if part.labels.task == "multilabel":
        targets = [part.target[:, c] for c in classes]
    else:
        classes = range(1, 2) if len(classes) == 2 else classes
        targets = [(part.target == c).astype(np.int64) for c in classes]
    pairs = zip(targets, (part.final[:, c] for c in classes), strict=True)
    return [(target, score) for target, score in pairs if 0 < target.sum() < len(target)]


def _average(columns: list[str], curves: list[np.ndarray]) -> pd.DataFrame:
    if not curves:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({columns[0]: GRID, columns[1]: np.mean(curves, axis=0)})
