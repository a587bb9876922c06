"""Costs and shares of classes from params.yaml to submission: the same wherever the ensemble is."""

from pathlib import Path

import numpy as np
import pytest

from foldline import Predictor
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.ensembling.ensemble import FILE, Ensemble
from tests.helpers import projects
from tests.stages.test_calibration_stages import make_project

TRUE, TAKEN = "economy", "science"  # the first two of three classes


@pytest.mark.slow
def test_stages_and_predictor_decide_by_the_same_costs_and_shares(workplace):
    options = {"ensemble.prior": "predict", "ensemble.threshold": "cost", "model": "tfidf"}
    costs = {"ensemble.costs": {TRUE: {TAKEN: 9}}}
    texts = make_project("classification", options | costs)
    projects.run()
    ensemble, labels = Ensemble.load(), Labels.load()
    new = schemas.UNLABELLED_PREDICTIONS.read()
    report = read_json(Path("reports/evaluation.json"))

    assert ensemble.costs[0][1] == 9
    assert len(ensemble.prior.weights) == 3
    assert new["predicted"].tolist() == Predictor().predict(texts)
    np.testing.assert_array_equal(labels.predictions(new), Predictor().predict_proba(texts))
    decided = ensemble.set_thresholds(labels).decode(labels.predictions(new))
    assert new["predicted"].tolist() == decided
    assert set(report["prior_shift"]["predict"]) == set(labels.classes)
    assert report["prior_shift"]["rows"] == len(new)
    assert report["costs"]["test"]["mean_cost"] >= 0
    assert {"test", "predict"} <= set(report["in_scope"])
    # A shift that is established is applied to new rows alone.
    content = read_json(FILE)
    content["prior"]["shift"] = [1.0, 5.0, 1.0]
    write_json(FILE, content)
    before = labels.predictions(new)
    after = Predictor().predict_proba(texts).to_numpy()
    assert after == pytest.approx(before * [1, 5, 1] / (before * [1, 5, 1]).sum(axis=1)[:, None])
    content["prior"]["shift"] = [1.0]
    write_json(FILE, content)
    with pytest.raises(FoldlineError, match=r"prior\.shift: must be 3 numbers"):
        Predictor().predict(texts)
