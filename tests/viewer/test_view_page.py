"""The data viewer: what stands in its page, and what never does."""

import base64
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import Labels
from foldline.viewer.current_rows import read_current_rows
from foldline.viewer.row_table import collect_rows
from tests.helpers import projects, viewer_tables

OUT = Path("data/view.html")


def write_page(*arguments: str) -> str:
    run_verb(["view", *arguments])
    return OUT.read_text(encoding="utf-8")


@pytest.fixture
def imported(workplace) -> Path:
    """Return a project in which an import has just ended: 60 rows with two columns of no role."""
    rows = projects.topics(60)
    projects.write_csv(
        workplace / "data/raw/news.csv",
        [row | {"source": f"paper {k % 4}", "body": "x" * 400} for k, row in enumerate(rows)],
    )
    shutil.copy(projects.PARAMS, workplace / "params.yaml")
    none = dict.fromkeys(["data.valid", "data.test", "data.predict", "data.text_pair"])
    roles = {"data.id": "id", "data.text": "text", "data.label": "label"}
    projects.set_params(
        workplace / "params.yaml", {"data.train": "data/raw/news.csv", **none, **roles}
    )
    return workplace


def write_prepared_of(project: Path) -> None:
    current = read_current_rows()
    schemas.PREPARED.write(current.rows)
    current.labels.save()


def test_rows_are_shown_right_after_an_import(imported, capsys):
    summary, rows = viewer_tables.unpack_page(write_page())

    assert len(rows["id"]) == 60
    assert summary["notes"] == [{"code": "not_prepared"}]
    assert "those of the raw files" in capsys.readouterr().out
    assert not (imported / "data/prepared.csv").exists()


def test_columns_without_a_role_are_shown_and_long_values_cut(imported):
    columns = viewer_tables.unpack_page(write_page())[1]["columns"]

    assert set(columns) == {"source", "body"}
    assert columns["source"][:5] == ["paper 0", "paper 1", "paper 2", "paper 3", "paper 0"]
    assert columns["body"][0] == "x" * 300 + "…"


def test_outputs_of_the_same_rows_are_used(imported):
    write_prepared_of(imported)

    summary, rows = viewer_tables.unpack_page(write_page())

    assert summary["notes"] == [{"code": "not_split"}]
    assert rows["columns"]["source"][1] == "paper 1"


@pytest.mark.parametrize("change", ["text", "label", "row"])
def test_outputs_of_other_rows_are_left_out(imported, change):
    write_prepared_of(imported)
    table = schemas.PREPARED.read()
    schemas.TRAIN.write(table)
    schemas.VALID.write(table.iloc[:0])
    schemas.TEST.write(table.iloc[:0])
    raw = imported / "data/raw/news.csv"
    header, first, *others = raw.read_text(encoding="utf-8").splitlines()
    new = {
        "text": [first.replace("은행", "시중 은행"), *others],
        "label": [first.replace("economy", "sports"), *others],
        "row": others,
    }[change]
    raw.write_text("\n".join([header, *new, ""]), encoding="utf-8")

    summary, rows = viewer_tables.unpack_page(write_page())

    assert summary["notes"] == [{"code": "not_prepared"}]
    assert len(rows["id"]) == len(new)
    assert set(rows["part"]) == {0}  # train, as in the raw file


def test_a_damaged_output_is_left_out(imported):
    write_prepared_of(imported)
    Path("data/prepared.csv").write_text("id,text\n1,a\n", encoding="utf-8")

    assert viewer_tables.unpack_page(write_page())[0]["notes"] == [{"code": "not_prepared"}]


def test_the_last_run_is_shown_where_the_raw_files_are_refused(imported, capsys):
    write_prepared_of(imported)
    projects.set_params(imported / "params.yaml", {"data.label": "lable"})

    summary, rows = viewer_tables.unpack_page(write_page())

    assert len(rows["id"]) == 60
    assert summary["notes"][0]["code"] == "unreadable"
    assert "has no column 'lable'" in capsys.readouterr().out


def test_what_cannot_be_read_is_refused_as_by_prepare(imported):
    projects.set_params(imported / "params.yaml", {"data.label": "lable"})

    with pytest.raises(FoldlineError, match="has no column 'lable'"):
        run_verb(["view"])


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--limit", "0"], "got 0"), (["--out", "."], "is a folder")]
)
def test_a_wrong_option_is_reported(workplace, arguments, words):
    viewer_tables.write_prepared(viewer_tables.prepared_rows())

    with pytest.raises(FoldlineError, match=words):
        run_verb(["view", *arguments])


def test_prepare_alone_is_enough(workplace, capsys):
    table = viewer_tables.prepared_rows()
    viewer_tables.write_prepared(table)

    summary, rows = viewer_tables.unpack_page(write_page())

    assert rows["text"] == table["text"].tolist()
    assert [rows["labels"][code] for code in rows["label"]] == table["label"].tolist()
    assert set(rows["fold"]) == {-1}
    assert summary["notes"] == [{"code": "not_split"}]
    assert "there is no split yet" in capsys.readouterr().out


def test_every_stage_adds_what_it_knows(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())

    summary, rows = viewer_tables.unpack_page(write_page())

    assert summary["notes"] == []
    assert rows["part"][3:6] == [1, 2, 0]  # valid, test, train
    assert rows["dup"][:5] == [0, 0, 1, 1, -1]
    assert rows["conflict"] == [0, 1]
    assert rows["suspected"] == [7]
    assert rows["confidence"][:2] == [0.7, 0.7]
    assert rows["confidence"][7] == 0.02
    assert rows["labels"][rows["guess"][7]] == "bad"
    assert rows["copies"]["methods"] == ["aeda", "swap"]
    assert rows["copies"]["row"] == [2, 5, 6, 7]
    assert rows["originals"] == {"row": [6], "text": ["Ｒｏｗ number 6"], "pair": [""]}
    assert rows["judgements"]["row"] == [5, 5, 6]
    assert rows["judgements"]["label"] == ["bad", "good <i>", "bad"]
    assert set(summary["charts"]) >= {"classes", "lengths", "times", "duplicates", "copies"}


def test_training_rows_without_a_place_in_the_balanced_table_were_left_out(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())
    balanced = schemas.AUGMENTED.read()
    schemas.AUGMENTED.write(balanced[balanced["id"] != "r1"])

    assert viewer_tables.unpack_page(write_page())[1]["unsampled"] == [1]


def test_predictions_for_test_rows_are_not_used(workplace):
    table = viewer_tables.prepared_rows()
    viewer_tables.write_all(table)
    schemas.OUT_OF_FOLD.write(viewer_tables.predictions(table))  # as no stage would do

    rows = viewer_tables.unpack_page(write_page())[1]

    parts = np.array(rows["part"])
    known = np.array([value is not None for value in rows["confidence"]])
    assert not known[parts == 2].any()
    assert known[parts != 2].all()


def test_the_predictions_of_the_test_set_are_not_even_read(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())
    before = write_page()
    schemas.TEST_PREDICTIONS.path.write_bytes(b"\xff no table")

    assert write_page() == before


def test_files_of_an_earlier_run_are_noticed(workplace, capsys):
    viewer_tables.write_all(viewer_tables.prepared_rows())
    viewer_tables.write_prepared(viewer_tables.prepared_rows(30))

    run_verb(["view"])

    assert "data/folds.csv: 8 rows are not in the prepared data" in capsys.readouterr().out


def test_pairs_that_share_one_sentence_are_no_conflict(workplace):
    texts = [("a", "b"), ("B", "A"), ("a", "c"), ("d", "e")]
    table = viewer_tables.prepared_rows(4).assign(
        text=[one for one, _ in texts],
        text_pair=[two for _, two in texts],
        label=["0", "5", "3", "1"],
        dup_group=["r0", "r0", "r0", "r3"],
    )
    schemas.PREPARED.write(table)
    Labels("regression").save()

    assert collect_rows().rows["conflict"].tolist() == [True, True, False, False]


def test_what_split_measured_is_drawn_with_its_verdict(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())
    token = {"token": "</script>", "more_in": "test", "shares": [0.0, 0.5]}
    equal = {"labels": {"ks": 0.25}, "length_ks": 0.5, "unseen_tokens": 0.125}
    different = equal | {
        "labels": {"total_variation": 0.2},
        "auc": 0.9,
        "p": 0.005,
        "tokens": [token],
    }
    measured = {"train_valid": equal, "train_test": different, "valid_test": different | {"p": 0.3}}
    write_json(Path("reports/split.json"), {"similarity": measured})

    html = write_page()

    drawn = viewer_tables.unpack_page(html)[0]["charts"]["similarity"]
    assert [one["parts"] for one in drawn] == [
        ["train", "valid"], ["train", "test"], ["valid", "test"],
    ]  # fmt: skip
    assert [one["differs"] for one in drawn] == [False, True, False]
    assert [one["labels"] for one in drawn] == [0.25, 0.2, 0.2]
    assert drawn[1]["tokens"] == [["</script>", "test", 0.0, 0.5]]
    assert html.count("</script>") == 3


def test_no_text_can_become_markup(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())

    html = write_page()

    assert html.count("<script") == html.count("</script>") == 3
    assert "onerror" not in html
    assert "good <i>" not in html


def test_the_policy_allows_this_script_and_this_style_alone(workplace):
    viewer_tables.write_prepared(viewer_tables.prepared_rows())

    html = write_page()

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    for tag in ("script", "style"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert len(content) == 1
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    outside = re.findall(r"https?://[^\s'\"]+", html)
    assert set(outside) == {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_the_same_data_give_the_same_bytes(workplace):
    viewer_tables.write_all(viewer_tables.prepared_rows())

    assert write_page() == write_page("--out", str(OUT))


def test_the_language_can_be_fixed(workplace):
    viewer_tables.write_prepared(viewer_tables.prepared_rows())

    assert viewer_tables.unpack_page(write_page("--language", "ko"))[0]["language"] == "ko"


def test_a_sample_is_noted_and_charts_count_all_rows(workplace, capsys):
    viewer_tables.write_prepared(viewer_tables.prepared_rows())

    summary, rows = viewer_tables.unpack_page(write_page("--limit", "10"))

    assert len(rows["id"]) == 10
    assert {"code": "sampled", "shown": 10, "rows": 40} in summary["notes"]
    assert sum(map(sum, summary["charts"]["classes"].values())) == 40
    assert "10 of 40 rows are in the page" in capsys.readouterr().out


def test_judgements_of_dropped_rows_are_not_called_stale(workplace, capsys):
    table = viewer_tables.prepared_rows()
    viewer_tables.write_all(table)
    schemas.UNLABELLED.write(table.iloc[[6]].assign(id="new"))
    judged = [
        ("r5", "Kim", "bad"),
        ("gone", "Kim", "bad"),
        ("gone", "Lee", "bad"),
        ("new", "L", "x"),
    ]
    schemas.ANNOTATIONS.write(pd.DataFrame(judged, columns=["id", "annotator", "label"]))

    summary, rows = viewer_tables.unpack_page(write_page())

    assert summary["notes"] == []
    assert rows["judgements"]["row"] == [5]
    assert "note:" not in capsys.readouterr().out
