"""Any number of labels a row, from the user's file to the submission."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.augmentation.sampling_plan import assign_classes
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data import multilabel
from foldline.evaluation.submission import make_submission
from tests.helpers import projects


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(rows=None, **changes):
        projects.make(tmp_path, changes, "multilabel")
        if rows is not None:
            projects.write_csv(tmp_path / "data/raw/rows.csv", rows)

    return make


def prepare_labels() -> list[str]:
    projects.run("prepare")
    return schemas.PREPARED.read()["label"].tolist()


def to_label_columns(rows):
    names = list(projects.SUBJECTS)
    return [
        {"id": row["id"], "text": row["text"]}
        | {name: int(name in row["label"].split("|")) for name in names}
        for row in rows
    ]


@pytest.mark.slow
def test_one_column_and_columns_of_0_and_1_and_json_are_the_same(project):
    rows = projects.multilabel_rows()
    project(rows)
    expected = prepare_labels()
    semicolons = [row | {"label": row["label"].replace("|", "; ")} for row in rows]
    project(semicolons, **{"data.separator": ";"})
    assert prepare_labels() == expected
    listed = [row | {"label": json.dumps(row["label"].split("|"))} for row in rows]
    project(listed)
    assert prepare_labels() == expected
    project([row | {"label": str(row["label"].split("|"))} for row in rows])
    assert prepare_labels() == expected
    project(to_label_columns(rows), **{"data.label": list(projects.SUBJECTS)})
    assert prepare_labels() == expected
    assert "economy|science" in expected
    assert "" in expected


def test_labels_of_a_row_have_one_order_and_stand_once(project):
    rows = projects.multilabel_rows()
    rows[5]["label"] = " sports|economy | sports|"
    project(rows)
    assert prepare_labels()[5] == "economy|sports"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"economy": "2"}, r"line 4: column 'economy' holds '2'; where data.label lists columns"),
        ({"economy": ""}, r"line 4: column 'economy' holds ''"),
    ],
)
def test_what_is_neither_0_nor_1_is_reported(project, change, message):
    rows = to_label_columns(projects.multilabel_rows())
    rows[2] |= change
    project(rows, **{"data.label": list(projects.SUBJECTS)})
    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")


def test_a_column_that_is_missing_is_reported(project):
    names = [*projects.SUBJECTS, "spotrs"]
    project(to_label_columns(projects.multilabel_rows()), **{"data.label": names})
    with pytest.raises(FoldlineError, match=r"no column .spotrs.*did you mean .sports"):
        projects.run("prepare")


def test_a_bar_within_a_label_is_refused(project):
    rows = [
        row | {"label": row["label"].replace("|", ";") or "a|b"}
        for row in projects.multilabel_rows()
    ]
    project(rows, **{"data.separator": ";"})
    with pytest.raises(FoldlineError, match=r"label 'a\|b' contains '\|'"):
        projects.run("prepare")


def test_another_separator_is_guessed_at(project, capsys):
    rows = [row | {"label": row["label"].replace("|", "+")} for row in projects.multilabel_rows()]
    project(rows)
    projects.run("prepare")
    assert "no row has more than one label: if '|' does not separate" in capsys.readouterr().out


def test_rows_are_counted_as_rows_where_labels_are_none_or_too_many(project):
    rows = projects.multilabel_rows()
    project([row | {"label": ""} for row in rows])
    with pytest.raises(FoldlineError, match=r"found none in 60 rows\. Check data.label"):
        prepare_labels()
    project([row | {"label": f"a{n}|b{n}"} for n, row in enumerate(rows)])
    with pytest.raises(FoldlineError, match=r"120 classes in 60 rows .* data.separator"):
        prepare_labels()


def test_a_label_that_train_lacks_is_reported(project):
    rows = projects.multilabel_rows()
    project(rows, **{"data.test": "data/raw/test.csv"})
    test = [row | {"id": f"x{row['id']}", "text": row["text"] + " neu"} for row in rows[:12]]
    test[3]["label"] = "economy|culture"
    projects.write_csv(Path("data/raw/test.csv"), test)
    with pytest.raises(FoldlineError, match=r"test\.csv, line 5: label .culture"):
        projects.run("prepare")


@pytest.mark.slow
def test_each_label_is_shared_out_evenly(project):
    rng = np.random.default_rng(0)
    shares = {"economy": 0.5, "sports": 0.1, "science": 0.03}
    rows = []
    for number in range(400):
        held = [name for name, share in shares.items() if rng.random() < share]
        text = f"{rng.integers(10**9):x} {rng.integers(10**9):x} {number}"
        rows.append({"id": f"r{number}", "text": text, "label": "|".join(held)})
    project(rows)
    projects.run("prepare", "split")
    everything = multilabel.explode_labels(pd.DataFrame(rows), "multilabel")["label"].value_counts()
    for table, share in ((schemas.TRAIN, 0.6), (schemas.VALID, 0.2), (schemas.TEST, 0.2)):
        found = multilabel.explode_labels(table.read(), "multilabel")["label"].value_counts()
        for name, count in everything.items():
            assert abs(found[name] - share * count) <= 2, (table.path, name)
    seen = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()]).merge(schemas.FOLDS.read())
    each = multilabel.explode_labels(seen, "multilabel").groupby(["label", "fold"]).size().unstack()
    assert (each.max(axis=1) - each.min(axis=1)).max() <= 2


@pytest.mark.slow
def test_a_submission_has_the_form_of_the_sample(project):
    rows = projects.multilabel_rows()
    names = list(projects.SUBJECTS)
    files = {"data.predict": "data/raw/new.csv", "data.label": names}
    project(to_label_columns(rows), **files, **{"predict.sample_submission": "data/raw/sample.csv"})
    new = [{"id": f"n{n}", "text": rows[n]["text"] + " neu"} for n in range(9)]
    projects.write_csv(Path("data/raw/new.csv"), new)
    sample = [{"id": row["id"]} | dict.fromkeys(reversed(names), 0.5) for row in reversed(new)]
    projects.write_csv(Path("data/raw/sample.csv"), sample)
    projects.run()
    written = pd.read_csv("data/predictions/submission.csv")
    assert list(written.columns) == ["id", *reversed(names)]
    assert written["id"].tolist() == [row["id"] for row in sample]
    own = pd.read_csv("data/predictions/unlabelled.csv").set_index("id").loc[written["id"]]
    for name in names:
        np.testing.assert_allclose(written[name], own[f"p_{name}"])


def test_a_column_of_labels_that_no_row_has_is_reported_and_handed_in(project, capsys):
    rows, names = projects.multilabel_rows(), [*projects.SUBJECTS, "rare"]
    files = {"data.predict": "data/raw/new.csv", "data.label": names}
    project([row | {"rare": 0} for row in to_label_columns(rows)], **files)
    projects.write_csv(Path("data/raw/new.csv"), [{"id": "n", "text": rows[0]["text"] + " neu"}])
    projects.run("prepare")
    assert "no row has label rare: models always predict 0" in capsys.readouterr().out
    labels = Labels.load()
    shown = np.full((1, len(labels.classes)), 0.9)
    data = Data.model_construct(label=names, id=None)
    found = make_submission(["n"], shown, labels, data, None)
    expected = {name: [0.9] for name in projects.SUBJECTS} | {"rare": [0.0]}
    assert found.drop(columns="id").to_dict("list") == expected


@pytest.mark.slow
def test_a_submission_in_one_column_has_the_users_separator(project):
    rows = [row | {"label": row["label"].replace("|", ";")} for row in projects.multilabel_rows()]
    project(rows, **{"data.separator": ";", "data.predict": "data/raw/new.csv"})
    new = [{"id": f"n{row['id']}", "text": row["text"] + " neu"} for row in rows[:16]]
    projects.write_csv(Path("data/raw/new.csv"), new)
    projects.run()
    written = pd.read_csv("data/predictions/submission.csv", keep_default_na=False)
    assert any(";" in label for label in written["label"])
    right = [given["label"] == label for given, label in zip(rows, written["label"], strict=False)]
    assert np.mean(right) > 0.6


@pytest.mark.slow
def test_what_is_judged_and_drawn(project):
    project()
    projects.run()
    found = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))
    assert [one["class"] for one in found["classes"]] == sorted(projects.SUBJECTS)
    plot = pd.read_csv("reports/plots/predictions.csv")
    test = schemas.TEST_PREDICTIONS.read()
    pairs = zip(test["label"], test["predicted"], strict=True)
    both = [set(a.split("|")) | set(b.split("|")) for a, b in pairs]
    assert len(plot) == sum(len(names - {""}) for names in both)
    assert set(plot["actual"]) <= {*projects.SUBJECTS, "(none)"}
    reliability = pd.read_csv("reports/plots/reliability.csv")
    assert reliability["rows"].sum() == len(test) * 3


def test_copies_are_made_for_the_rarest_label(project):
    rows = [
        row
        for row in projects.multilabel_rows(90)
        if "science" not in row["label"] or row["id"] < "t4"
    ]
    project(rows, **{"augment.method": "swap", "augment.swap.share": 0.5})
    projects.run("prepare", "split", "augment")
    made = schemas.AUGMENTED.read()
    copies = made[made["id"] != made["source_id"]]
    assert len(copies)
    sources = made.set_index("id").loc[copies["source_id"], "label"]
    assert copies["label"].tolist() == sources.tolist()
    table = pd.DataFrame({"label": ["a", "a|b", "", "a|b|c", "a"]})
    assert assign_classes(table, "multilabel", 10).tolist() == ["a", "b", "", "c", "a"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "classification", "data.label": ["a", "b"]}, "several columns need task=multil"),
        (
            {"data.annotations.aggregate": "majority", "data.annotations.file": "data/raw/a.csv"},
            "makes one label a row",
        ),
        ({"data.label": ["a", "a"]}, r"data.label  must name each once \(found 'a' 2 times\)$"),
        ({"data.label": ["text", "b"]}, "is the same column as data.text"),
        ({"train.loss": "ordinal"}, "train.loss  ordinal is not for multilabel"),
        ({"train.contrastive": 0.5}, "train.contrastive  needs one class a row"),
        ({"target.transform": "log"}, "target.transform  needs numbers"),
    ],
)
def test_params_that_do_not_suit_several_labels(project, changes, message):
    project(**changes)
    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "static", "static.class_weights": "balanced"},
        {
            "model": "embed",
            "embed.head": "mlp",
            "embed.class_weights": "balanced",
            "embed.encoder": "some/encoder",
        },
    ],
)
def test_class_weights_that_would_be_left_aside_are_refused(project, changes):
    project(**changes)
    with pytest.raises(FoldlineError, match="class_weights  balanced needs one class a row"):
        projects.run("prepare")
