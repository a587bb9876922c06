"""What gives labels away is told, a clean set is left in peace, and test labels stay unread."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from foldline.corpus.columns import by_role, known_after_notes
from foldline.corpus.health import distinct, health
from foldline.corpus.raw import Raw
from foldline.corpus.shortcuts import find_shortcuts, shapes
from foldline.frame import contract, loading
from foldline.frame.errors import FoldlineError
from foldline.frame.files import read_json
from foldline.frame.labels import Labels
from foldline.frame.params import Data, Prepare, Settings
from stages import prepare
from tests.marks import fast_first

ROOT = Path(__file__).resolve().parents[1]
WORDS = ["오늘", "영화", "정말", "good", "bad", "film", "배우", "story", "음악", "the", "참", "and"]
NO_TIME = SimpleNamespace(time=None)


def table(n: int = 400, classes: int = 4, pairs: bool = False, seed: int = 0) -> pd.DataFrame:
    """Make texts that say nothing of their label."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(n)], "part": "train"})
    for role in ("text", "text_pair"):
        drawn = [" ".join(rng.choice(WORDS, size=rng.integers(4, 9))) for _ in range(n)]
        frame[role] = drawn if role == "text" or pairs else ""
    frame["label"] = [str(i % classes) for i in range(n)]
    return frame.assign(group="", time=0.0, dup_group=frame["id"])


def look(rows: pd.DataFrame, task: str = "classification", data: Any = NO_TIME, seed: int = 0):
    classes = tuple(sorted(set(rows["label"]))) if task == "classification" else ()
    return health(rows, Labels(task, classes), data, seed)


def planted(rows: pd.DataFrame, role: str, add: Callable[[str], str]) -> pd.DataFrame:
    """Write into each text of a column what `add` makes of the row's label."""
    told = rows[role] + " " + rows["label"].map(add)
    return rows.assign(**{role: told.str.strip()})


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_clean_set_has_no_note(task, pairs):
    found = look(table(pairs=pairs), task)

    assert found.notes == []
    assert found.metrics["given_away"] == found.metrics["later_rows"] == 0
    assert found.metrics["shortcut"] < 0.2
    assert found.details["rows"] == 400
    assert len(found.metrics) == 3


@pytest.mark.parametrize("role", fast_first(["text", "text_pair"], ["text"]))
def test_a_planted_label_is_told(role):
    rows = planted(table(pairs=True), role, lambda label: f"label={label}")

    found = look(rows)

    assert any("the label itself stands in the texts: in 100 % of 0" in n for n in found.notes)
    assert any("words that nearly decide the label stand in 100 %" in n for n in found.notes)
    assert found.metrics["given_away"] == 1.0
    assert {e["column"] for e in found.details["labels"]["gives_away"]} == {role}


def test_a_tag_of_one_rare_class_is_told():
    rows = table(n=600)
    rows["label"] = ["rare" if i < 30 else "often" for i in range(600)]
    rows = planted(rows, "text", lambda label: "출처:신문" if label == "rare" else "")

    found = look(rows)

    (note,) = [note for note in found.notes if "nearly decide" in note]
    assert "'출처 : 신문'" not in note
    assert "(100 % of rare)" in note
    assert found.metrics["given_away"] == 0.05


def test_a_topic_word_is_no_note_but_stands_in_the_details():
    rows = table(n=1200, classes=12)
    some = (rows["label"] == "3") & (rows.index % 24 == 3)  # half of one class of twelve
    rows.loc[some, "text"] += " visa"

    found = look(rows)

    assert found.notes == []
    (entry,) = [e for e in found.details["labels"]["gives_away"] if e["ngram"] == "visa"]
    assert (entry["label"], entry["precision"], entry["coverage"]) == ("3", 1.0, 0.5)


def test_a_number_in_its_text_is_told():
    rows = planted(table(classes=50), "text", lambda label: f"별점 {label}점")

    found = look(rows, "regression")

    assert any("the label itself stands in the texts: in 100 % of all" in n for n in found.notes)


def test_a_word_that_stands_beside_one_number_is_told():
    rows = planted(table(), "text", lambda label: "최고점수" if label == "3" else "")

    (note,) = [n for n in look(rows, "regression").notes if "nearly decide" in n]

    assert note.startswith("words that nearly decide the label stand in 25 % of the texts: ")
    assert "(100 texts: 3)" in note


def test_lengths_that_tell_the_class_are_told():
    rows = planted(table(classes=2), "text", lambda label: "the film " * 4 * int(label))

    found = look(rows)

    (note,) = found.notes
    assert note.startswith("length, marks, digits and capitals alone tell the class: balanced acc")
    assert "by chance 0.50" in note
    assert found.details["shortcuts"]["length"]["clear"]
    assert found.metrics["shortcut"] > 0.8


def test_lengths_that_tell_a_number_are_told():
    rows = planted(table(classes=6), "text", lambda label: "the film " * int(label))

    (note,) = [n for n in look(rows, "regression").notes if n.startswith("length")]

    assert "Pearson's r 0.9" in note
    assert "by chance 0.00" in note


def test_a_second_text_that_tells_the_class_is_told():
    rows = table(n=600, classes=3, pairs=True)
    hints = [["아무도", "nobody"], ["아마", "maybe"], ["누군가", "outdoors"]]
    rng = np.random.default_rng(3)
    # Two hints a class, in three of five texts: no one word covers its class.
    rows["text_pair"] = [
        f"{text} {rng.choice(hints[int(label)])}" if rng.random() < 0.6 else text
        for text, label in zip(rows["text_pair"], rows["label"], strict=True)
    ]

    found = look(rows)

    assert any(n.startswith("the second text of a pair alone tells the class") for n in found.notes)
    assert not any(n.startswith("the first text") for n in found.notes)
    shortcuts = found.details["shortcuts"]
    assert shortcuts["second"]["score"] > 0.6
    assert not shortcuts["first"]["clear"]


def test_duplicates_count_once():
    rows = table(n=200, classes=2)
    copies = pd.concat([rows.iloc[:1]] * 150, ignore_index=True)
    copies["id"] = [f"copy{i}" for i in range(150)]
    copies["text"] = "같은 광고 문자 http : link"  # one text, 150 times, all of class 0

    found = look(pd.concat([rows, copies], ignore_index=True))

    assert found.details["rows"] == 200
    assert found.notes == []


def test_a_class_of_one_text_again_and_again_is_noted():
    rows = table(n=200, classes=2)
    rows.loc[:19, ["label", "dup_group"]] = ["다른 것", "r0"]

    assert look(rows).notes == [
        "classes with fewer than 10 texts that are no duplicates of others: 다른 것 (1 in 20 rows)"
    ]


def test_duplicates_of_other_labels_are_both_looked_at():
    rows = table(n=10, classes=2)
    rows["dup_group"] = "r0"

    assert sorted(distinct(rows, 0)["label"]) == ["0", "1"]


@pytest.mark.slow
def test_findings_hang_on_neither_order_nor_test_rows():
    rows = planted(table(n=300, pairs=True), "text", lambda label: f"답={label}")
    official = table(n=100, seed=5, pairs=True).assign(part="test")
    official["id"] = "test-" + official["id"]
    official["dup_group"] = official["id"]
    mixed = pd.concat([rows, official]).sample(frac=1, random_state=1)

    one, two = look(rows), look(mixed)

    assert json.dumps(one.details) == json.dumps(two.details)
    assert one == two
    relabelled = mixed.assign(label=mixed["label"].where(mixed["part"] != "test", "0"))
    assert look(relabelled) == one


def test_official_validation_rows_are_looked_at():
    rows = table(n=200)
    valid = table(n=200, seed=1).assign(part="valid")
    valid["id"] = valid["dup_group"] = "v" + valid["id"]

    assert look(pd.concat([rows, valid], ignore_index=True)).details["rows"] == 400


def test_rows_without_a_group_are_no_duplicates_of_one_another():
    assert look(table(n=200).assign(dup_group="")) == look(table(n=200))


def test_of_few_rows_nothing_is_said():
    found = look(planted(table(n=99), "text", lambda label: f"label={label}"))

    assert found.notes == []
    assert found.details["labels"] == found.details["shortcuts"] == {}


def test_a_class_that_a_fold_lacks_is_no_trouble():
    rows = table(n=150, classes=2, pairs=True)
    rows["label"] = ["a", *["b"] * 149]

    assert look(rows).details["shortcuts"]["second"]["chance"] == 0.5


def test_pairs_that_share_a_sentence_are_all_looked_at():
    rows = table(n=300, classes=3, pairs=True).assign(dup_group="r0", text="같은 문장 하나")

    found = look(rows)

    assert found.details["rows"] == 300
    assert found.details["shortcuts"] == {}, "one group cannot be shared between folds"


def test_ids_that_count_with_the_labels_are_no_shortcut():
    rows = table(n=300, classes=3, pairs=True)

    assert find_shortcuts(rows, "classification", 0)["second"].score > 0.2


def test_of_classes_with_a_row_each_nothing_is_scored():
    rows = table(n=150, pairs=True)

    assert look(rows.assign(label=rows["id"])).details["shortcuts"] == {}


def test_very_long_texts_are_sampled():
    rows = table(n=200)
    rows["text"] = "word " * 1000

    assert len(distinct(rows, 0)) == 200
    many = pd.concat([rows] * 30, ignore_index=True)
    many["id"] = many["dup_group"] = [f"m{i}" for i in range(len(many))]
    assert len(distinct(many, 0)) == 5000, "10 million characters, 2,000 of each text"


def test_shapes_are_lengths_and_shares():
    rows = pd.DataFrame({"text": ["AB 12!!?", ""], "text_pair": ["한글", "x"]})

    assert shapes(rows, pairs=False).tolist() == [
        [8, 2, pytest.approx(3 / 9), pytest.approx(2 / 9), pytest.approx(2 / 9)],
        [0, 0, 0, 0, 0],
    ]
    assert shapes(rows, pairs=True).shape == (2, 10)


def test_a_shortcut_is_held_against_permuted_labels():
    found = find_shortcuts(table(n=300, classes=3), "classification", 0)["length"]

    assert found.chance == pytest.approx(1 / 3)
    assert found.p > 0.01
    assert not found.clear


# --- time ----------------------------------------------------------------------------------------


def timed(train: range, test: range, valid: range = range(0)) -> pd.DataFrame:
    parts = []
    given = {"train": train, "valid": valid, "test": test}
    for part, times in {part: times for part, times in given.items() if times}.items():
        rows = table(n=len(times)).assign(part=part, time=[float(t) for t in times])
        rows["id"] = rows["dup_group"] = part[0] + rows["id"]
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def test_training_rows_later_than_the_first_test_row_are_told():
    rows = timed(train=range(1, 101), test=range(99, 120))

    found = look(rows, data=SimpleNamespace(time="date"))

    assert found.notes == [
        "1 of 100 rows of train are later than the first row of test, so the score is no "
        "forecast: ids tr99"
    ]
    assert found.metrics["later_rows"] == 1
    assert found.details["time"] == {"train_after_test": {"rows": 1, "ids": ["tr99"]}}


def test_validation_rows_stand_in_time_too():
    rows = timed(train=range(1, 101), valid=range(90, 130), test=range(120, 140))

    found = look(rows, data=SimpleNamespace(time="date"))

    assert {name: entry["rows"] for name, entry in found.details["time"].items()} == {
        "train_after_valid": 10,
        "valid_after_test": 9,
    }


def test_without_times_there_is_no_later():
    rows = timed(train=range(1, 101), test=range(50, 60))
    untold = rows.assign(time=rows["time"].where(rows["part"] != "test", 0.0))

    assert look(rows).details["time"] == {}
    assert look(untold, data=SimpleNamespace(time="date")).details["time"] == {}
    assert look(timed(range(1, 50), range(49, 60)), data=SimpleNamespace(time="t")).notes == []


# --- columns known only after the fact -----------------------------------------------------------


def section(**changes: Any) -> dict[str, Any]:
    return loading.read(ROOT / "tests" / "params.yaml")["data"] | changes


@pytest.mark.parametrize("role", ["text", "text_pair", "group", "time", "id"])
def test_a_column_known_after_the_fact_is_refused(role):
    with pytest.raises(ValidationError, match=f"{role}: is column 'rating', which data.k"):
        Data.model_validate(section(**{role: "rating"}, known_after=["votes", "rating"]))


def test_the_label_may_be_known_after_the_fact():
    assert Data.model_validate(section(known_after=["label"])).known_after == ["label"]


def test_the_refusal_names_the_key(tmp_path):
    text = (ROOT / "tests" / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("known_after: []", "known_after: [when]").replace(
        "  time: null ", "  time: when "
    )
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(FoldlineError, match=r"data\.time +is column 'when', which data.known_a"):
        loading.load(Settings, tmp_path / "params.yaml")


def raw(texts: list[str], ratings: list[str]) -> Raw:
    columns = {"id": ["x"] * len(texts), "text": texts, "label": ["a"] * len(texts)}
    return Raw(Path("a.csv"), {**columns, "rating": ratings}, list(range(2, len(texts) + 2)))


def named(**changes: Any) -> Data:
    return Data.model_validate(section(**{"id": "id", "text": "text", "label": "label"} | changes))


def test_a_column_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(FoldlineError) as caught:
        by_role(raw(["a"], ["3"]), named(known_after=["raiting"]), "train")

    assert str(caught.value) == (
        "a.csv has no column 'raiting', which data.known_after names; it has id, text, label, "
        "rating; did you mean 'rating'? Correct data.known_after, or take the name out"
    )


def test_only_train_must_have_the_columns():
    assert by_role(raw(["a"], ["3"]), named(known_after=["votes"]), "test")["text"] == ["a"]


def test_what_came_after_and_stands_in_the_text_is_noted():
    ratings = [str(n % 10) for n in range(60)]
    texts = [f"정말 {rating}점 영화 {n}번째" for n, rating in enumerate(ratings)]
    data = named(known_after=["rating"])

    (note,) = known_after_notes(raw(texts, ratings), data)

    assert note.startswith(
        "a.csv: what column 'rating' says, known only after the fact, stands in 100% of the "
        "texts (by chance "
    )
    assert known_after_notes(raw(["정말 영화"] * 60, ratings), data) == []
    assert known_after_notes(raw(texts, ratings), named(known_after=[])) == []


def test_sorted_files_are_looked_at_like_others():
    ratings = [str(n // 30) for n in range(300)]
    texts = [f"{rating}점 영화 {n}번째" for n, rating in enumerate(ratings)]

    (note,) = known_after_notes(raw(texts, ratings), named(known_after=["rating"]))

    assert "stands in 100% of the texts" in note


@pytest.fixture
def official(tmp_path, monkeypatch) -> Callable[..., dict[str, Any]]:
    """Prepare the lines of train and of an official test file; give the account in JSON."""
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)

    def make(train: list[str], test: list[str], **changes: Any) -> dict[str, Any]:
        Path("data/raw/train.csv").write_text("\n".join(train), encoding="utf-8")
        Path("data/raw/test.csv").write_text("\n".join(test), encoding="utf-8")
        files = {"train": "data/raw/train.csv", "test": "data/raw/test.csv", "predict": None}
        content = loading.read(ROOT / "tests" / "params.yaml")
        data = named(valid=None, **files, **changes)
        own = Prepare.model_validate(content["prepare"])
        prepare.main(prepare.Params(seed=1, task="classification", data=data, prepare=own))
        return {
            file: read_json(Path(f"metrics/{file}.json")) for file in ("preparation", "prepare")
        }

    return make


def lines(first: int, last: int, when: bool = True) -> list[str]:
    tails = [f",{2000 + n}-01-01" if when else "" for n in range(first, last)]
    rows = [f"{n},글 {WORDS[n % 12]} {n},{'ab'[n % 2]}{tails.pop(0)}" for n in range(first, last)]
    return ["id,text,label" + (",when" if when else ""), *rows]


def test_an_official_file_may_lack_the_time(official):
    found = official(lines(0, 120), lines(120, 124, when=False), time="when")

    rows = contract.PREPARED.read()
    assert set(rows["time"][rows["part"] == "test"]) == {0.0}
    assert not [note for note in found["preparation"]["notes"] if "later than" in note]


def test_prepare_tells_what_it_finds(official):
    found = official(lines(0, 120), lines(110, 114), time="when")

    told = "9 of 120 rows of train are later than"
    assert [note for note in found["preparation"]["notes"] if note.startswith(told)]
    assert found["preparation"]["health"]["time"]["train_after_test"]["rows"] == 9
    assert found["prepare"]["prepare"]["later_rows"] == 9


@pytest.mark.slow
def test_two_hundred_thousand_rows_take_no_more_than_seconds():
    import time

    start = time.process_time()
    found = look(table(n=200_000, classes=5))

    assert found.details["rows"] == 50_000
    assert time.process_time() - start < 30
