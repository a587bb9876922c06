"""The sample data: made again byte for byte, with every trap that `data/README.md` counts."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest

from tools import make_sample
from tools.make_sample import near_form, normal_form

DATA = Path(__file__).parents[2] / "data"
FILES = ("topics", "topics_unlabelled", "topics_sample_submission", "pairs", "pairs_unlabelled")
if not all((DATA / "raw" / f"{name}.csv").exists() for name in FILES):
    pytest.skip("the sample has made way for a project's own data", allow_module_level=True)
README = (DATA / "README.md").read_text(encoding="utf-8")
# What the tables of the README say: the first cell of a row and the number in the second.
DOCUMENTED = {
    name: int(count) for name, count in re.findall(r"^\| `?([^|`]+?)`? +\| (\d+) +\|", README, re.M)
}


def read_table(name: str) -> list[dict[str, str]]:
    with (DATA / "raw" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


TOPICS, UNLABELLED, PAIRS = (
    read_table("topics"),
    read_table("topics_unlabelled"),
    read_table("pairs"),
)
TEXTS = [row["text"] for row in TOPICS]


def is_korean(text: str) -> bool:
    return re.search("[가-힣]", text) is not None


def test_generator_gives_the_committed_bytes(tmp_path: Path):
    make_sample.write_files(tmp_path / "raw")
    made = {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    assert sorted(made) == sorted(f"{name}.csv" for name in FILES)
    for name, content in made.items():
        assert content == (DATA / "raw" / name).read_bytes(), f"python -m {make_sample.__name__}"
    assert sum(map(len, made.values())) < 400_000
    assert not any(b"\r" in content for content in made.values())


@pytest.mark.parametrize("name", FILES)
def test_rows_and_ids(name: str):
    rows = read_table(name)
    assert len(rows) == DOCUMENTED[f"raw/{name}.csv"]
    assert len({row["id"] for row in rows}) == len(rows)
    # csv.DictReader gives None for a cell too few and a None key for a cell too many.
    assert all(None not in row and None not in row.values() for row in rows)


def test_classes_and_their_imbalance():
    sizes = Counter(row["label"] for row in TOPICS)
    assert sizes == {topic: DOCUMENTED[topic] for topic in make_sample.TOPICS}
    assert max(sizes.values()) == 5 * min(sizes.values())


def test_both_languages():
    assert sum(map(is_korean, TEXTS)) == DOCUMENTED["Korean text"]
    assert sum(is_korean(row["sentence1"]) for row in PAIRS) == DOCUMENTED["Korean pair"]
    for row in PAIRS + read_table("pairs_unlabelled"):
        assert is_korean(row["sentence1"]) == is_korean(row["sentence2"])


def test_duplicates_of_three_kinds():
    labelled = Counter((row["text"], row["label"]) for row in TOPICS)
    exact = set(TEXTS)
    normal = {normal_form(text) for text in exact}
    near = {near_form(text) for text in normal}
    assert len(TOPICS) - len(labelled) == DOCUMENTED["exact duplicate"]
    assert len(exact) - len(normal) == DOCUMENTED["restyled duplicate"]
    assert len(normal) - len(near) == DOCUMENTED["near duplicate"]
    assert any("\uff10" <= character <= "\uff5a" for text in TEXTS for character in text)
    assert any("  " in text for text in TEXTS)


def test_conflicting_labels():
    labels = defaultdict(set)
    for row in TOPICS:
        labels[row["text"]].add(row["label"])
    assert sum(len(given) > 1 for given in labels.values()) == DOCUMENTED["conflicting label"]


def test_wrong_and_unknowable_labels():
    rows, _ = make_sample.make_topics(Random(make_sample.SEED))
    assert [(row.text, row.label) for row in rows] == [(r["text"], r["label"]) for r in TOPICS]
    wrong = [row for row in rows if row.label != row.truth and row.planted != "conflict"]
    assert len(wrong) == DOCUMENTED["wrong label"]
    assert sum(row.planted == "vague" for row in rows) == DOCUMENTED["text without a topic"]


@pytest.mark.parametrize(
    ("name", "has_trap"),
    [
        ("empty text", lambda text: not text),
        ("text `NA`", lambda text: text == "NA"),
        ("text `null`", lambda text: text == "null"),
        ("quote marks and comma", lambda text: '"' in text and "," in text),
        ("line break", lambda text: "\n" in text),
    ],
)
def test_awkward_texts(name: str, has_trap):
    assert sum(map(has_trap, TEXTS)) == DOCUMENTED[name.replace("`", "")]


def test_unlabelled_topics_and_their_overlap():
    texts = [row["text"] for row in UNLABELLED]
    known = {near_form(text) for text in TEXTS}
    assert len(set(texts)) == len(texts)
    assert sum(text in set(TEXTS) for text in texts) == DOCUMENTED["known text"]
    assert sum(near_form(text) in known for text in texts) == DOCUMENTED["known text"]
    assert min(row["written"] for row in UNLABELLED) > max(row["written"] for row in TOPICS)


def test_sample_submission_fits_the_unlabelled_rows():
    rows = read_table("topics_sample_submission")
    assert [row["id"] for row in rows] == [row["id"] for row in UNLABELLED]
    assert {row["label"] for row in rows} == {"economy"}


def test_scores_are_steps_of_a_fifth():
    assert {row["score"] for row in PAIRS} == {f"{step / 5:.1f}" for step in range(26)}


def test_traps_in_pairs():
    scores = defaultdict(list)
    for row in PAIRS:
        scores[row["sentence1"], row["sentence2"]].append(float(row["score"]))
    twice = [given for given in scores.values() if len(given) > 1]
    spreads = [max(given) - min(given) for given in twice]
    assert sum(spread == 0 for spread in spreads) == DOCUMENTED["repeated pair"]
    assert sum(spread >= 0.99 for spread in spreads) == DOCUMENTED["rescored pair"]
    assert len(twice) == DOCUMENTED["repeated pair"] + DOCUMENTED["rescored pair"]
    reverse = [pair for pair in scores if pair[0] < pair[1] and pair[::-1] in scores]
    assert len(reverse) == DOCUMENTED["reversed pair"]
    assert all(scores[pair] == scores[pair[::-1]] for pair in reverse)
    assert sum(one == two for one, two in scores) == DOCUMENTED["identical pair"]
    used = Counter(sentence for pair in {frozenset(pair) for pair in scores} for sentence in pair)
    assert sum(count == 4 for count in used.values()) == DOCUMENTED["recurring sentence"]
    assert set(used.values()) == {1, 4}


def test_unlabelled_pairs_are_new():
    known = {row[side] for row in PAIRS for side in ("sentence1", "sentence2")}
    new = {
        row[side] for row in read_table("pairs_unlabelled") for side in ("sentence1", "sentence2")
    }
    assert not known & new


@pytest.mark.parametrize(
    ("template", "spelled"),
    [
        ("시청/이 발표", "시청이 발표"),
        ("협회/이 발표", "협회가 발표"),
        ("의사/은 여당/을 협회/과", "의사는 여당을 협회와"),
        ("월말/으로 내년 봄/으로 새해/으로", "월말로 내년 봄으로 새해로"),
        ("tax plan", "Tax plan"),
    ],
)
def test_particles_follow_the_final_consonant(template: str, spelled: str):
    assert make_sample.attach_particles(template) == spelled


def test_no_particle_is_left_open():
    sentences = [row[side] for row in PAIRS for side in ("sentence1", "sentence2")]
    assert not [text for text in TEXTS + sentences if "/" in text or "{" in text]
