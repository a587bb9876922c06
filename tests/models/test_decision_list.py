"""The decision list by hand: one word of a text decides, the most telling one."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.models import decision_list
from foldline.models.interface import Job


def fit(tmp_path, recipe, labels: Labels, texts: list[str], targets: list[str], **columns):
    rows = pd.DataFrame({"id": [f"r{i}" for i in range(len(texts))], "text": texts})
    rows = rows.assign(text_pair="", label=targets, **columns)
    job = Job(rows, rows.iloc[:0], labels, recipe(model="decision-list"), tmp_path)
    return decision_list.fit(job).model


def predict(model, *texts: str) -> np.ndarray:
    return model.predict(pd.DataFrame({"id": list(texts), "text": texts, "text_pair": ""}))


def test_the_strongest_word_decides_alone(tmp_path, recipe):
    texts = ["good film", "good film", "good day", "bad film", "bad day", "sad"]
    labels = ["yes", "yes", "yes", "no", "no", "no"]
    model = fit(tmp_path, recipe, Labels("classification", ("no", "yes")), texts, labels)

    # good: three of three yes, with half a text more: 3.5 / 4; bad: two of two no: 2.5 / 3.
    found = predict(model, "good bad unknown", "bad film", "film", "unknown sad", "")
    assert found[:, 1] == pytest.approx([3.5 / 4, 0.5 / 3, 2.5 / 4, 0.5, 0.5])


def test_each_label_has_its_own_strongest_word(tmp_path, recipe):
    texts = ["x y", "x", "y", "z", "z", "x y"]
    model = fit(tmp_path, recipe, Labels("multilabel", ("a", "b")), texts,
                ["a|b", "a", "b", "", "", "a|b"])  # fmt: skip

    found = predict(model, "x z", "y")
    assert (found[0] > 0.5).tolist() == [True, False], "x decides on a, z on b"
    assert (found[1] > 0.5).tolist() == [True, True]


def test_numbers_are_means_and_weights_count(tmp_path, recipe):
    texts, labels = ["x", "x", "y", "y"], ["1", "3", "10", "10"]
    plain = fit(tmp_path, recipe, Labels("regression"), texts, labels)
    heavy = fit(tmp_path, recipe, Labels("regression"), texts, labels, weight=[3.0, 1.0, 1.0, 1.0])

    assert predict(plain, "x", "") == pytest.approx([(1 + 3 + 6) / 3, 6])
    assert predict(heavy, "x")[0] < predict(plain, "x")[0]


def test_without_a_word_in_two_texts_the_mean_is_predicted(tmp_path, recipe):
    model = fit(tmp_path, recipe, Labels("classification", ("a", "b")), ["x", "y"], ["a", "b"])

    assert predict(model, "x").tolist() == [[0.5, 0.5]]
