"""The contract of every augmenter, then cases worked out by hand."""

import os
import pickle
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldline.augmentation import word_augmenters
from foldline.augmentation.augmenters import AUGMENTERS, TextAugmenter
from foldline.augmentation.hangul import compose_hangul, is_hangul, split_keystrokes
from foldline.augmentation.requests import CopyRequest
from foldline.augmentation.sampling_plan import list_methods
from foldline.augmentation.typos import add_typos
from foldline.core.errors import FoldlineError
from foldline.core.params.augmentation import Method
from foldline.testing import augmenters as contract
from foldline.testing.augmenters import sample_requests as make_requests
from foldline.testing.sample_data import TEXTS
from tests.helpers.augmented_copies import copies

# nlpaug's augmenters that need no download, with what they need to be told.
NLPAUG = {
    "KeyboardAug": {},
    "OcrAug": {},
    "RandomCharAug": {"action": "swap"},
    "RandomWordAug": {"action": "delete"},
    "SplitAug": {},
    "SpellingAug": {},
    "RandomSentAug": {},
}
SYNONYMS = "".join(
    f"{line}\n"
    for line in ("one\tsingle", "two\tpair, couple", "three\ttrio", "nine\tennead", "word\tterm")
)
# Those that need models or a server have the same contract in tests of their own.
CASES = [(name, {}) for name in AUGMENTERS if name not in ("nlpaug", "backtranslation", "llm")] + [
    pytest.param(
        "nlpaug",
        {"nlpaug.name": name, "nlpaug.options": options},
        # The others import torch and transformers.
        marks=[] if name == "KeyboardAug" else pytest.mark.slow,
    )
    for name, options in NLPAUG.items()
]
slow = partial(pytest.param, marks=pytest.mark.slow)
every = pytest.mark.parametrize(
    ("method", "options"), CASES, ids=lambda v: v if isinstance(v, str) else v.get("nlpaug.name")
)


@pytest.fixture
def augmenter(augment, workplace):
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/synonyms.tsv").write_text(SYNONYMS, encoding="utf-8")
    table = pd.DataFrame(make_requests())[["text", "text_pair", "label"]]

    def make(method, dotted=None, seed=1):
        path = {"synonym.path": "data/raw/synonyms.tsv"}
        return TextAugmenter(
            table, augment(path | (dotted or {}), method=method), "classification", seed
        )

    return make


def test_every_augmenter_is_a_choice() -> None:
    assert set(get_args(Method)) == set(AUGMENTERS)


@every
def test_contract(method, options, augmenter) -> None:
    made = augmenter(method, options)
    contract.check_copies(partial(made.augment, method))


@every
def test_a_copy_knows_no_other_one(method, options, augmenter) -> None:
    made = augmenter(method, options)
    other = pickle.loads(pickle.dumps(made))
    contract.check_independence(partial(made.augment, method), partial(other.augment, method))


@every
def test_changes_most_texts(method, options, augmenter) -> None:
    text = contract.LIVELY
    if options.get("nlpaug.name") == "RandomSentAug":
        text = "One two. Three four! Five six? Seven."
    made, other = augmenter(method, options), augmenter(method, options, seed=2)
    contract.check_variety(
        partial(made.augment, method),
        partial(other.augment, method),
        text,
        random_copies=method != "pairswap",
    )


def test_a_mix_has_all_its_methods(augmenter, augment) -> None:
    made = augmenter("mix", {"mix": {"aeda": 1.0, "swap": 2.0}})
    assert list_methods(augment({"mix": {"aeda": 1.0, "swap": 2.0}}, method="mix")) == [
        "aeda",
        "swap",
    ]
    assert made.augment("swap", make_requests(), 0) != made.augment("aeda", make_requests(), 0)
    assert list_methods(augment()) == []


def test_aeda_puts_in_marks_alone() -> None:
    counts = set()
    for text in copies(word_augmenters.aeda, TEXTS[0], 50, share=0.3):
        found = text.split()
        marks = [word for word in found if word in word_augmenters.MARKS]
        assert [word for word in found if word not in word_augmenters.MARKS] == TEXTS[0].split()
        counts.add(len(marks))
    assert counts == {1, 2, 3}  # at most 0.3 of 10 words
    assert copies(word_augmenters.aeda, "낱말", 1, share=0.3)[0].split()[1] == "낱말"


def test_swap_moves_words_alone() -> None:
    for text in copies(word_augmenters.swap, TEXTS[0], 20, share=0.1):
        found = text.split()
        assert Counter(found) == Counter(TEXTS[0].split())
        assert sum(a != b for a, b in zip(found, TEXTS[0].split(), strict=True)) == 2
    assert copies(word_augmenters.swap, "a b", 1, share=0.1) == ["b a"]
    assert copies(word_augmenters.swap, "낱말", 1, share=0.1) == ["낱말"]


def test_delete_leaves_words_in_their_order() -> None:
    for share in (0.001, 0.3, 0.999):
        for text in copies(word_augmenters.delete, TEXTS[0], 20, share=share):
            found = text.split()
            assert 1 <= len(found) < 10
            assert found == [word for word in TEXTS[0].split() if word in found]
    assert copies(word_augmenters.delete, "낱말", 1, share=0.3) == ["낱말"]


def test_pairswap_needs_pairs(augmenter, augment) -> None:
    made = augmenter("pairswap")
    found = made.augment(
        "pairswap", [CopyRequest("a", "b", "1", "r", 0), CopyRequest("a", "", "1", "s", 0)], 0
    )
    assert found == [("b", "a"), ("a", "")]
    single = pd.DataFrame({"text": ["a"], "text_pair": [""], "label": ["1"]})
    with pytest.raises(
        FoldlineError, match=r"no training row has a second one; set data.text_pair"
    ):
        TextAugmenter(single, augment(method="pairswap"), "classification", 1)


def test_strokes_are_those_of_the_keyboard() -> None:
    assert split_keystrokes("닭이 왔다") == [*"ㄷㅏㄹㄱㅇㅣ", " ", *"ㅇㅗㅏㅆㄷㅏ"]
    # As an input method composes while one types.
    assert compose_hangul(list("ㄱㅏㄱㅅㅏ")) == "각사"
    assert compose_hangul(list("ㄱㅏㄱㅅ")) == "갃"
    assert compose_hangul(list("ㄷㅏㄸㅏ")) == "다따"
    assert compose_hangul(list("ㅏㄴㄴㅕㅇ")) == "ㅏㄴ녕"
    assert compose_hangul(list("ㅋㅋㅋ")) == "ㅋㅋㅋ"


@given(st.text(st.characters(min_codepoint=ord("가"), max_codepoint=ord("힣"))))
def test_every_word_is_composed_of_its_strokes(text) -> None:
    assert compose_hangul(split_keystrokes(text)) == text


@given(st.text(st.sampled_from("가각영화닭 뷁.ㅋ")).filter(str.strip), st.integers(0, 99))
def test_noise_puts_no_latin_in_hangul(text, seed) -> None:
    (found,) = copies(add_typos, text, 1, seed=seed, share=0.3)
    assert not any(c.isascii() and c.isalpha() for c in found)
    assert bool(found.strip()) == bool(text.strip())


def test_noise_strikes_the_keys_beside() -> None:
    found = set(copies(add_typos, "g", 80, share=0.1))
    assert found == {"f", "h", "t", "y", "v", "b", "gg"}
    found = set(copies(add_typos, "G", 80, share=0.1))
    assert found == {"F", "H", "T", "Y", "V", "B", "GG"}
    # ㄱ ㅏ: a key beside either, their order, either left out, either twice
    found = set(copies(add_typos, "가", 400, share=0.1))
    assert {"ㅏㄱ", "ㄱ", "ㅏ", "ㄱ가", "가ㅏ", "다", "사", "거", "기"} <= found


def test_noise_leaves_links_numbers_and_addresses() -> None:
    text = "https://example.org me@example.org 3kg 3,000원 !!"
    assert set(copies(add_typos, text, 20, share=0.5)) == {text}
    assert all(
        "www.example.org 3kg" in one
        for one in copies(add_typos, "ab www.example.org 3kg c", 20, share=0.9)
    )


def test_noise_is_as_strong_as_asked() -> None:
    text = "가나다라마바사아자차" * 10
    (found,) = copies(add_typos, text, 1, share=0.05)
    same = sum(
        a == b for a, b in zip(split_keystrokes(text), split_keystrokes(found), strict=False)
    )
    assert found != text
    assert is_hangul(found)
    assert same > 0  # and not retyped as a whole
    changed = copies(add_typos, text, 30, share=0.01)
    assert all(
        abs(len(split_keystrokes(one)) - len(split_keystrokes(text))) <= 1 for one in changed
    )


@pytest.mark.slow
def test_nlpaug_leaves_numbers_links_and_capitals(augmenter) -> None:
    made = augmenter(
        "nlpaug", {"nlpaug.name": "RandomWordAug", "nlpaug.options": {"action": "swap"}}
    )
    text = "i Have 3,000 apples :) at http://a.b/c now"
    wanted = [CopyRequest(text, "", "food", f"r{n}", 0) for n in range(20)]
    found = [one for one, _ in made.augment("nlpaug", wanted, 0)]
    assert all(Counter(one.split()) == Counter(text.split()) for one in found)
    assert len(set(found)) > 10


@pytest.mark.slow
def test_what_nlpaug_stumbles_on_stays(augmenter) -> None:
    options = {"action": "crop", "aug_p": 0.9, "aug_min": 5}
    made = augmenter("nlpaug", {"nlpaug.name": "RandomWordAug", "nlpaug.options": options})
    assert made.augment("nlpaug", [CopyRequest("a b", "", "food", "r", 0)], 0) == [("a b", "")]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("KeyboardAug", {"no_such": 1}, "cannot be used with options.*no_such"),
        slow("KeybordAug", {}, "unknown nlpaug augmenter 'KeybordAug'; did you mean 'KeyboardAug'"),
        slow("TfIdfAug", {}, "TfIdfAug cannot be used"),
    ],
)
def test_what_nlpaug_cannot_do_is_reported_at_once(name, options, message, augmenter) -> None:
    with pytest.raises(FoldlineError, match=message):
        augmenter("nlpaug", {"nlpaug.name": name, "nlpaug.options": options})


@pytest.mark.slow
def test_nlpaug_says_nothing() -> None:
    """Its source has escapes that Python 3.12 warns of, each time it is compiled."""
    code = (
        "from foldline.augmentation.nlpaug_adapter import augment_with_nlpaug;"
        "from foldline.core.params import Nlpaug;"
        "from tests.helpers.augmented_copies import copies;"
        "copies(augment_with_nlpaug, 'a b c', 1, options=Nlpaug(name='KeyboardAug', options={}))"
    )
    command = [sys.executable, "-B", "-W", "default", "-c", code]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_nlpaug_is_the_same_in_every_process() -> None:
    """It keeps words in sets, whose order another process does not share."""
    code = (
        "from foldline.augmentation.nlpaug_adapter import augment_with_nlpaug;"
        "from foldline.core.params import Nlpaug;"
        "from tests.helpers.augmented_copies import copies;"
        "options = Nlpaug(name='SpellingAug', options={'aug_p': 0.9});"
        "text = 'because they receive their letter about a different address';"
        "print(copies(augment_with_nlpaug, text, 20, options=options))"
    )
    root = Path(__file__).resolve().parents[2]
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in "012"
    }
    assert len(said) == 1
    assert said.pop().count("because they receive their letter about a different address") < 20
