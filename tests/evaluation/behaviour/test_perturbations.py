"""Changes of texts that do not change what they say."""

import pytest

from foldline.augmentation.random_streams import RandomStreams
from foldline.augmentation.word_tokenizer import Batch
from foldline.evaluation.behaviour.perturbations import PERTURBATIONS, TermSwap, make_perturbation

SWAP = TermSwap(
    [["he", "she"], ["Korean", "French", "Thai"], ["여자", "남성"], ["중국인", "일본인"]]
)


def perturb(name: str, *texts: str, share: float = 0.2) -> list[str]:
    streams = RandomStreams.create(0, list(map(str, range(len(texts)))), [0] * len(texts))
    return make_perturbation(name, share)(Batch(list(texts), [""] * len(texts), streams))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lowercase", "Ab 가", "ab 가"),
        ("uppercase", "Ab 가", "AB 가"),
        ("no_punctuation", "Well, it's 3.5 kg! @user #tag :)", "Well it's 3.5 kg @user #tag"),
        (
            "numbers",
            "2019년 1,200원 10/10 100점 350 명 500%",
            "2018년 1,200원 10/10 100점 351 명 500%",
        ),
        ("particles", "영화를 봤을 때 책을 음악을 들었다", "영화 봤을 때 책을 음악 들었다"),
        ("no_space", "one two", "onetwo"),
    ],
)
def test_a_change_is_as_described(name, text, expected):
    assert perturb(name, text) == [expected]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_change_depends_on_no_other_text_and_leaves_no_text_empty(name):
    texts = ["한 단어", "Several English words, in 2012!", "word", "영화를 보고 음악을 듣는다"]

    changed = perturb(name, *texts)
    assert perturb(name, *texts[:2]) == changed[:2]
    assert all(changed)


@pytest.mark.parametrize(
    ("text", "shift", "expected"),
    [
        ("He said the Korean and the French.", 1, "She said the French and the Thai."),
        ("He said the Korean and the French.", 2, "She said the Thai and the Korean."),
        ("@he #he the hero", 1, "@he #he the hero"),
        ("KOREAN he", 1, "FRENCH she"),
        ("여자가 남성을 여자들은 여자친구", 1, "남성이 여자를 남성들은 여자친구"),
        ("중국인으로서 중국인의", 1, "중국인으로서 일본인의"),
    ],
)
def test_terms_are_exchanged_within_their_groups(text, shift, expected):
    assert SWAP.swap(text, shift) == expected
