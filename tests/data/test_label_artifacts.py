"""Words that decide the label are found, and words that merely go with it are no giveaways."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import chi2 as chi_square
from scipy.stats import chi2_contingency, pearsonr

from foldline.data.label_artifacts import (
    Ngrams,
    class_associations,
    contains_ngram,
    find_ngrams,
    is_artifact,
    is_noteworthy,
    number_correlations,
)
from foldline.data.label_in_text import (
    contains_value,
    exceeds_chance,
    find_class_names_in_text,
    find_numbers_in_text,
    match_own_values,
)

WORDS = ["오늘", "영화", "정말", "good", "bad", "film", "배우", "story", "음악", "the"]


def random_texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=5)) for _ in range(n)]


def test_ngrams_are_words_marks_and_their_neighbours():
    found = find_ngrams(["굿 label=3 !!", "label=3", "Label"], least=2)

    assert found.names.tolist() == ["3", "=", "= 3", "label", "label ="]
    assert found.present.toarray().tolist() == [[1] * 5, [1] * 5, [0, 0, 0, 1, 0]]
    assert contains_ngram(found, ["= 3"]).tolist() == [True, True, False]
    assert contains_ngram(found, []).tolist() == [False] * 3


def test_texts_without_a_frequent_word_have_no_ngrams():
    found = find_ngrams(["a", "b", ""], least=2)

    assert found.names.tolist() == []
    assert class_associations(found, [["x"], ["y"], ["x"]]).empty
    assert number_correlations(found, np.arange(3.0)).empty
    assert not contains_ngram(found, []).any()


def test_the_ends_of_a_long_text_are_looked_at():
    found = find_ngrams([f"first {'word ' * 1000} last"] * 2, least=2)

    assert {"first", "last", "word"} <= set(found.names)


def test_association_is_that_of_a_two_by_two_table():
    # The mark stands in 30 of 40 texts of a, and in 10 of 60 of b.
    labels = ["a"] * 40 + ["b"] * 60
    marked = ["x"] * 30 + [""] * 10 + ["x"] * 10 + [""] * 50

    table = class_associations(find_ngrams(marked), [[name] for name in labels])

    expected = chi2_contingency([[30, 10], [10, 50]], correction=False, lambda_="log-likelihood")
    row = table.iloc[0]
    assert table["label"].tolist() == ["a"], "b holds the mark less often than chance"
    assert (row["texts"], row["precision"], row["coverage"]) == (40, 0.75, 0.75)
    assert row["strength"] == pytest.approx(expected.statistic)
    # One-sided, of two tests: the mark and each class.
    assert row["q"] == pytest.approx(chi_square.sf(expected.statistic, 1) / 2 * 2)
    assert not is_artifact(table).any()


def test_frequent_words_of_many_texts_do_not_overflow():
    ones = np.ones((50_000, 1), dtype=np.int32)
    ones[:2000] = 0  # 48,000 texts hold the word; 46,000 of them are of one class of 47,000
    labels = ["a"] * 1000 + ["b"] * 3000 + ["a"] * 46_000

    table = class_associations(
        Ngrams(np.array(["the"]), csr_matrix(ones)), [[name] for name in labels]
    )

    assert table[["label", "texts"]].to_numpy().tolist() == [["a", 48_000]]
    assert table["coverage"].iloc[0] == pytest.approx(46 / 47)


@pytest.mark.parametrize("token", ["label=3", "정답은", "<3>", "##"])
def test_a_planted_token_gives_its_class_away(token):
    plain = random_texts(300)
    labels = [str(n % 4) for n in range(300)]
    planted = [f"{t} {token}" if c == "3" else t for t, c in zip(plain, labels, strict=True)]

    table = class_associations(find_ngrams(planted), [[name] for name in labels])
    sure = table[is_artifact(table)]

    assert set(sure["label"]) == {"3"}
    assert sure["coverage"].max() == 1.0
    assert sure["precision"].max() == 1.0
    assert not is_artifact(
        class_associations(find_ngrams(plain), [[name] for name in labels])
    ).any()


@pytest.mark.parametrize(
    ("inside", "outside", "sure"),
    [(50, 0, True), (50, 1, True), (50, 2, False), (19, 0, False), (20, 0, True)],
)
def test_a_giveaway_is_precise_and_wide(inside, outside, sure):
    labels = ["a"] * 100 + ["b"] * 100
    marked = ["x"] * inside + [""] * (100 - inside) + ["x"] * outside + [""] * (100 - outside)

    assert (
        is_artifact(class_associations(find_ngrams(marked), [[name] for name in labels])).any()
        == sure
    )


def test_correlation_with_a_number_is_pearsons():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=200)
    marked = ["x" if number + rng.normal() > 0 else "y" for number in numbers]

    table = number_correlations(find_ngrams(marked), numbers).set_index("ngram")

    r, p = pearsonr([mark == "x" for mark in marked], numbers)
    assert table.loc["x", "correlation"] == pytest.approx(r)
    assert table.loc["y", "correlation"] == pytest.approx(-r)
    assert table.loc["x", "q"] == pytest.approx(p)
    assert not is_artifact(table).any()


def test_a_token_beside_one_number_alone_gives_it_away():
    numbers = np.arange(300) % 5 / 1.0
    planted = [
        f"{text} 별다섯" if number == 4 else text
        for text, number in zip(random_texts(300), numbers, strict=True)
    ]

    table = number_correlations(find_ngrams(planted), numbers)

    sure = table[is_artifact(table)]
    assert "별다섯" in set(sure["ngram"])
    assert set(sure["mean"]) == {4.0}
    assert set(sure["spread"]) == {0.0}


def test_one_number_for_all_has_no_association():
    assert number_correlations(find_ngrams(["x", ""] * 30), np.ones(60)).empty


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("3", "별점 3점", True),
        ("3", "13", False),
        ("3", "3.5", False),
        ("3", "it was 3.", True),
        ("3.5", "3.5점", True),
        ("hate", "I HATE it", True),
        ("hate", "hateful whatever", False),
        ("hate", "hate를", True),
        ("서울", "서울에서", True),
        ("서울", "남서울", False),
        ("not_hate", "class: not hate", True),
        ("apple pay", "apples pay", False),
        ("-1", "1", False),
    ],
)
def test_a_value_stands_in_a_text_for_itself(value, text, expected):
    assert contains_value(value, text) == expected


def test_an_echo_is_more_than_chance():
    values = [str(n % 10) for n in range(100)]
    own, chance = match_own_values(values, [f"{value}점" for value in values])

    assert own.all()
    assert chance == 0.0
    assert exceeds_chance(1.0, chance)
    same, chance = match_own_values(["1"] * 100, ["1"] * 100)
    assert same.all()
    assert not exceeds_chance(1.0, chance), "a value that is always the same tells nothing"
    assert not match_own_values(["", ""], ["a", ""])[0].any()


def test_a_class_whose_name_stands_in_its_texts_is_found():
    labels = ["농담", "진담"] * 100
    texts = [
        f"{t} 농담" if c == "농담" else t for t, c in zip(random_texts(200), labels, strict=True)
    ]

    found = find_class_names_in_text([[name] for name in labels], texts)

    assert found == [{"label": "농담", "texts": 100, "precision": 1.0, "coverage": 1.0}]
    assert find_class_names_in_text([[name] for name in labels], random_texts(200)) == []
    assert (
        find_class_names_in_text(
            [[name] for name in labels], [f"{text} 농담" for text in random_texts(200)]
        )
        == []
    )


@pytest.mark.parametrize("form", ["{:g}점", "{:.1f}", "score={:.1f}"])
def test_a_number_that_stands_in_its_text_is_found(form):
    numbers = [n % 10 / 1.0 for n in range(100)]
    labels = [f"{number:.1f}" for number in numbers]
    texts = [f"{t} {form.format(v)}" for t, v in zip(random_texts(100), numbers, strict=True)]

    assert [entry["coverage"] for entry in find_numbers_in_text(labels, texts)] == [1.0]
    assert find_numbers_in_text(labels, random_texts(100)) == []


def test_findings_matter_by_their_share_of_all_texts_or_of_a_class():
    assert is_noteworthy(0.2, [0.3])
    assert is_noteworthy(0.01, [0.3, 0.9])
    assert not is_noteworthy(0.19, [0.89])
    assert not is_noteworthy(0.0, [])


def test_the_strongest_come_first_whatever_the_order_of_texts():
    labels = [str(n % 3) for n in range(120)]
    plain = [f"{t} {'x' * (c == '1')}" for t, c in zip(random_texts(120), labels, strict=True)]
    order = np.random.default_rng(1).permutation(120)

    one = class_associations(find_ngrams(plain), [[name] for name in labels])
    two = class_associations(find_ngrams([plain[i] for i in order]), [[labels[i]] for i in order])

    pd.testing.assert_frame_equal(one, two)
    assert one["strength"].is_monotonic_decreasing
