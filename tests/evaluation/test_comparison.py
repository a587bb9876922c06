"""What `evaluate` compares: answers from files, the family, flips, and the parent commit."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.core.io.labels import Labels
from foldline.core.params import Evaluate
from foldline.evaluation import comparison, parent
from foldline.evaluation.comparison import (
    compare_change,
    compare_with_others,
    compare_with_parent,
    find_classes_against,
    format_change,
    write_comparison,
)
from foldline.evaluation.external import read_answers
from foldline.evaluation.flips import MAX_CHARACTERS, MAX_ROWS, list_flips
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.report import format_summary
from foldline.evaluation.scores import score
from tests.helpers.evaluation import NUMBERS, OPTIONS, SEVERAL, TOPICS
from tests.helpers.git_projects import commit, git, make_repository


def make_rows(labels: list[str]) -> pd.DataFrame:
    ids = [f"r{i}" for i in range(len(labels))]
    return pd.DataFrame(
        {"id": ids, "text": [f"text {i}" for i in ids], "text_pair": "", "label": labels}
    ).assign(group=ids)


ROWS = make_rows(["food", "sport", "food"])


def answer(tmp_path: Path, text: str, labels: Labels = TOPICS):
    file = tmp_path / "old.csv"
    file.write_text(text, encoding="utf-8")
    return read_answers({"old": str(file)}, labels, ROWS)["old"]


def test_answers_of_a_person_are_classes(tmp_path):
    own = answer(tmp_path, "predicted,id\nfood,r2\nsport,r0\nsport,r1\nfood,more\n")

    assert own.values.tolist() == [[0, 1], [0, 1], [1, 0]]
    scores = own.drop_undefined({"f1_macro": 0.5, "roc_auc": 0.7, "low": 0.4, "high": 0.6})
    assert scores["f1_macro"] == 0.5 and scores["low"] == 0.4
    assert np.isnan(scores["roc_auc"]), "without probabilities nothing can be ranked"


def test_answers_of_a_system_are_probabilities(tmp_path):
    own = answer(tmp_path, "id,predicted,p_sport,p_food\nr0,x,0.2,0.8\nr1,x,1,0\nr2,x,0.5,0.5\n")

    assert own.values.tolist() == [[0.8, 0.2], [0, 1], [0.5, 0.5]]
    assert own.drop_undefined({"roc_auc": 0.7}) == {"roc_auc": 0.7}


def test_answers_for_other_tasks(tmp_path):
    text = "id,predicted\nr0,sport|food\nr1,\nr2,food\n"
    assert answer(tmp_path, text, SEVERAL).values.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert answer(tmp_path, "id,predicted\nr0,1\nr1,2\nr2,3\n", NUMBERS).values.tolist() == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,predicted\nr0,food\n",
            r"external.old: .* no answer for 2 of the 3 rows .*\(id r1, r2",
        ),
        (
            "id,predicted\nr0,foot\n",
            r"line 2: 'foot' is no class; did you mean 'food'\? Classes: f",
        ),
        ("id,predicted\nr0,\n", r"line 2: '' is no class"),
        ("id,p_food,p_art\nr0,1,0\n", r"has no column p_sport; it has id, p_food, p_art"),
        ("id,answer\nr0,food\n", r"no column predicted; it has id, answer"),
        ("", r"has no column id, predicted; it has none"),
        ("id,predicted\nr0,food\nr0,food\n", r"line 3: id 'r0' is already in line 2"),
    ],
)
def test_answers_that_are_wrong_are_told(tmp_path, text, message):
    with pytest.raises(FoldlineError, match=message):
        answer(tmp_path, text)
    with pytest.raises(FoldlineError, match=r"evaluate.external.old=.*none.csv cannot be read"):
        read_answers({"old": str(tmp_path / "none.csv")}, TOPICS, ROWS)


@pytest.mark.parametrize(
    ("external", "message"),
    [
        ({"old": "old.csv"}, "must be a path under data/raw/"),
        ({"a b": "data/raw/old.csv"}, "must be letters, digits and -_.+"),
    ],
)
def test_files_that_dvc_does_not_watch_are_refused(external, message):
    with pytest.raises(ValidationError, match=message):
        Evaluate.model_validate(OPTIONS.model_dump() | {"external": external})


def predict(codes: list[int] | np.ndarray, sure: float = 0.9) -> np.ndarray:
    return np.eye(2)[np.asarray(codes)] * (2 * sure - 1) + (1 - sure)


def make_table(codes: list[int]) -> pd.DataFrame:
    return TOPICS.table(predict(codes))


@pytest.fixture
def part() -> EvaluationSet:
    """Return a set of 60 rows: 6 errors of the final predictions, and others."""
    target = np.arange(60) % 2
    final, noise = target.copy(), np.arange(60) // 2 % 2
    final[:6] ^= 1
    return EvaluationSet(
        labels=TOPICS,
        target=target,
        groups=np.arange(60).astype(str),
        final=predict(final),
        members={"tfidf": predict(final, 0.8)},
        baselines={"majority": predict(np.zeros(60, dtype=int)), "tfidf": predict(noise)},
    )


def test_members_baselines_and_others_are_one_family(part, tmp_path):
    found = compare_with_others(part, OPTIONS, seed=0)

    assert [(own["kind"], own["name"]) for own in found] == [
        ("member", "tfidf"),
        ("baseline", "majority"),
        ("baseline", "tfidf"),
    ]
    member, majority, noise = found
    assert (member["difference"], member["verdict"]) == (0, "not distinguishable")
    assert majority["verdict"] == noise["verdict"] == "better"
    assert majority["p_holm"] > majority["p"]
    assert noise["mcnemar"]["only_first"] > noise["mcnemar"]["only_second"]


def test_the_summary_says_what_each_difference_is_worth(part):
    scores = score(part, 100, 0.95, seed=0)
    scores["comparisons"] = compare_with_others(part, OPTIONS, seed=0)
    lines = format_summary("classification", {"test": scores}, "test", 0.95)
    table = lines[1:]

    assert max(map(len, lines[:5])) <= 80
    assert re.fullmatch(r"  tfidf .*\]  not distinguishable", table[1])
    assert re.fullmatch(r"baseline majority .*\]  ensemble better", table[2])


def test_flips_by_hand():
    rows = make_rows(["food", "sport", "food", "sport"])
    rows.loc[1, "text"] = "x" * 300
    before = predict([0, 0, 0, 1])
    after = np.array([[0.2, 0.8], [0.4, 0.6], [0.9, 0.1], [0.7, 0.3]])
    flips = list_flips(TOPICS, rows, TOPICS.table(before), TOPICS.table(after))

    assert flips["fixed"]["count"] == 1
    (fixed,) = flips["fixed"]["rows"]
    assert (fixed["id"], fixed["before"], fixed["after"]) == ("r1", "food", "sport")
    assert len(fixed["text"]) == MAX_CHARACTERS
    assert flips["broken"]["classes"] == {"food": 1, "sport": 1}
    assert [row["id"] for row in flips["broken"]["rows"]] == ["r0", "r3"], "the surest first"


def test_flips_are_cut_but_counted():
    rows = make_rows(["food"] * 150)
    flips = list_flips(TOPICS, rows, make_table([1] * 150), make_table([0] * 150))

    assert flips["fixed"]["count"] == 150
    assert len(flips["fixed"]["rows"]) == MAX_ROWS


def test_flips_of_several_labels_are_rows_that_are_right_as_a_whole():
    rows = make_rows(["food|sport", ""])
    before, after = np.array([[0.9, 0.1], [0.1, 0.1]]), np.array([[0.9, 0.8], [0.1, 0.6]])
    flips = list_flips(SEVERAL, rows, SEVERAL.table(before), SEVERAL.table(after))

    assert flips["fixed"]["classes"] == {"food": 1, "sport": 1}
    assert [row["after"] for row in flips["broken"]["rows"]] == ["sport"]
    assert flips["fixed"]["rows"][0]["confidence"] == 0.8
    number = NUMBERS.table(np.ones(1))
    assert list_flips(NUMBERS, make_rows(["1"]), number, number) == {}


def test_a_gain_of_one_class_at_the_cost_of_most_is_noted():
    labels = Labels("classification", ("a", "b", "c"))
    target = np.repeat([0, 1, 2], 10)
    before, after = target.copy(), target.copy()
    before[20:28] = 0  # c is poor
    after[:2], after[10:14] = 1, 0  # a and b get worse, c perfect
    found = find_classes_against(labels, target, np.eye(3)[before], np.eye(3)[after])

    assert found == ["b"] or set(found) <= {"a", "b"}
    assert find_classes_against(labels, target, np.eye(3)[before], np.eye(3)[target]) == []
    assert find_classes_against(NUMBERS, np.ones(2), np.ones(2), np.ones(2)) == []
    change = {
        "verdict": "better", "difference": 0.1, "low": 0.0, "high": 0.2, "p": 0.01,
        "detectable": 0.1, "flips": {}, "classes_against": ["a", "b"], "slices_against": [],
    }  # fmt: skip
    assert "note: f1 is better, but the F1 of a, b fell" in format_change(
        "x", "y", "f1", change, Path("f")
    )


def write_predictions(rows: pd.DataFrame, values: np.ndarray) -> None:
    schemas.TEST_PREDICTIONS.write(TOPICS.table(values).assign(id=rows["id"], label=rows["label"]))


@pytest.fixture
def parent_rows(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Commit predictions of 40 rows, half of them right, as DVC does."""
    cache = Path(".dvc/cache/files/md5")
    monkeypatch.setattr(parent, "cache_folder", lambda: cache)
    rows = make_rows(["food", "sport"] * 20)
    write_predictions(rows, predict([0] * 40))
    make_repository(workplace, record(cache))
    return rows


def record(cache: Path) -> dict[str, str]:
    """Move the predictions to the cache, and return the dvc.lock that names them."""
    path = schemas.TEST_PREDICTIONS.path
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    (cache / md5[:2]).mkdir(parents=True, exist_ok=True)
    (cache / md5[:2] / md5[2:]).write_bytes(path.read_bytes())
    out = f"{{path: {path.as_posix()}, md5: {md5}}}"
    return {"dvc.lock": f"stages:\n  evaluate:\n    outs:\n    - {out}\n", ".gitignore": "data\n"}


def compare(rows: pd.DataFrame, values: np.ndarray, labels: Labels = TOPICS):
    final = TOPICS.table(values)
    return compare_with_parent(labels, rows, final, schemas.TEST_PREDICTIONS, OPTIONS, seed=0)


def test_the_parent_is_the_last_commit(parent_rows, workplace):
    right = predict([0, 1] * 20)
    write_predictions(parent_rows, right)
    found = compare(parent_rows.iloc[::-1], right[::-1])

    assert found["commit"] == git(workplace, "rev-parse", "HEAD")
    assert found["verdict"] == "better"
    assert found["flips"]["fixed"]["classes"] == {"sport": 20}
    assert found["flips"]["broken"]["count"] == 0


def test_why_there_is_no_parent_is_said(parent_rows, workplace):
    same = predict([0] * 40)
    assert "has the same predictions" in compare(parent_rows, same)["reason"]

    other = parent_rows.iloc[:39]
    write_predictions(other, same[:39])
    reason = compare(other, same[:39])["reason"]
    assert re.search(r"has other rows: 1 only there, 0 only here \(r39\)", reason)

    write_predictions(parent_rows, predict([1] * 40))
    third = Labels("classification", ("food", "sport", "art"))
    assert "has other classes (p_art" in compare(parent_rows, same, third)["reason"]

    next(Path(".dvc/cache/files/md5").glob("*/*")).unlink()
    assert "is not in DVC's cache" in compare(parent_rows, same)["reason"]
    commit(workplace, {"dvc.lock": "stages: {}\n"})
    assert "no record of data/predictions/test.csv" in compare(parent_rows, same)["reason"]


def test_without_git_there_is_no_parent(workplace):
    write_predictions(ROWS, predict([0, 0, 0]))

    assert compare(ROWS, predict([0, 0, 0])) == {"commit": None, "reason": "there is no commit yet"}


def test_the_report_has_the_flips_of_the_best_baseline(part, workplace):
    rows = make_rows([TOPICS.classes[code] for code in part.target])
    write_predictions(rows, part.final)
    found = score(part, 100, 0.95, 0) | {"comparisons": compare_with_others(part, OPTIONS, seed=0)}
    lines = write_comparison(part, rows, schemas.TEST_PREDICTIONS, found, OPTIONS, seed=0)
    report = read_json(comparison.FILE)

    assert not any("commit" in line for line in lines), "a first run has no parent to tell of"
    assert report["parent"]["reason"] == "there is no commit yet"
    assert report["baseline"]["name"] == "tfidf"
    assert report["baseline"]["flips"]["broken"]["count"] > 0
    assert report["predictions"]["path"] == "data/predictions/test.csv"


def test_a_change_of_numbers_has_no_flips():
    rows = make_rows([f"{i}.5" for i in range(30)])
    target = NUMBERS.encode(rows["label"])
    noise = np.random.default_rng(0).normal(size=30) * 10
    before, after = NUMBERS.table(target + noise), NUMBERS.table(target)
    found = compare_change(NUMBERS, rows, before, after, OPTIONS, seed=0)

    assert found["verdict"] == "better"
    assert found["flips"] == {} and found["classes_against"] == []
    assert len(format_change("a", "b", "pearson", found, Path("f"))) == 2
