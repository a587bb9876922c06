"""Korean synonyms: morphemes are replaced, particles fit again, the rest stays."""

import builtins
from pathlib import Path

import pandas as pd
import pytest

from foldline.augmentation import korean_words, word_augmenters
from foldline.augmentation.thesaurus import Thesaurus
from foldline.core.errors import FoldlineError
from tests.helpers.augmented_copies import copies

TEXT = "어제  배우가 만든 영화를 매우 많이 봤다ㅋㅋ 🙂🙂 http://a.b/영화 영화는 좋은 film!!"


@pytest.fixture
def thesaurus(augment, workplace):
    def make(lines: str, rows: list[tuple[str, str]] = (), **options: str) -> Thesaurus:
        path = Path("data/raw/synonyms.tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines, encoding="utf-8")
        table = pd.DataFrame(rows, columns=["text", "label"], dtype="str").assign(text_pair="")
        dotted = {"synonym.path": str(path)} | {f"synonym.{k}": v for k, v in options.items()}
        return Thesaurus(table, augment(dotted).synonym, "classification")

    return make


def replaced(text: str, made: Thesaurus, label: str = "") -> str:
    return copies(word_augmenters.synonym, text, 1, label, share=0.99, thesaurus=made)[0]


def test_the_package_is_named_where_it_is_missing(thesaurus, monkeypatch) -> None:
    plain = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "kiwipiepy":
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    korean_words.load_kiwi.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FoldlineError, match=r"pip .*install .*kiwipiepy`"):
        thesaurus("", source="kiwi")
    with pytest.raises(FoldlineError, match=r"pip .*install .*kiwipiepy`"):
        thesaurus("영화\t작품\n")
    assert replaced("a good film", thesaurus("film\tmovie\n")) == "a good movie"


@pytest.mark.slow
def test_particles_fit_and_the_rest_stays(thesaurus) -> None:
    made = thesaurus("배우\t감독\n영화\t작품\nfilm\tmovie\n")
    found = replaced(TEXT, made)
    assert found == TEXT.replace("배우가", "감독이").replace("영화를", "작품을").replace(
        "영화는", "작품은"
    ).replace("film", "movie")


@pytest.mark.slow
def test_predicates_are_conjugated(thesaurus) -> None:
    made = thesaurus("좋다\t훌륭하다\n보다\t구경하다\n")
    assert replaced("좋은 영화, 참 좋았다", made) == "훌륭한 영화, 참 훌륭했다"
    assert replaced("어제 봤다", made) == "어제 구경했다"


@pytest.mark.slow
def test_neighbours_are_nouns_and_adverbs_of_the_same_kind(thesaurus) -> None:
    made = thesaurus("", [("대단히 아주 영화 작품 관람 결코", "")] * 3, source="kiwi")
    (slot,) = made.find_slots("매우 큽니다", "")
    assert set(slot.synonyms) == {"대단히", "아주"}  # those that rows hold
    assert all(korean_words.load_kiwi().tokenize(word)[0].tag == "MAG" for word in slot.synonyms)
    # Predicates, negations and parts of compounds stay.
    assert made.find_slots("좋다 안 좋다 결코 영화관람", "") == []
    assert made.find_slots("영화를", "")[0].adapt("작품") == "작품을"


@pytest.mark.slow
def test_neighbours_that_speak_for_another_label_are_refused(thesaurus) -> None:
    rows = [("매우 좋다", "1"), ("대단히 좋다", "1")] * 9 + [("아주 싫다", "0")] * 18
    (slot,) = (s for s in thesaurus("", rows, source="kiwi").find_slots("매우 빠르다", "1"))
    assert "대단히" in slot.synonyms
    assert "아주" not in slot.synonyms


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["", " ", "🙂", "ㅋㅋㅋ", "영화", "á é 中文 🙂 영화를 " * 600, "영화" * 5000, "영화를!영화를"],
)
def test_odd_texts(text, thesaurus) -> None:
    made = thesaurus("영화\t작품\nfilm\tmovie\n")
    found = replaced(text, made)
    assert bool(found.strip()) == bool(text.strip())
    assert found == replaced(text, made)
