"""The data viewer: what stands in its page, and what never does."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import Labels
from foldline.viewer.page import SCRIPTS, STYLES, WEB_FOLDER
from foldline.viewer.row_table import collect_rows
from tests.helpers import viewer_tables

OUT = Path("data/view.html")


def write_page(*arguments: str) -> str:
    run_verb(["view", *arguments])
    return OUT.read_text(encoding="utf-8")


def test_it_says_what_to_run_where_nothing_is_prepared(workplace):
    with pytest.raises(
        FoldlineError, match=r"data/prepared\.csv does not exist.*dvc repro prepare"
    ):
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


def test_both_languages_have_every_word():
    source = (WEB_FOLDER / "words.js").read_text(encoding="utf-8")
    source = re.sub(r"'(?:[^'\\]|\\.)*'|`[^`]*`|//.*", "", source)
    english, korean = source.split("let language")[0].split("  ko: {")
    names = [set(re.findall(r"(\w+):", half)) - {"en"} for half in (english, korean)]
    used = set()
    for file in (*SCRIPTS, "page.html"):
        text = (WEB_FOLDER / file).read_text(encoding="utf-8")
        used |= set(re.findall(r"\bw\('(\w+)'|data-(?:w|label|hint)=\"(\w+)\"", text))

    assert names[0] == names[1]
    assert {one or two for one, two in used} <= names[0]


def test_the_page_is_made_of_small_files_all_of_them_used():
    files = {path.name for path in WEB_FOLDER.iterdir()}

    assert files == {*SCRIPTS, *STYLES, "page.html"}
    for name in files:
        assert len((WEB_FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 250


def test_judgements_of_dropped_rows_are_counted_and_not_called_stale(workplace, capsys):
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

    assert summary["notes"] == [{"code": "dropped_judgements", "rows": 2}]
    assert rows["judgements"]["row"] == [5]
    assert "note: 2 judgements are of rows that `prepare` dropped" in capsys.readouterr().out
