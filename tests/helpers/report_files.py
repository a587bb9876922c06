"""What the stages leave for the report, small, with texts and names that mean harm."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import Labels
from foldline.core.recorded_hashes import hash_file
from foldline.evaluation.comparison import FILE as COMPARISON
from foldline.evaluation.flips import list_flips
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.scores import score
from foldline.metrics.comparison import compare_predictions
from tests.helpers import projects
from tests.helpers.viewer_tables import CLASSES, HOSTILE

HARM = HOSTILE[0]
CLASSIFICATION = Labels("classification", CLASSES)
MULTILABEL = Labels("multilabel", CLASSES)
REGRESSION = Labels("regression")
RESAMPLES = 100


def make_rows(labels: Labels, count: int = 60) -> pd.DataFrame:
    """Return judged rows with texts that mean harm among them."""
    texts = [*HOSTILE, *(f"Row number {k} 행" for k in range(len(HOSTILE), count))]
    if labels.task == "regression":
        label = [str(k % 11 / 2) for k in range(count)]
    elif labels.task == "multilabel":
        label = ["|".join(n for c, n in enumerate(CLASSES) if (k >> c) & 1) for k in range(count)]
    else:
        label = [CLASSES[k % 3] for k in range(count)]
    ids = [f"r{k}" for k in range(count)]
    columns = {"id": ids, "text": texts[:count], "text_pair": "", "label": label, "group": ids}
    return pd.DataFrame(columns)


def predict(labels: Labels, rows: pd.DataFrame, wrong: int) -> np.ndarray:
    """Return predictions of which every `wrong`th is wrong."""
    target = labels.encode(rows["label"])
    spoilt = np.arange(len(rows)) % wrong == 0
    if labels.task == "regression":
        return np.asarray(target + np.where(spoilt, 1.5, 0.1))
    if labels.task == "multilabel":
        return np.abs(target - 0.2) * ~spoilt[:, None] + np.abs(target - 0.8) * spoilt[:, None]
    given = np.where(spoilt, (target + 1) % len(CLASSES), target)
    return np.asarray(np.eye(len(CLASSES))[given] * 0.7 + 0.1)


def write_reports(labels: Labels, count: int = 60) -> pd.DataFrame:
    """Write rows, predictions and reports as the stages do; return the rows."""
    rows = make_rows(labels, count)
    final, weak = predict(labels, rows, 7), predict(labels, rows, 3)
    labels.save()
    schemas.TEST.write(rows)
    own = labels.table(final).assign(id=rows["id"], label=rows["label"])
    schemas.TEST_PREDICTIONS.write(own)
    target, groups = labels.encode(rows["label"]), rows["group"].to_numpy(dtype=str)
    part = EvaluationSet(labels, target, groups, final, {"model": final}, {"tfidf <b>": weak})
    scores = score(part, RESAMPLES, 0.95, 0)
    others = {"tfidf <b>": weak}
    main = "pearson" if labels.task == "regression" else "f1_macro"
    found = compare_predictions(labels.task, target, final, others, groups, 100, 0, main, 0.95)
    comparisons = [{"name": n, "kind": "baseline"} | c._asdict() for n, c in found.items()]
    details = {"judged": "test", "test": scores["metrics"], "comparisons": comparisons}
    details |= {"undefined": {"test": scores["undefined"]}, "valid": scores["metrics"]}
    details |= {k: v for k, v in scores.items() if k not in ("metrics", "undefined")}
    schemas.write_report(schemas.EVALUATE_REPORT, details | make_findings(rows))
    before = labels.table(weak)
    change = comparisons[0] | {"flips": list_flips(labels, rows, before, own)}
    predictions = {"path": schemas.TEST_PREDICTIONS.path.as_posix()}
    predictions["md5"] = hash_file(schemas.TEST_PREDICTIONS.path)
    write_json(
        COMPARISON,
        {
            "predictions": predictions,
            "level": 0.95,
            "metric": main,
            "parent": {"commit": "0123456789abcdef"} | change,
            "baseline": {"name": "tfidf <b>", "flips": change["flips"]},
            "test_use": {"openings": 12, "this": True, "optimism": 0.021},
        },
    )
    Path("params.yaml").write_bytes(projects.PARAMS.read_bytes())
    return rows


def make_findings(rows: pd.DataFrame) -> dict[str, Any]:
    """Return findings about rows as `evaluate` writes them, by hand."""
    ids = rows["id"].tolist()[:3]
    found = {"rows": 20, "value": 0.4, "rest": 0.1, "difference": 0.3, "shrunken": 0.2}
    a_slice = found | {"low": 0.1, "high": 0.5, "p": 0.001, "q": 0.01, "ids": ids}
    conditions = [
        {"feature": "length", "value": "1 to 20 characters"},
        {"feature": HARM, "value": HARM},
    ]
    a_slice |= {"name": HARM, "conditions": conditions}
    example = {"text": HARM, "changed": HOSTILE[2], "expected": "same", "before": "good <i>"}
    test = {"pack": "en", "kind": "invariance", "count": 10, "failed": 3, "pass_rate": 0.7}
    error = {"text": HARM, "text_pair": "", "label": "bad", "id": "r0"}
    bins = [{"confidence": c, "accuracy": c, "low": c / 2, "high": 1.0} for c in (0.4, 0.7)]
    method = {"log_loss": 0.5, "brier": 0.2, "smooth_ece": 0.1, "ece_equal_mass": 0.1}
    curve = [{"coverage": c, "risk": c / 4} for c in (0.2, 0.6, 1.0)]
    threshold = {"threshold": 0.6, "coverage": 0.5, "accuracy": 0.9, "low": 0.8, "high": 0.95}
    return {
        "slices": {
            "rows": len(rows),
            "measure": "error",
            "overall": 0.14,
            "tested": 30,
            "level": 0.05,
            "established": [a_slice],
            "closest": [a_slice | {"q": 0.2}],
        },
        "behaviour": {
            "tests": [
                test
                | {"name": HARM, "group": "typos", "low": 0.4, "high": 0.9, "required": 0.95}
                | {"examples": [example | {"after": "bad", "id": "r0"}]}
            ],
            "skipped": [{"name": "names", "pack": "ko", "reason": HARM}],
            "curves": [
                {
                    "name": "typos",
                    "metric": "f1_macro",
                    "points": [
                        {"share": s, "score": 0.8 - s, "low": 0.7 - s, "high": 0.9 - s}
                        for s in (0.0, 0.1, 0.4)
                    ],
                }
            ],
        },
        "errors": {
            "highest_loss": [error | {"predicted": "good <i>", "probability": 0.1, "loss": 2.3}],
            "suspected_labels": [
                error | {"suggested": "good <i>", "self_confidence": 0.05, "part": "train"}
            ],
            "noise": [{"class": HARM, "rows": 20, "suspected": 2, "share": 0.1}],
            "words": [
                {"label": "bad", "predicted": "good <i>", "words": [{"word": HARM, "score": 3.0}]}
            ],
        },
        "calibration": {
            "method": "none",
            "test": {"methods": {"none": method, "temperature": method}, "bins": bins},
        },
        "costs": {"test": {"mean_cost": 0.3, "difference": -0.1, "low": -0.2, "high": 0.0}},
        "in_scope": {
            "test": {
                "rows": 60,
                "out_of_scope": 1,
                "least_alike": [{"id": "r0", "in_scope_p": 0.001, "text": HARM}],
            }
        },
        "confidence": {"test": {"aurc": 0.08, "curve": curve, "thresholds": {"0.9": threshold}}},
    }
