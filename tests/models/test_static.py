"""Averaged word vectors, read from a file or learnt from the training rows."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.models import fasttext, registry
from foldline.models.ngram_index import HashedNgrams, select_buckets
from foldline.models.word_vectors import read_vectors

NONE = np.zeros(0, dtype=np.int64)
TEXTS = ["Soup 김치 .", "new york"]


def write_vectors(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_grams_are_words_their_neighbours_and_their_parts():
    grams = HashedNgrams(2, (2, 3), 1 << 30, NONE)
    found = list(grams.hash_ngrams("Ab c"))
    # ab, <a ab b>, <ab ab>, c, <c c>, <c>, and the two words together
    assert len(found) == 1 + 3 + 2 + 1 + 2 + 1 + 1
    assert list(grams.hash_ngrams("ab C")) == found
    assert len(set(found)) == len(found)
    assert all(0 <= bucket < 5 for bucket in HashedNgrams(2, (2, 3), 5, NONE).hash_ngrams("ab c"))


def test_grams_of_too_few_rows_are_left_out():
    grams = HashedNgrams(1, (9, 9), 1 << 30, NONE)
    known = select_buckets(grams, ["a b b", "b c", "c"], 2)
    again = HashedNgrams(1, (9, 9), 1 << 30, known)

    assert len(known) == 2
    assert len(again.indices("a b c b")) == 3
    assert again.indices("a").tolist() == again.indices("").tolist() == []
    assert len(select_buckets(grams, ["a", "b"], 5)) == 2  # all, where none is frequent


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_only_words_that_are_needed_are_kept(header, packed, tmp_path):
    lines = ["the 1 0", "of 0 1 ", "soup 3 4", "rare 9 9", "김치 5 6", "York 1 1"]
    path = write_vectors(tmp_path / "v.txt", *(["6 2"] if header else []), *lines)
    if packed:
        path = tmp_path / "v.txt.gz"
        path.write_bytes(gzip.compress((tmp_path / "v.txt").read_bytes()))
    words, vectors = read_vectors(path, TEXTS, first=1)

    assert words.words == ("the", "soup", "김치")
    assert vectors.tolist() == [[1, 0], [3, 4], [5, 6]]
    assert words.indices("Soup of THE york").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("soup 1", r"line 2: 1 numbers after the word 'soup', expected 2"),
        ("soup 1 2 3", r"line 2: 3 numbers after the word 'soup', expected 2"),
        ("soup 1 x", r"line 2: could not convert string to float: 'x'"),
        ("soup 1 nan", r"line 2: a number is not finite"),
        ("bread 1 2", r"none of its 2 words occurs in the training rows"),
    ],
)
def test_bad_files_are_told_by_line(line, message, tmp_path):
    path = write_vectors(tmp_path / "v.txt", "salt 1 2", line)
    with pytest.raises(FoldlineError, match=message):
        read_vectors(path, TEXTS, first=10)


def test_files_that_cannot_be_read_are_told(tmp_path):
    for content in (b"", b"5 2\n"):
        (tmp_path / "v.txt").write_bytes(content)
        with pytest.raises(FoldlineError, match=r"v.txt holds no vector"):
            read_vectors(tmp_path / "v.txt", TEXTS, 1)
    (tmp_path / "v.bin").write_bytes(b"1 2\nsoup " + np.array([1, 2], dtype="<f4").tobytes())
    with pytest.raises(FoldlineError, match=r"v.bin is not text \(word2vec's binary form\?\)"):
        read_vectors(tmp_path / "v.bin", TEXTS, 1)
    with pytest.raises(FoldlineError, match=r"static.vectors=.*none.txt cannot be read"):
        read_vectors(tmp_path / "none.txt", TEXTS, 1)
    broken = tmp_path / "v.gz"
    broken.write_bytes(gzip.compress(b"soup 1 2\n" * 99)[:-9])
    with pytest.raises(FoldlineError, match="cannot be read"):
        read_vectors(broken, TEXTS, 1)


@pytest.mark.parametrize(
    ("task", "pairs"), [("classification", False), ("classification", True), ("regression", True)]
)
def test_vectors_of_a_file_are_averaged(task, pairs, fit, rows, labels, tmp_path):
    from tests.conftest import CLASSES, WORDS

    rng = np.random.default_rng(0)
    lines = [
        " ".join([word, *(f"{x:.3f}" for x in np.eye(3)[place] + rng.normal(size=3) / 10)])
        for place, name in enumerate(CLASSES)
        for word in WORDS[name]
    ]
    path = write_vectors(tmp_path / "v.txt", *lines)
    table = rows(task, pairs)
    found = fit(
        "static", table.iloc[:28], table.iloc[:0], task, files={"static.vectors": str(path)}
    )
    held = table.iloc[28:]
    predictions, target = found.model.predict(held), labels(task).encode(held["label"])

    assert found.summary == {"words": 30, "texts_with_known_words": 1}
    if task == "classification":
        assert (predictions.argmax(axis=1) == target).mean() > 0.9
    else:
        assert np.corrcoef(predictions, target)[0, 1] > 0.7
    registry.save(found.model, "static", labels(task), tmp_path / "m")
    path.unlink()  # the model stands by itself
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), predictions)


def test_learning_goes_down_and_is_told(fit, rows):
    table = rows()
    how = {"static.epochs": 60}
    found = fit("static", table.iloc[:28], table.iloc[:0], "classification", dotted=how)
    losses = [step["loss"] for step in found.history]

    assert [step["step"] for step in found.history] == list(range(1, 61))
    assert losses[0] == pytest.approx(np.log(3), abs=1e-6)  # nothing is known at first
    assert losses[-1] < losses[0] / 2
    assert found.history[0]["lr"] == 0.3
    assert found.history[-1]["lr"] == pytest.approx(0.3 / 60)


def test_learning_that_diverges_is_told(fit, rows):
    table = rows()
    how = {"static.lr": 1e30}
    with pytest.raises(FoldlineError, match=r"diverged with static.lr=1e\+30.* lower"):
        fit("static", table.iloc[:28], table.iloc[:0], "classification", dotted=how)


def test_balanced_classes_and_soft_labels_count(fit, rows, labels):
    table = rows().iloc[:30]
    few = table[(table["label"] != "food 음식") | (table.index < 4)]
    plain, balanced = (
        fit("static", few, few.iloc[:0], "classification", dotted={"static.class_weights": how})
        .model.predict(few)[:, 0]
        .mean()
        for how in ("none", "balanced")
    )
    assert balanced > plain
    shares = np.tile([0.7, 0.3, 0.0], (30, 1))
    soft = table.assign(**dict(zip(labels("classification").columns, shares.T, strict=True)))
    found = fit("static", soft, soft.iloc[:0], "classification").model.predict(soft)
    assert found.mean(axis=0) == pytest.approx([0.7, 0.3, 0.0], abs=0.05)


def test_several_labels_at_once(rows, labels, recipe, monkeypatch, tmp_path):
    from foldline.core.io.labels import Labels
    from foldline.models import fasttext, static
    from foldline.models.interface import Job

    table = rows()
    several = Labels("multilabel", labels("classification").classes)
    held = np.eye(3, dtype=np.int64)[labels("classification").encode(table["label"])]
    held[:, 2] |= held[:, 0]
    monkeypatch.setattr(fasttext, "training_targets", lambda rows, _: held[rows.index])
    job = Job(table.iloc[:28], table.iloc[:0], several, recipe({"static.epochs": 60}), tmp_path)
    found = static.fit(job).model.predict(table)

    assert ((found > 0.5) == held).mean() > 0.9
    assert found.sum(axis=1).max() > 1.5


@pytest.mark.parametrize(
    ("rows", "epochs"), [(1, 50), (5_000, 50), (20_000, 25), (50_000, 10), (10**6, 10)]
)
def test_few_rows_are_seen_more_often(rows, epochs):
    assert fasttext._resolve_epochs("auto", rows) == epochs
    assert fasttext._resolve_epochs(7, rows) == 7


def test_epochs_that_are_left_open_are_those_of_few_rows(fit, rows):
    table = rows()
    found = fit("static", table, table.iloc[:0], "classification", dotted={"static.epochs": "auto"})
    assert len(found.history) == 2 * 50
