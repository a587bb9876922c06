"""Boosted trees: plain arrays that say what scikit-learn says, and hand-made features."""

import numpy as np
import pytest

from foldline.models import gbdt
from foldline.models.boosted_trees import Forest, extract_forest
from foldline.models.surface_features import COUNTS, KINDS, surface_features


@pytest.mark.parametrize("classes", [0, 2, 4])
def test_trees_as_arrays_are_scikit_learns(classes):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    rng = np.random.default_rng(0)
    features, new = rng.normal(size=(300, 5)), rng.normal(size=(200, 5))
    target = features @ rng.normal(size=5) + rng.normal(size=300)
    if classes:
        target = np.digitize(target, np.quantile(target, np.linspace(0, 1, classes + 1)[1:-1]))
        model = HistGradientBoostingClassifier(max_iter=15, early_stopping=False)
        expected = model.fit(features, target).decision_function(new).reshape(200, -1)
    else:
        model = HistGradientBoostingRegressor(max_iter=15, early_stopping=False)
        expected = model.fit(features, target).predict(new)[:, None]
    forest = extract_forest(model)
    again = Forest.from_arrays(forest.arrays())

    np.testing.assert_allclose(forest.scores(new), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(again.scores(new), forest.scores(new))
    alone = np.concatenate([forest.scores(new[i : i + 1]) for i in range(9)])
    np.testing.assert_array_equal(alone, forest.scores(new)[:9])


def test_what_a_text_looks_like_by_hand():
    found = surface_features(["Ab 1!\n가漢の é", ""])
    shares = dict(zip(KINDS, found[0, COUNTS:] * 11, strict=True))

    assert found[0, :COUNTS] == pytest.approx([*np.log1p([11, 4, 1]), 2.0])
    assert shares == pytest.approx(
        {"digit": 1, "punctuation": 1, "upper": 1, "space": 3, "Latin": 3, "Hangul": 1, "Han": 1,
         "Kana": 1, "other": 0}
    )  # fmt: skip
    assert (found[1] == 0).all()


@pytest.mark.slow
def test_features_of_a_row_are_its_own_to_the_last_bit(fit, rows):
    """A tree's threshold would turn a last digit into another leaf."""
    for pairs in (False, True):
        table = rows("classification", pairs)
        reader = fit("gbdt", table.iloc[:28], table.iloc[28:], "classification").model.extractor
        together = reader.extract(table)
        alone = np.concatenate([reader.extract(table.iloc[i : i + 1]) for i in range(len(table))])
        np.testing.assert_array_equal(alone, together)


def test_validation_rows_say_when_to_stop(fit, rows, parts):
    train, valid = parts
    how = {"gbdt.iterations": 60, "gbdt.patience": 3, "gbdt.lr": 0.5}
    free = fit("gbdt", train, valid.iloc[:0], "classification", dotted=how)
    stopped = fit("gbdt", train, valid, "classification", dotted=how)

    assert free.summary["trees"] == 60 * 3
    assert stopped.summary["trees"] < 60 * 3


def test_several_labels_have_trees_of_their_own(fit, rows, labels, recipe, monkeypatch, tmp_path):
    from foldline.core.io.labels import Labels
    from foldline.models.interface import Job

    table = rows()
    several = Labels("multilabel", labels("classification").classes)
    held = np.eye(3, dtype=np.int64)[labels("classification").encode(table["label"])]
    held[:, 2] = 0
    monkeypatch.setattr(
        gbdt, "training_targets", lambda rows, _: held[table.index.get_indexer(rows.index)]
    )
    job = Job(table.iloc[:28], table.iloc[28:], several, recipe(), tmp_path)
    found = gbdt.fit(job).model.predict(table)

    assert found.shape == (40, 3)
    assert (found[:, 2] == 0).all()
    assert ((found > 0.5) == held).mean() > 0.8
