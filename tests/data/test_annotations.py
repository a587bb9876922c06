"""Judgements of several people: how they are read, and what becomes of them in the pipeline."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.annotators import agreement, label_ceiling
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.params.loading import load_params
from foldline.ensembling.folds import split_training_rows
from foldline.evaluation.report import format_summary
from foldline.models.soft_labels import add_soft_labels, expand_soft_targets, training_targets
from stages import kfold
from tests.helpers import projects

FILE = Path("data/raw/judged.csv")
ON = {
    "data.annotations.file": FILE.as_posix(),
    "data.annotations.item": "item",
    "data.annotations.annotator": "who",
    "data.annotations.label": "said",
}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """Make intervals coarse and quick."""
    monkeypatch.setattr(agreement, "RESAMPLES", 50)
    monkeypatch.setattr(label_ceiling, "DRAWS", 10)


@pytest.fixture
def project(workplace):
    """Make a tiny project in which three people judge each row; the third errs in every fifth."""
    projects.make(workplace, ON)
    write_annotations(
        (row["id"], who, "sports" if who == "c" and n % 5 == 0 else row["label"])
        for n, row in enumerate(projects.topics())
        for who in "abc"
    )
    return workplace


def write_annotations(rows) -> None:
    records = [{"item": item, "who": who, "said": said} for item, who, said in rows]
    projects.write_csv(FILE, records)


def read_annotation_rows() -> list[tuple[str, str, str]]:
    table = pd.read_csv(FILE, dtype=str, keep_default_na=False)
    return list(table.itertuples(index=False, name=None))


def prepare(**options):
    changes = {f"data.annotations.{name}": value for name, value in options.items()}
    projects.set_params(Path("params.yaml"), changes)
    projects.run("prepare")
    return schemas.PREPARED.read().set_index("id"), json.loads(
        Path("reports/agreement.json").read_text(encoding="utf-8")
    )


def prepare_error(**options) -> str:
    with pytest.raises(FoldlineError) as caught:
        prepare(**options)
    return str(caught.value)


def test_without_annotations_nothing_is_there(workplace):
    projects.make(workplace)
    projects.run("prepare")

    assert json.loads(Path("reports/agreement.json").read_text(encoding="utf-8")) == {}
    assert schemas.ANNOTATIONS.read().empty
    assert schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read().empty


def test_without_aggregation_labels_stay_and_agreement_is_reported(project, capsys):
    rows, found = prepare(aggregate="none")

    assert rows["label"].tolist() == [row["label"] for row in projects.topics()]
    assert found["annotators"] == 3
    # Of 60 items 12 are judged in error, four of which say what is right: 8 differ.
    assert found["agreement"]["percent"]["value"] == pytest.approx((52 + 8 / 3) / 60)
    accuracy = found["ceiling"]["one_person"]["accuracy"]
    assert accuracy["value"] == pytest.approx(1 - 8 / (180 - 16))
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert "3 annotators, 60 items, 180 judgements: Krippendorff's" in capsys.readouterr().out
    kept = schemas.ANNOTATIONS.read()
    assert kept[kept["id"] == "r5"]["label"].tolist() == ["science", "science", "sports"]
    assert schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read().empty


def test_the_first_judgement_counts_and_later_ones_are_repeats(project):
    rows = read_annotation_rows()
    write_annotations([*rows, ("r0", "a", "sports"), ("r1", "a", "sports"), ("r1", "a", "science")])
    _, found = prepare(aggregate="none")

    assert found["judgements"] == 180
    assert found["self_agreement"]["repeats"] == 3
    assert found["self_agreement"]["agreement"]["value"] == pytest.approx(1 / 3)


def test_the_order_of_the_file_does_not_matter(project):
    prepare(aggregate="soft")
    files = [
        schemas.ANNOTATIONS.path,
        schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.path,
        Path("reports/agreement.json"),
    ]
    before = [path.read_bytes() for path in files]
    write_annotations(read_annotation_rows()[::-1])
    prepare(aggregate="soft")

    assert [path.read_bytes() for path in files] == before


def test_the_majority_is_the_label(project):
    write_annotations([("r0", "a", "science"), ("r0", "b", "science"), ("r0", "c", "economy")])
    rows, _ = prepare(aggregate="majority")

    assert rows.loc["r0", "label"] == "science"
    assert rows.loc["r1":, "label"].tolist() == [row["label"] for row in projects.topics()[1:]]


def test_a_tie_leaves_the_rows_own_label_or_drops_it(project, capsys):
    rows = projects.topics()
    rows[3]["label"] = ""
    projects.write_csv(Path("data/raw/rows.csv"), rows)
    tied = [(item, *said) for item in ("r0", "r3") for said in (("a", "economy"), ("b", "sports"))]
    write_annotations([*tied, ("r1", "a", "science")])
    found, _ = prepare(aggregate="majority")

    assert found.loc["r0", "label"] == "economy"
    assert "r3" not in found.index
    assert "line 5: 1 rows dropped (annotators tie" in capsys.readouterr().out


def test_rows_need_no_label_where_people_give_them(project):
    rows = projects.topics()
    projects.write_csv(
        Path("data/raw/rows.csv"), [{"id": r["id"], "text": r["text"]} for r in rows]
    )
    found, _ = prepare(aggregate="majority")

    assert found["label"].tolist() == [row["label"] for row in rows]
    assert "has no column 'label'" in prepare_error(aggregate="none")


def test_official_test_rows_get_labels_too_but_no_shares(project):
    rows = projects.topics()
    projects.write_csv(Path("data/raw/rows.csv"), rows[:45])
    projects.write_csv(Path("data/raw/test.csv"), [r | {"label": "economy"} for r in rows[45:]])
    projects.set_params(Path("params.yaml"), {"data.test": "data/raw/test.csv"})
    found, _ = prepare(aggregate="soft")

    assert found.loc["r46", "label"] == rows[46]["label"]
    assert schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read()["id"].tolist() == [
        row["id"] for row in rows[:45]
    ]


def test_soft_labels_are_the_shares(project):
    found, _ = prepare(aggregate="soft")
    shares = schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.read().set_index("id")

    assert list(shares.columns) == ["p_economy", "p_science", "p_sports"]
    assert shares.loc["r0"].tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert shares.loc["r1"].tolist() == [0, 0, 1]
    assert found.loc["r0", "label"] == "economy"


def test_the_mean_is_the_number(workplace):
    projects.make(workplace, ON | {"data.annotations.scale": "interval"}, "regression")
    write_annotations([("p0", "a", "1"), ("p0", "b", "2"), ("p0", "c", "2.5"), ("p1", "a", "4")])
    rows, found = prepare(aggregate="mean")

    assert float(rows.loc["p0", "label"]) == pytest.approx(5.5 / 3)
    assert float(rows.loc["p1", "label"]) == 4
    assert found["scale"] == "interval"


def test_an_ordinal_scale_may_be_one_of_words(project):
    projects.set_params(Path("params.yaml"), {"data.classes": ["sports", "economy", "science"]})
    _, found = prepare(scale="ordinal", aggregate="majority")

    assert found["agreement"]["alpha"]["value"] > 0.7
    assert {"accuracy", "spearman"} < set(found["ceiling"]["perfect"])


def test_what_lacks_a_value_or_a_row_is_left_out_with_a_note(project, capsys):
    write_annotations(
        [*read_annotation_rows(), ("r1", "", "sports"), ("r1", "d", " "), ("other", "a", "sports")]
    )
    _, found = prepare(aggregate="none")

    notes = capsys.readouterr().out
    assert "judged.csv, lines 182, 183: 2 annotations are incomplete and left out" in notes
    assert "judged.csv, line 184: 1 annotations left out, as their item" in notes
    assert found["judgements"] == 180


@pytest.mark.slow
def test_what_cannot_be_used_is_reported(project):
    assert "has no column 'persn'; it has item, who, said" in prepare_error(annotator="persn")
    assert "Set data.annotations.annotator" in prepare_error(annotator="persn")
    assert "lines 2, 3" in prepare_error(annotator="who", scale="interval")
    assert "'economy' is not a finite number" in prepare_error(scale="ordinal")
    write_annotations([*read_annotation_rows(), ("r1", "d", "sport")])
    message = prepare_error(scale="nominal", aggregate="majority")
    assert "judged.csv, line 182: label 'sport' (did you mean 'sports'?)" in message
    write_annotations([("x1", "a", "sports")])
    assert "no item (such as 'x1') is the id of a row (such as 'r0')" in prepare_error()
    write_annotations([("r1", "", "sports")])
    assert "no row has a value in each of the columns item, who, said" in prepare_error()
    projects.set_params(Path("params.yaml"), {"data.id": None})
    assert "data.id is null" in prepare_error()


def test_an_id_of_two_rows_is_nobodys(project):
    rows = projects.topics()
    projects.write_csv(Path("data/raw/test.csv"), rows[:6])
    projects.set_params(Path("params.yaml"), {"data.test": "data/raw/test.csv"})

    assert "item 'r0' is the id of rows in more than one file" in prepare_error()
    write_annotations(row for row in read_annotation_rows() if int(row[0][1:]) > 5)
    prepare()
    assert schemas.ANNOTATIONS.read()["id"].iloc[0] == "train-r10"


def test_copies_have_the_shares_of_their_source():
    labels = Labels("classification", ("a", "b"))
    shares = pd.DataFrame({"id": ["x", "z"], "p_a": [0.75, 0.0], "p_b": [0.25, 1.0]})
    rows = pd.DataFrame({"id": ["x", "y", "x+1"], "label": ["a", "b", "a"]})
    copies = rows.assign(source_id=["x", "y", "x"])

    assert training_targets(add_soft_labels(copies, shares, labels), labels).tolist() == [
        [0.75, 0.25],
        [0.0, 1.0],
        [0.75, 0.25],
    ]
    assert training_targets(add_soft_labels(rows, shares, labels), labels)[2].tolist() == [1.0, 0.0]
    assert training_targets(add_soft_labels(rows, shares.iloc[:0], labels), labels).tolist() == [
        0,
        1,
        0,
    ]


def test_a_row_stands_once_for_each_of_its_classes():
    places, codes, weights = expand_soft_targets(np.array([[0.75, 0.25], [0.0, 1.0]]))

    assert (places.tolist(), codes.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert weights.tolist() == [0.75, 0.25, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_certain_shares_give_exactly_the_hard_result(model, fit, rows, labels):
    own, classes = rows(), labels("classification")
    certain = pd.DataFrame(np.eye(3)[classes.encode(own["label"])], columns=classes.columns)
    soft = add_soft_labels(own, certain.assign(id=own["id"]), classes)
    how = {"train.class_weights": "balanced", "tfidf.class_weights": "balanced"}
    hard, same = (
        fit(model, table.iloc[:28], table.iloc[28:34], "classification", dotted=how)
        for table in (own, soft)
    )

    held = own.iloc[34:]
    np.testing.assert_array_equal(same.model.predict(held), hard.model.predict(held))


@pytest.mark.parametrize(
    "model",
    ["tfidf", *(pytest.param(m, marks=pytest.mark.slow) for m in ("scratch", "pretrained"))],
)
def test_doubt_is_learnt(model, fit, rows, labels):
    """Rows of one class that people share between two: probabilities go towards the shares."""
    own, classes = rows(), labels("classification")
    shares = np.eye(3)[classes.encode(own["label"])]
    shares[:, 1], shares[:, 0] = shares[:, 1] + shares[:, 0] / 2, shares[:, 0] / 2
    table = pd.DataFrame(shares, columns=classes.columns).assign(id=own["id"])
    how = {"epochs": 12, "lr": 1e-2, "dotted": {"tfidf.class_weights": "none"}}
    hard, soft = (
        fit(model, t, own.iloc[:0], "classification", **how).model.predict(own)
        for t in (own, add_soft_labels(own, table, classes))
    )
    first = classes.encode(own["label"]) == 0

    assert hard[first, 0].mean() > soft[first, 0].mean() + 0.1
    assert hard[first, 1].mean() < soft[first, 1].mean() - 0.1


@pytest.mark.slow
def test_the_whole_chain_with_soft_labels(project, capsys):
    projects.set_params(Path("params.yaml"), {"data.annotations.aggregate": "soft"})
    projects.run()

    printed = capsys.readouterr().out
    assert "human one person" in printed
    assert "human ceiling" in printed
    found = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))
    stated = json.loads(Path("reports/agreement.json").read_text(encoding="utf-8"))
    assert found["ceiling"] == stated["ceiling"]
    held = schemas.OUT_OF_FOLD.read()
    projects.set_params(Path("params.yaml"), {"data.annotations.aggregate": "majority"})
    projects.run("prepare", "split", "augment", "train", "kfold")
    assert (schemas.OUT_OF_FOLD.read()["p_sports"] != held["p_sports"]).any()


def test_a_ceiling_on_another_scale_names_its_metric():
    one = {"pearson": {"value": 0.78, "low": None, "high": 0.8}}
    perfect_model = {"model": "slips", "f1_macro": {"value": 0.9, "low": 0.8, "high": 1.0}}
    found = {
        "test": {"metrics": {"f1_macro": 0.5}, "interval": {"f1_macro": {"low": 0.4, "high": 0.6}}}
    }
    found["test"] |= {"members": {}, "baselines": {}, "external": {}}
    people = {"one_person": one, "perfect": perfect_model, "judgements_per_item": 3.0}

    lines = format_summary("classification", found, "test", 0.95, people)
    assert lines[2:4] == [
        "human one person (pearson)  0.7800  [nan, 0.8000]",
        "human ceiling               0.9000  [0.8000, 1.0000]",
    ]
    assert "human" not in " ".join(format_summary("classification", found, "test", 0.95))


def test_people_who_judged_by_other_classes_stand_in_no_line():
    found = {
        "test": {"metrics": {"f1_macro": 0.5}, "interval": {"f1_macro": {"low": 0.4, "high": 0.6}}}
    }
    found["test"] |= {"members": {}, "baselines": {}, "external": {}}
    one = {"f1_macro": {"value": 0.5, "low": 0.4, "high": 0.6}}
    people = {"one_person": one, "perfect": one, "labels": ["-1", "1"]}

    same = format_summary("classification", found, "test", 0.95, people, ["1", "-1"])
    other = format_summary("classification", found, "test", 0.95, people, ["bad", "good"])

    assert [line[:5] for line in same[2:4]] == ["human", "human"]
    assert other[3:] == [
        "annotators used -1, 1, models predict bad, good: not comparable; reports/agreement.json "
        "has the human agreement"
    ]


def test_judgements_in_other_words_than_the_labels_are_refused(project):
    write_annotations([(item, name, "1") for item, name, _ in read_annotation_rows()])

    assert "the annotations are 1, but column 'label'" in prepare_error(aggregate="majority")


def test_cross_validation_reads_the_shares_of_its_training_rows_alone(project):
    projects.set_params(Path("params.yaml"), {"data.annotations.aggregate": "soft"})
    projects.run("prepare", "split", "augment")
    labels = Labels.load()
    folds = kfold.read_folds(load_params(kfold.Params), labels)
    test = set(schemas.TEST.read()["id"])
    shares = schemas.SOFT_LABELS.read()
    assert test
    inside = shares["id"].isin(test)
    doubtful = shares.assign(p_sports=shares["p_sports"].where(~inside, 0.123))
    schemas.SOFT_LABELS.write(doubtful)
    assert [f.key for f in kfold.read_folds(load_params(kfold.Params), labels)] == [
        f.key for f in folds
    ]
    doubtful = shares.assign(p_sports=shares["p_sports"].where(inside, 0.123))
    schemas.SOFT_LABELS.write(doubtful)
    assert not {f.key for f in kfold.read_folds(load_params(kfold.Params), labels)} & {
        f.key for f in folds
    }


def test_copies_in_folds_have_the_shares_of_their_source(project):
    copies = {"augment.method": "swap", "augment.strategy": "n_per_row", "augment.copies": 1}
    projects.set_params(Path("params.yaml"), copies | {"data.annotations.aggregate": "soft"})
    projects.run("prepare", "split")
    labels = Labels.load()
    shares = schemas.SOFT_LABELS.read().set_index("id")
    learn, _ = split_training_rows(kfold.read_folds(load_params(kfold.Params), labels)[0])

    assert (learn["method"] == "swap").any()
    expected = shares.loc[learn["source_id"]].to_numpy()
    np.testing.assert_array_equal(learn[labels.columns].to_numpy(), expected)
