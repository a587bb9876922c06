"""Advice on splits is tried by following it: the rows are divided, and the note goes away."""

from collections.abc import Callable

import pytest

from tests.data.test_advice import name, table
from tests.helpers.advised_projects import Files, advised_settings, case, follow, messages

pytestmark = pytest.mark.usefixtures("workplace")

WORDS = ["red", "blue", "fast", "slow", "tall", "warm", "cold", "loud", "calm", "soft"]
BY_GROUP = {"data.group": "user"}
BY_TIME = {"data.time": "day"}
UNSPLIT = {"split.ratios": [1, 0, 0]}


def words(n: int) -> str:
    """Return a text that shares few words with any other."""
    return " ".join(WORDS[n // 10**place % 10] * 2 for place in range(3))


def users(count: int, user: Callable[[int], str], **columns: Callable[[int], object]) -> Files:
    return {"train.csv": table(count, text=words, user=user, **columns)}


def numbered(n: int) -> str:
    return f"order {n} was shipped in {n * 7} days"


def other_rows(
    text: Callable[[int], str], count: int = 20, **columns: Callable[[int], object]
) -> str:
    return table(count, id=lambda n: f"t{n}", text=text, **columns)


ONE = users(20, lambda n: "one")
TWO = users(20, lambda n: "ab"[n // 2 % 2])
MORE_USERS = users(60, lambda n: f"u{n // 3}")
DAYS = users(20, lambda n: "", day=lambda n: n)
ONE_DAY = users(20, lambda n: "", day=lambda n: 1)
WEEKS = users(20, lambda n: "", day=lambda n: n // 7)
SAME = {"train.csv": table(20, text=lambda n: "same")}
NEAR = {
    "train.csv": table(60, text=lambda n: f"a text that is {words(n)}"),
    "test.csv": other_rows(lambda n: f"A text that is: {words(n)}!" if n < 5 else words(500 + n)),
}

SHARED = {
    "train.csv": table(80, text=lambda n: f"text {WORDS[n % 10]}", user=lambda n: f"u{n // 7}")
}
ALL_SHARE = {"train.csv": table(80, text=lambda n: "good", user=lambda n: f"u{n // 7}")}
NUMBERED = {"train.csv": table(60, text=numbered)}
LEAKING_USERS = {
    "train.csv": table(60, text=words, user=lambda n: f"u{n // 2}"),
    "test.csv": other_rows(lambda n: words(500 + n), user=lambda n: f"u{n // 2}"),
}
OWNED = {
    "train.csv": table(20, text=words, user=lambda n: f"u{n % 10}"),
    "test.csv": other_rows(lambda n: words(500 + n), user=lambda n: f"u{n % 10}"),
}
OFFICIAL = {
    "train.csv": table(60, text=words),
    "valid.csv": table(20, id=lambda n: f"v{n}", text=lambda n: words(200 + n)),
    "test.csv": other_rows(lambda n: words(210 + n)),
}
TITLES = {
    "train.csv": table(60, text=lambda n: f"title {n % 6}", pair=words, title=lambda n: n % 6)
}
MATCH_NEAR = {"prepare.duplicates.match": "near"}
DROP = {"split.drop_from_train": True}
REMEDIES = [
    "split.drop_from_train=true",
    "split.max_leak_share=0.25",
    "prepare.duplicates.match=exact",
]

CASES = [
    case(ONE, "Add rows", BY_GROUP, edits=MORE_USERS),
    case(ONE, "set split.method=stratified, where a group may be in several parts", BY_GROUP),
    case(SAME, "Add rows with other texts", edits={"train.csv": table(60, text=words)}),
    case(ONE_DAY, "set split.method=stratified", BY_TIME),
    case(ONE_DAY, "Add rows", BY_TIME, edits=DAYS),
    case(TWO, "Set kfold.n_splits to 2 or fewer", BY_GROUP | UNSPLIT, {"kfold.n_splits": 2}),
    case(TWO, "or fewer, or add rows", BY_GROUP | UNSPLIT, edits=MORE_USERS),
    case(ONE, "Add rows, or set", BY_GROUP | UNSPLIT, edits=MORE_USERS),
    case(ONE, "set split.method=stratified", BY_GROUP | UNSPLIT),
    case(SAME, "Add rows", UNSPLIT, edits={"train.csv": table(60, text=words)}),
    case(ONE_DAY, "set split.method=stratified", BY_TIME | UNSPLIT),
    case(WEEKS, "Set kfold.n_splits to 3 or fewer", BY_TIME | UNSPLIT, {"kfold.n_splits": 3}),
    *(case(NEAR, advice, MATCH_NEAR) for advice in REMEDIES),
    case(LEAKING_USERS, "set split.method=stratified", BY_GROUP),
    case(OWNED, "set split.method=stratified", BY_GROUP | DROP),
    case(OWNED, "set split.drop_from_train=false and split.max_leak_share=1", BY_GROUP | DROP),
    case(OFFICIAL, "split.drop_from_train=true leaves such rows out of the folds"),
    case(NUMBERED, "set prepare.duplicates.match=exact", MATCH_NEAR),
    case(SHARED, "set split.method=stratified", BY_GROUP),
    case(
        ALL_SHARE,
        "add rows with other texts",
        BY_GROUP,
        edits={
            "train.csv": table(
                300, text=lambda n: "good" if n % 20 == 0 else words(n), user=lambda n: f"u{n // 7}"
            )
        },
    ),
    *(
        case(
            TITLES,
            advice,
            {"data.text_pair": "pair", "prepare.duplicates.pairs": "either"},
            values,
        )
        for advice, values in [
            ("Set prepare.duplicates.pairs=auto", {}),
            (
                "Set prepare.duplicates.pairs=auto, which divides such chains where they do not "
                "fit, and name the column of titles as data.group",
                {"data.group": "title"},
            ),
        ]
    ),
]


@pytest.mark.parametrize("own", CASES, ids=name)
def test_advice_on_splits(own):
    split = follow(own, "split").split

    assert len(split.folds)
    if own.settings.get("split.ratios") is None:
        assert all(len(split.part(part)) for part in ("train", "valid", "test"))


def test_two_groups_are_scored_out_of_fold_as_the_messages_say():
    """The first message sets the parts aside, the second one says how many folds are left."""
    advice = "split.ratios=[1,0,0] for scores out of fold alone"
    said = messages(TWO, BY_GROUP, "split")
    assert advice in said
    settings = BY_GROUP | advised_settings(advice)

    own = case(TWO, "Set kfold.n_splits to 2", settings, {"kfold.n_splits": 2})

    split = follow(own, "split").split
    assert (len(split.part("train")), len(split.folds)) == (20, 20)


def test_labels_are_removed_from_texts_as_the_note_says():
    def label(n: int) -> str:
        return ("sports", "economy")[n % 2]

    tagged = table(200, text=lambda n: f"{label(n)} {words(n)}", label=label)
    advice = "If it was written there with the label, remove it"

    edits = {"train.csv": table(200, text=words, label=label)}
    follow(case({"train.csv": tagged}, advice, edits=edits), "quality")
