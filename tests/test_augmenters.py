"""The contract of every augmenter, then cases worked out by hand."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from foldline.balance.augmenters import AUGMENTERS, MARKS, change
from foldline.frame.errors import FoldlineError
from foldline.frame.params import Augment

TEXTS = (
    "one two three four five six seven eight nine ten",
    "오늘은 비가 오고 바람이 많이 불어서 집에 있었다",
    "mixed 섞인 text 문장 http://a.b/c :) 3,000원",
    "word",
    "낱말",
    "두 낱말",
    "?!",
    "   ",
    "",
    "á é 中文 🙂 " * 50,
)
# nlpaug's augmenters that need no download, with what they need to be told.
NLPAUG = {
    "KeyboardAug": {},
    "OcrAug": {},
    "RandomCharAug": {"action": "swap"},
    "RandomWordAug": {"action": "delete"},
    "SplitAug": {},
    "SpellingAug": {},
}
CASES = [(name, {}) for name in AUGMENTERS if name != "nlpaug"] + [
    ("nlpaug", {"nlpaug.name": name, "nlpaug.options": options}) for name, options in NLPAUG.items()
]
every = pytest.mark.parametrize(
    ("method", "options"), CASES, ids=lambda v: v if isinstance(v, str) else v.get("nlpaug.name")
)


def test_every_augmenter_is_a_choice() -> None:
    assert set(get_args(Augment.model_fields["method"].annotation)) == {"none", *AUGMENTERS}


@every
@pytest.mark.parametrize("text", TEXTS)
def test_contract(text, method, options, augment) -> None:
    own = augment(options, method=method)
    states = random.getstate(), np.random.get_state()
    found = [change(text, own, np.random.default_rng(seed)) for seed in (1, 1, 2, 3)]

    assert all(isinstance(one, str) for one in found)
    assert found[0] == found[1]
    assert all(one.strip() for one in found) == bool(text.strip())
    assert random.getstate() == states[0]
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), states[1], strict=True))


@every
def test_changes_most_texts(method, options, augment) -> None:
    own, text = augment(options, method=method), TEXTS[0]
    found = [change(text, own, np.random.default_rng(seed)) for seed in range(8)]
    assert sum(one != text for one in found) > 4
    assert len(set(found)) > 2


def test_aeda_puts_in_marks_alone(augment) -> None:
    own = augment({"aeda.share": 0.3}, method="aeda")
    words = TEXTS[0].split()
    counts = set()
    for seed in range(50):
        found = change(TEXTS[0], own, np.random.default_rng(seed)).split()
        marks = [word for word in found if word in MARKS]
        assert [word for word in found if word not in MARKS] == words
        counts.add(len(marks))
    assert counts == {1, 2, 3}  # at most 0.3 of 10 words
    assert change("낱말", own, np.random.default_rng(0)).split()[1] == "낱말"


def test_swap_moves_words_alone(augment) -> None:
    own = augment({"swap.share": 0.1}, method="swap")
    for seed in range(20):
        found = change(TEXTS[0], own, np.random.default_rng(seed)).split()
        assert Counter(found) == Counter(TEXTS[0].split())
        assert sum(a != b for a, b in zip(found, TEXTS[0].split(), strict=True)) == 2
    assert change("a b", own, np.random.default_rng(0)) == "b a"
    assert change("낱말", own, np.random.default_rng(0)) == "낱말"


def test_delete_leaves_words_in_their_order(augment) -> None:
    words = TEXTS[0].split()
    for share in (0.001, 0.3, 0.999):
        own = augment({"delete.share": share}, method="delete")
        for seed in range(20):
            found = change(TEXTS[0], own, np.random.default_rng(seed)).split()
            assert 1 <= len(found) < len(words)
            assert found == [word for word in words if word in found]
    assert change("낱말", own, np.random.default_rng(0)) == "낱말"


def test_nlpaug_leaves_numbers_and_links_whole(augment) -> None:
    own = augment(
        {"nlpaug.name": "RandomWordAug", "nlpaug.options": {"action": "swap"}}, method="nlpaug"
    )
    found = change(TEXTS[2], own, np.random.default_rng(0)).split()
    assert Counter(found) == Counter(TEXTS[2].split())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("KeybordAug", {}, "unknown nlpaug augmenter 'KeybordAug'; did you mean 'KeyboardAug'"),
        ("KeyboardAug", {"no_such": 1}, "cannot be used with options.*no_such"),
        ("TfIdfAug", {}, "TfIdfAug cannot be used"),
    ],
)
def test_what_nlpaug_cannot_do_is_told(name, options, message, augment) -> None:
    own = augment({"nlpaug.name": name, "nlpaug.options": options}, method="nlpaug")
    with pytest.raises(FoldlineError, match=message):
        change("one two three", own, np.random.default_rng(0))


@pytest.mark.slow
def test_nlpaug_says_nothing() -> None:
    """Its source has escapes that Python 3.12 warns of, each time it is compiled."""
    code = (
        "import numpy as np; from foldline.balance.augmenters import nlpaug;"
        "from foldline.frame.params import Nlpaug;"
        "nlpaug('a b c', np.random.default_rng(0), Nlpaug(name='KeyboardAug', options={}))"
    )
    command = [sys.executable, "-B", "-W", "default", "-c", code]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
