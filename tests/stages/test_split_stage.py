"""The stage split: what it writes, what stops it, and what it says."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.data.leaks import text_digest
from stages import split

ROOT = Path(__file__).resolve().parents[2]


def prepared_rows(leaking: int = 0) -> pd.DataFrame:
    """Return 60 training rows and 20 official test rows, `leaking` of which stand in train."""
    ids = [f"train-{n:02}" for n in range(60)] + [f"test-{n:02}" for n in range(20)]
    sources = [*range(60), *range(leaking), *range(60, 80 - leaking)]
    return pd.DataFrame(
        {
            "id": ids,
            "part": ["train"] * 60 + ["test"] * 20,
            "text": [f"this is text {n}" for n in sources],
            "text_pair": "",
            "label": ["ab"[n % 2] for n in range(80)],
            "group": "",
            "time": 0.0,
            "dup_group": [f"d{n}" for n in sources],
            "sentence": "",
            "sentence_pair": "",
        }
    )


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Return a function that runs the stage on some rows, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(
        table: pd.DataFrame, pretrain: dict | None = None, **options: object
    ) -> dict[str, dict]:
        params = YAML(typ="safe").load(ROOT / "tests" / "params.yaml")
        params["split"] |= {"compare": False} | options
        params["pretrain"] |= pretrain or {}
        params["data"] |= {
            "group": "user" if table["group"].any() else None,
            "time": "time" if options.get("method") == "time" else None,
        }
        schemas.PREPARED.write(table)
        schemas.ANNOTATOR_LABEL_DISTRIBUTIONS.write(
            pd.DataFrame({"id": table["id"], "p_a": 0.5, "p_b": 0.5})
        )
        schemas.UNLABELLED.write(
            pd.DataFrame({"id": ["u"], "text": ["to predict"], "text_pair": [""]})
        )
        split.main(
            split.Params.model_validate({name: params[name] for name in split.Params.model_fields})
        )
        return {
            folder: json.loads(Path(folder, "split.json").read_text(encoding="utf-8"))
            for folder in ("metrics", "reports")
        }

    return call


def test_what_is_written_fits_together(stage):
    found = stage(prepared_rows())

    train, valid, test = (table.read() for table in (schemas.TRAIN, schemas.VALID, schemas.TEST))
    assert (len(train), len(valid), len(test)) == (45, 15, 20)
    seen = [*train["id"], *valid["id"]]
    folds = schemas.FOLDS.read()
    assert sorted(folds["id"]) == sorted(seen)
    held = schemas.HELD_OUT_HASHES.read()["key"].tolist()
    texts = [*valid["text"], *test["text"], "To Predict"]
    assert held == sorted(text_digest(text, "") for text in texts)
    assert len(found["metrics"]["split"]) <= 14
    assert found["metrics"]["split"]["train"] == 45
    assert found["reports"]["method"] == "stratified"
    assert found["reports"]["size"]["test"]["groups"] == 20
    assert set(found["reports"]["similarity"]) == {"train_valid", "train_test", "valid_test"}


def test_a_leak_over_the_budget_stops_and_drop_from_train_mends(stage, capsys):
    with pytest.raises(FoldlineError, match=r"8 of 20 test rows \(40.0%\) have a duplicate in"):
        stage(prepared_rows(8), max_leak_share=0.3)

    found = stage(prepared_rows(8), max_leak_share=0, drop_from_train=True)

    assert "8 training rows dropped that share a text or group with official rows" in (
        capsys.readouterr().out
    )
    assert found["metrics"]["split"]["leak_share_test"] == 0
    texts = {*schemas.TRAIN.read()["text"], *schemas.VALID.read()["text"]}
    assert len(texts) == 52
    assert not texts & {*schemas.TEST.read()["text"]}


def remedies(message: str) -> list[dict[str, object]]:
    """Return the options of section split that a message advises, one set for each way."""
    found = re.findall(r"split\.(\w+)=(\w[\w.]*)", message.partition("Set one of these")[2])
    return [{name: YAML(typ="safe").load(value)} for name, value in found]


@pytest.mark.parametrize("leaking", [0, 8, 20])
@pytest.mark.parametrize("group", [False, True])
def test_every_remedy_of_a_leak_works(stage, leaking, group):
    table = prepared_rows(leaking)
    if group:
        table = table.assign(group=[f"u{n % 60}" for n in range(80)])
    if not (leaking or group):
        pytest.skip("nothing leaks")
    with pytest.raises(FoldlineError) as error:
        stage(table, max_leak_share=0.1)

    ways = remedies(str(error.value))

    names = [name for way in ways for name in way]
    assert names[:2] == ["drop_from_train", "max_leak_share"]
    assert ("method" in names) == (group and not leaking)  # else the texts still leak
    for way in ways:
        stage(table, **({"max_leak_share": 0.1} | way))


def test_dropping_that_would_empty_train_is_not_advised_and_its_remedy_works(stage):
    table = prepared_rows()
    table.loc[:, "dup_group"] = [f"d{n % 5}" for n in range(80)]
    with pytest.raises(FoldlineError) as error:
        stage(table)
    assert remedies(str(error.value)) == [{"max_leak_share": 1}]

    with pytest.raises(FoldlineError, match="leaves no training rows: 60 of 60") as error:
        stage(table, drop_from_train=True)
    assert "set split.drop_from_train=false and split.max_leak_share=1 to keep" in str(error.value)
    stage(table, drop_from_train=False, max_leak_share=1)


def test_official_pairs_that_share_sentences_run_and_are_counted(stage, capsys):
    """Each test pair shares its first sentence with train; no whole pair is in both."""
    table = prepared_rows().assign(
        text_pair=[f"second {n}" for n in range(80)],
        text=[f"first {n % 20}" for n in range(80)],
        sentence=[f"s{n % 20}" for n in range(80)],
        sentence_pair=[f"t{n}" for n in range(80)],
    )

    found = stage(table)

    assert "note: 20 of 20 test rows (100.0%) share one sentence of a pair with train" in (
        capsys.readouterr().out
    )
    report = found["reports"]
    assert report["crossing"]["test"] == {
        "group": 0, "exact": 0, "skeleton": 0, "near": 0, "sentence": 20,
    }  # fmt: skip
    assert report["released"]["parts"]["sentence"]["values"] == 20
    assert report["released"]["folds"] == {}
    assert found["metrics"]["split"]["leak_share_test"] == 0
    stage(table, drop_from_train=True)
    assert len(schemas.TRAIN.read()) + len(schemas.VALID.read()) == 60


def test_texts_that_users_share_are_dropped_from_train_or_told(stage, capsys):
    """Ten of twelve users write "good": users stay whole, "good" leaves train where test has it."""
    table = prepared_rows().assign(
        part="train",
        group=[f"u{n // 7}" for n in range(80)],
        text=["good" if n % 7 == 0 else f"text number {n}" for n in range(80)],
        dup_group=["good" if n % 7 == 0 else f"d{n}" for n in range(80)],
    )

    found = stage(table)

    train, valid, test = (t.read() for t in (schemas.TRAIN, schemas.VALID, schemas.TEST))
    assert "good" not in set(train["text"])
    assert "good" in set(valid["text"]) & set(test["text"])
    folds = schemas.FOLDS.read()
    assert not set(folds["id"]) & set(valid["id"][valid["text"] == "good"])
    assert found["reports"]["dropped"]["rows"] == 80 - len(train) - len(valid) - len(test)
    assert found["reports"]["crossing"]["test"]["exact"] == 0
    assert found["metrics"]["split"]["leak_share_test"] == 0
    assert "train rows have a duplicate in valid or test, in another group (data.group), and " in (
        capsys.readouterr().out
    )
    same = table.assign(text="good", dup_group="good")
    told = stage(same)
    assert told["metrics"]["split"]["leak_share_test"] == 1
    assert "too many to drop" in capsys.readouterr().out
    by_text = table.assign(
        text=[f"text {n % 10}" for n in range(80)], dup_group=[f"d{n % 10}" for n in range(80)]
    )
    assert stage(by_text)["metrics"]["split"]["leak_share_test"] == 1
    mended = stage(by_text, method="stratified")  # the remedy of the note
    assert mended["metrics"]["split"]["leak_share_test"] == 0


def test_a_leak_within_the_budget_is_said_and_counted(stage, capsys):
    found = stage(prepared_rows(2), max_leak_share=0.3)

    assert "note: 2 of 20 test rows (10.0%) have a duplicate in train" in capsys.readouterr().out
    assert found["metrics"]["split"]["leak_share_test"] == 0.1
    assert found["reports"]["leaks"]["test"]["ids"] == ["test-00", "test-01"]


def test_parts_that_differ_are_reported_apart_in_numbers_and_words(stage, capsys):
    words = np.random.default_rng(1).integers(100, 200, size=(400, 5))
    table = pd.DataFrame(
        {
            "id": [f"r{n:03}" for n in range(400)],
            "part": ["train"] * 300 + ["test"] * 100,
            "text": [" ".join(map(str, own)) for own in words],
            "text_pair": "",
            "label": ["ab"[n % 2] for n in range(400)],
            "group": "",
            "time": 0.0,
        }
    )
    table = table.assign(dup_group=table["id"], sentence="", sentence_pair="")
    table.loc[320:, "text"] += " @user"

    found = stage(table, compare=True)

    numbers = found["reports"]["metrics"]
    assert numbers["auc_train_test"] > 0.8
    assert numbers["auc_valid_test"] > 0.8
    assert abs(numbers["auc_train_valid"] - 0.5) < 0.12
    printed = capsys.readouterr().out
    assert (
        "note: valid is not representative of test: a classifier separates their texts" in printed
    )


def test_by_time_folds_are_periods_and_that_is_said(stage):
    """Within a fold no row is older than another fold's oldest and newer than its newest."""
    table = prepared_rows().assign(part="train", time=[float(37 * n % 80) for n in range(80)])
    found = stage(table, method="time")["reports"]
    folds = schemas.FOLDS.read().merge(table[["id", "time"]], on="id")
    spans = folds.groupby("fold")["time"].agg(["min", "max"]).sort_values("min").to_numpy()

    assert (spans[1:, 0] > spans[:-1, 1]).all()
    assert any(note.startswith("folds are periods of time") for note in found["notes"])


def test_what_models_learn_from_holds_no_share_of_a_test_row(stage):
    stage(prepared_rows())
    test = set(schemas.TEST.read()["id"])

    assert test
    assert not test & set(schemas.SOFT_LABELS.read()["id"])
    assert len(schemas.SOFT_LABELS.read()) == 80 - len(test)


def test_mended_official_files_leave_what_test_shares_with_valid_out_of_the_folds(stage):
    table = prepared_rows().assign(part=["train"] * 50 + ["valid"] * 10 + ["test"] * 20)
    table.loc[60, ["text", "dup_group"]] = table.loc[55, ["text", "dup_group"]].tolist()

    kept = stage(table, drop_from_train=False)["reports"]["notes"]
    assert "train-55" in set(schemas.FOLDS.read()["id"])
    mended = stage(table, drop_from_train=True)["reports"]["notes"]

    assert "train-55" not in set(schemas.FOLDS.read()["id"])
    assert "train-55" in set(schemas.VALID.read()["id"])
    assert len(schemas.FOLDS.read()) == 59
    assert any("on which the fold models train" in note for note in kept)
    assert any("the folds leave out" in note for note in mended)


def test_a_user_in_two_official_files_leaks_but_where_groups_may_be_torn(stage, capsys):
    table = prepared_rows().assign(group=[f"u{n % 60}" if n < 66 else "" for n in range(80)])

    with pytest.raises(FoldlineError, match=r"6 of 20 test rows \(30.0%\) share a group"):
        stage(table, max_leak_share=0.2)
    torn = stage(table, max_leak_share=0.2, method="stratified")
    mended = stage(table, max_leak_share=0, drop_from_train=True)

    assert torn["metrics"]["split"]["leak_share_test"] == 0
    assert mended["metrics"]["split"]["leak_share_test"] == 0
    assert "6 training rows dropped that share a text or group with" in capsys.readouterr().out
    learnt = {*schemas.TRAIN.read()["id"], *schemas.VALID.read()["id"]}
    assert learnt == {f"train-{n:02}" for n in range(6, 60)}


def test_texts_to_pretrain_on_are_none_unless_asked_for(stage):
    stage(prepared_rows())
    assert schemas.PRETRAINING_TEXTS.read().empty


def test_pretraining_on_test_rows_is_noted(stage):
    notes = stage(prepared_rows(), pretrain={"epochs": 1, "test": True})["reports"]["notes"]
    further = schemas.PRETRAINING_TEXTS.read()

    assert set(further["part"]) == {"unlabelled", "test"}
    assert any("pre-trained on 20 texts of the test rows" in note for note in notes)
