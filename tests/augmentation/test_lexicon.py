"""Synonyms from a table and from WordNet's files, and the filter by what they say of labels."""

from pathlib import Path

import pandas as pd
import pytest

from foldline.augmentation import word_augmenters
from foldline.augmentation.label_association import fit_association, is_consistent
from foldline.augmentation.lexicon import read_tsv, read_wordnet
from foldline.augmentation.thesaurus import Thesaurus
from foldline.core.errors import FoldlineError
from tests.helpers.augmented_copies import copies

# Lines as in WordNet 3.0: place, file, kind, number of words (hex), words; the rest is not read.
DATA = {
    "noun": "00000100 06 n 03 movie 0 film 0 motion_picture 0 001 @ 00000200 n 0000 | a story\n"
    "00000200 06 n 02 film 1 sheet 0 000 | a thin cover\n"
    "00000300 15 n 02 Paris 0 city 3 000 | a place\n"
    "00000400 06 n 02 vitamin_a 0 a 0 000 | a vitamin\n",
    "verb": "00000500 36 v 02 film 0 shoot 4 000 | to record\n",
    "adj": "00000600 00 a 03 beautiful 0 lovely(p) 0 beauteous 0 000 | pleasing\n",
    "adv": "00000700 02 r 02 quickly 0 rapidly 0 000 | fast\n",
}
INDEX = {
    "noun": "movie n 1 1 @ 1 1 00000100\nfilm n 3 2 @ ~ 3 2 00000100 00000200 00000200\n"
    "city n 1 0 1 1 00000300\na n 1 0 1 0 00000400\n",
    "verb": "film v 1 0 1 1 00000500\n",
    "adj": "beautiful a 1 0 1 1 00000600\nlovely a 1 0 1 1 00000600\n"
    "beauteous a 1 0 1 0 00000600\n",
    "adv": "quickly r 1 0 1 1 00000700\nrapidly r 1 0 1 1 00000700\n",
}
LICENCE = "  1 This software and database is being provided to you  \n"


@pytest.fixture
def wordnet(tmp_path) -> Path:
    for stem, content in (("data", DATA), ("index", INDEX)):
        for kind, text in content.items():
            (tmp_path / f"{stem}.{kind}").write_text(LICENCE + text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def tsv(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "synonyms.tsv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def thesaurus(augment, workplace):
    """Make a thesaurus from lines of a table, and rows as (text, label)."""

    def make(lines: str, rows: list[tuple[str, str]]) -> Thesaurus:
        path = Path("data/raw/synonyms.tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines, encoding="utf-8")
        table = pd.DataFrame(rows, columns=["text", "label"]).assign(text_pair="")
        return Thesaurus(table, augment({"synonym.path": str(path)}).synonym, "classification")

    return make


def test_a_table_is_read(tsv) -> None:
    path = tsv("\ufeffGood\tfine, very well\tgood\n\r\ngood\tnice\r\n영화\t작품\n")
    assert read_tsv(path) == {"good": ("fine", "very well", "nice"), "영화": ("작품",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("good\tfine\nbad awful\n", "line 2: must be one word, a tab.*found 'bad awful'"),
        ("good, fine\n", "line 1"),
        ("\tfine\n", "line 1"),
        ("good\t , \n", "line 1"),
        ("very good\tfine\n", "line 1"),
        ("영화\t작품\n".encode("cp949"), "is not UTF-8"),
    ],
)
def test_a_malformed_table_is_reported_with_its_line(text, message, tsv) -> None:
    with pytest.raises(FoldlineError, match=message):
        read_tsv(tsv(text))


def test_missing_files_are_reported(tmp_path, augment, workplace) -> None:
    rows = pd.DataFrame({"text": [], "text_pair": [], "label": []})
    (tmp_path / "synonym.tsv").write_text("good\tfine\n")
    beside = r"synonym.path: .*synonyms.tsv is not there; did you mean 'synonym.tsv'\? In .* there"
    with pytest.raises(FoldlineError, match=beside):
        read_tsv(tmp_path / "synonyms.tsv")
    with pytest.raises(FoldlineError, match=r"index.noun cannot be read.*wordnet-base"):
        read_wordnet(tmp_path / "no")
    with pytest.raises(FoldlineError, match=r"synonym.path: is null, but .*source=tsv needs"):
        own = augment({"synonym.source": "tsv", "synonym.path": None}).synonym
        Thesaurus(rows, own, "classification")


def test_wordnet_gives_the_first_sense_of_the_main_part_of_speech(wordnet) -> None:
    found = read_wordnet(wordnet)
    assert found["movie"] == ("film",)  # no words of two
    assert found["film"] == ("movie",)  # a noun in three senses of four, and of those the first
    assert found["beautiful"] == ("lovely",)  # without the mark of its place, and not the rare one
    assert found["quickly"] == ("rapidly",)
    assert "a" not in found  # grammar, not the vitamin
    assert "city" not in found  # a name is no synonym


def test_log_odds_are_those_of_classes() -> None:
    documents = [{"fun", "film"}] * 6 + [{"dull", "film"}] * 6
    found = fit_association(documents, ["pos"] * 6 + ["neg"] * 6, "classification")
    # (6 + 1) rows of 8 against 1 of 8, by even odds
    assert found.log_odds("fun", "pos") == pytest.approx(1.9459, abs=1e-4)
    assert found.log_odds("fun", "neg") == pytest.approx(-1.9459, abs=1e-4)
    assert found.log_odds("film", "pos") == 0
    assert found.log_odds("new", "pos") == 0
    assert found.log_odds("fun", "other") == 0
    rare = fit_association([{"w"}, {"x"}, {"x"}, {"x"}], ["a", "b", "b", "b"], "classification")
    # 1.5 against 1.5 rows, by odds of 1 to 3
    assert rare.log_odds("w", "a") == pytest.approx(1.0986, abs=1e-4)


def test_numbers_are_measured_by_their_mean() -> None:
    documents = [{"more"}, {"more"}, {"less"}, {"less"}, {"even"}, {"even"}]
    found = fit_association(documents, ["5.5", "4.5", "0.5", "-0.5", "2.0", "3.0"], "regression")
    assert found.log_odds("more", "0.5") > 1
    assert found.log_odds("less", "5.5") == pytest.approx(-found.log_odds("more", "5.5"))
    assert found.log_odds("even", "1") == pytest.approx(0)
    assert not is_consistent(found, "more", "less", "5.5")


def test_the_task_says_what_labels_are() -> None:
    documents = [{"more"}, {"more"}, {"less"}, {"less"}, {"even"}, {"even"}]
    classes = fit_association(
        documents, ["0.5", "0.5", "1.5", "1.5", "2.5", "2.5"], "classification"
    )
    assert classes.log_odds("more", "0.5") > 0
    assert classes.log_odds("more", "2.5") < 0
    numbers = fit_association(documents, list("554400"), "regression")
    assert numbers.log_odds("more", "5") == numbers.log_odds("more", "0")


def test_order_of_rows_changes_nothing() -> None:
    documents = [{"a", f"w{n % 7}"} for n in range(100)]
    labels = [f"{n * 0.1:.1f}" for n in range(100)]
    one, other = (
        fit_association(documents[::step], labels[::step], "regression") for step in (1, -1)
    )
    assert all(one.log_odds(f"w{n}", "1") == other.log_odds(f"w{n}", "1") for n in range(7))


def test_no_rows_give_no_polarity() -> None:
    assert fit_association([], [], "classification").log_odds("a", "b") == 0
    assert is_consistent(fit_association([], [], "regression"), "good", "bad", "b")


def test_a_synonym_for_another_label_is_refused(thesaurus) -> None:
    rows = [("good sound", "pos"), ("great film", "pos")] * 5 + [("poor film", "neg")] * 10
    made = thesaurus("good\tgreat, poor, unseen\nfilm\tmovie\n", rows)

    found = {slot.synonyms for slot in made.find_slots("good film", "pos")}

    assert found == {("great",), ("movie",)}


def test_what_stands_around_stays_byte_for_byte(thesaurus) -> None:
    made = thesaurus("good\tfine\nfilm\tmovie\n", [])
    text = "  A  Good\tFILM!? good_x http://good.com/film @film film's #good don't-film (good)"
    (found,) = copies(word_augmenters.synonym, text, 1, "a", share=0.9, thesaurus=made)
    assert found == text.replace("Good", "Fine").replace("FILM", "MOVIE").replace("(good", "(fine")


def test_synonyms_are_as_many_as_asked(thesaurus) -> None:
    made = thesaurus("".join(f"{word}\tnew{word}\n" for word in "abcdefghij"), [])
    for share, count in ((0.01, 1), (0.3, 3), (0.9, 9)):
        text = "a b c d e f g h i j"
        found = copies(word_augmenters.synonym, text, 5, "x", share=share, thesaurus=made)
        assert [one.count("new") for one in found] == [count] * 5


def test_insert_adds_synonyms_alone(thesaurus) -> None:
    made = thesaurus("good\tfine, great\n", [])
    places = set()
    for text in copies(word_augmenters.insert, "a good b c", 40, "x", share=0.1, thesaurus=made):
        found = text.split()
        (new,) = set(found) & {"fine", "great"}
        places.add(found.index(new))
        assert [word for word in found if word != new] == ["a", "good", "b", "c"]
    assert places == {0, 1, 2, 3, 4}


def test_eda_uses_all_its_ways(thesaurus, augment) -> None:
    made, text, own = thesaurus("good\tfine\n", []), "a good b c", augment()
    lengths, sorted_words = set(), set()
    for one in copies(word_augmenters.eda, text, 60, "x", augment=own, thesaurus=made):
        found = one.split()
        lengths.add(len(found))
        sorted_words.add(" ".join(sorted(found)))
    assert {3, 4, 5} <= lengths <= {1, 2, 3, 4, 5}
    assert {"a b c good", "a b c fine", "a b c fine good"} <= sorted_words
    # Where one way is barred, the next one is taken.
    bare = copies(word_augmenters.eda, "p q", 9, "x", augment=own, thesaurus=made)
    assert "p q" not in bare
