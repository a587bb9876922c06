"""The normal form of texts: nothing unseen is left, nothing that is read is lost."""

import unicodedata
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.data.normalization import casefold_key, normalize_text
from foldline.testing import check_cleaner
from foldline.testing.cleaners import check_clean_text

FORMS = ("NFKC", "NFC", "none")
# Characters that have broken a normal form before, beside any other one.
HARD = "\u200c\u200d\u200b\u00ad\ufeff\u3164\u1160\u115f\uffa0\u2800\u0301e\u1100\u1161\uffa1ㅋ "
TEXTS = st.text(st.one_of(st.sampled_from(HARD), st.characters()), max_size=20)
JAMO = unicodedata.normalize("NFD", "한글")


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(FORMS))
def test_applying_it_twice_changes_nothing_more(text, unicode):
    once = check_clean_text(partial(normalize_text, unicode=unicode), text)

    assert normalize_text(once, unicode) == once
    assert once == once.strip()
    assert not {"\n", "\r", "\t", "\0"} & set(once)


@pytest.mark.parametrize("unicode", FORMS)
def test_a_normal_form_is_a_cleaner(unicode):
    check_cleaner(normalize_text, {"unicode": unicode})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" a \t b\r\nc\u3000d\xa0 ", "a b c d"),
        ("\x00\x07\x1b[0m", "[0m"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("soft\xadhyphen", "softhyphen"),
        ("\u202eright to left\u202c", "right to left"),
        ("\u2066isolated\u2069", "isolated"),
        ("\u200b\u2060\u00ad", ""),
        ("\u3164", ""),
        ("가\u3164나", "가 나"),
        ("\u2800\u2800", ""),
        (JAMO, "한글"),
        ("ＡＢＣ１２３", "ABC123"),
        ("ﬁne", "fine"),
        ("①", "1"),
        ("ㅋㅋㅋ ㅠㅠ", "ㅋㅋㅋ ㅠㅠ"),
        ("ㄱㅏ", "ㄱㅏ"),
        ("ﾡￂ", "ㄱㅏ"),
        ("ﾻﾻ", "ㅋㅋ"),
        ("e\u200b\u0301", "é"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\u200db\u200c", "ab"),
        ("\u200d", ""),
        (" \u200c x", "x"),
    ],
)
def test_nfkc(text, expected):
    assert normalize_text(text) == expected


@pytest.mark.parametrize(
    ("unicode", "expected"), [("NFKC", "é 1/2"), ("NFC", "é ½"), ("none", "e\u0301 ½")]
)
def test_the_form_is_the_users_choice(unicode, expected):
    assert normalize_text("e\u0301  \u200b½", unicode).replace("⁄", "/") == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello", "hELLO"),
        ("STRASSE", "straße"),
        ("ｆｕｌｌ", "FULL"),
        ("한글", JAMO),
        ("ㅋㅋ", "ᄏᄏ"),
    ],
)
def test_one_text_has_one_key(one, other):
    assert casefold_key(one) == casefold_key(other)


def test_two_texts_have_two_keys():
    assert len({casefold_key(text) for text in ("a", "a.", "a b", "ab", "á")}) == 5
