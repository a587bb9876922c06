"""The joins: every similar pair and no other, by the prefix filter and by MinHash."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.io.seeds import generator
from foldline.data import duplicates, minhash, similarity_join

THRESHOLDS = (0.5, 0.6, 2 / 3, 0.7, 0.8, 0.9, 1.0)
TEXTS = st.lists(st.text("ab가😀", max_size=14), max_size=25)


def gram_set(text: str) -> set[str]:
    return {text[start : start + 3] for start in range(len(text) - 2)}


def brute_force_pairs(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    """Compare all with all, in whole numbers of 3-grams."""
    sets = [gram_set(text) for text in texts]
    return {
        (i, j)
        for j in range(len(sets))
        for i in range(j)
        if sets[i] and sets[j]
        if len(sets[i] & sets[j]) >= threshold * len(sets[i] | sets[j]) - 1e-9
    }


def join_pairs(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    sets = similarity_join.build_gram_sets(texts)
    found = similarity_join.similar_pairs(
        sets, similarity_join.prefix_candidates(sets, threshold), threshold
    )
    return {(int(i), int(j)) for i, j in found}


def minhash_pairs(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    lists = minhash.band_candidates(texts, threshold)
    found = similarity_join.similar_pairs(minhash.LongTexts(texts), lists, threshold)
    return {(int(i), int(j)) for i, j in found}


def as_sets(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in groups}


def connected_sets(pairs: set[tuple[int, int]], size: int) -> set[frozenset[int]]:
    sets = [{item} for item in range(size)]
    for i, j in pairs:
        both = sets[i] | sets[j]
        for item in both:
            sets[item] = both
    return set(map(frozenset, sets))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(THRESHOLDS))
def test_the_join_finds_what_comparing_all_with_all_finds(texts, threshold):
    assert join_pairs(texts, threshold) == brute_force_pairs(texts, threshold)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(THRESHOLDS), st.integers(1, 9))
def test_groups_are_chains_of_pairs_whatever_the_size_of_chunks(texts, threshold, chunk):
    sets = similarity_join.build_gram_sets(texts)
    lists = similarity_join.prefix_candidates(sets, threshold)
    whole = similarity_join.CHUNK_SIZE
    similarity_join.CHUNK_SIZE = chunk
    try:
        groups = similarity_join.similar_groups(sets, lists, threshold)
    finally:
        similarity_join.CHUNK_SIZE = whole

    assert as_sets(groups) == connected_sets(brute_force_pairs(texts, threshold), len(texts))


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        ("abcd", "abce", 1 / 3),  # abc of abc, bcd, bce
        ("abcdef", "abcdefg", 4 / 5),
        ("abcdef", "xbcdef", 3 / 5),
        ("ㅋㅋㅋ", "ㅋㅋㅋㅋㅋㅋ", 1),  # a set, so repeats count once
        ("정말재밌어요", "정말재밌어", 3 / 4),
    ],
)
def test_similarity_by_hand(one, other, similarity):
    both, either = similarity_join.build_gram_sets([one, other]).shared(
        np.array([0]), np.array([1])
    )

    assert both[0] / either[0] == pytest.approx(similarity)
    assert minhash.LongTexts([one, other]).shared(np.array([0]), np.array([1])) == (both, either)
    if similarity >= 0.5:
        assert join_pairs([one, other], similarity) == {(0, 1)}
    assert not join_pairs([one, other], min(similarity + 1e-6, 1)) or similarity == 1


def test_texts_below_three_characters_are_near_to_nothing():
    texts = ["", "a", "ab", "ab", "abc", "abc"]

    assert join_pairs(texts, 0.5) == minhash_pairs(texts, 0.5) == {(4, 5)}
    assert join_pairs([], 0.5) == join_pairs([""], 0.5) == minhash_pairs([], 0.5) == set()


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.sampled_from(THRESHOLDS))
def test_minhash_proposes_and_the_sets_decide(texts, threshold):
    truth = brute_force_pairs(texts, threshold)
    found = minhash_pairs(texts, threshold)

    assert found <= truth
    assert {(i, j) for i, j in truth if gram_set(texts[i]) == gram_set(texts[j])} <= found


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_promise_their_recall(threshold):
    count, width = minhash.band_shape(threshold)

    assert count * width <= minhash.SIGNATURE_SIZE
    assert minhash.expected_recall(threshold) >= minhash.MIN_RECALL
    assert minhash.expected_recall(threshold) == 1 - (1 - threshold**width) ** count


LETTERS = [chr(code) for code in range(0xAC00, 0xAC00 + 500)]


def random_documents(count: int, length: int) -> list[str]:
    """Draw texts in which each second one repeats the one before, with some letters changed."""
    random = generator(0, "documents")
    texts: list[str] = []
    for number in range(count):
        letters = list(texts[-1]) if number % 2 else random.choice(LETTERS, length).tolist()
        for place in random.integers(0, length, number // 2 % (length // 10)):
            letters[place] = "x"
        texts.append("".join(letters))
    return texts


@pytest.mark.slow
def test_minhash_finds_nearly_all_pairs_of_long_texts():
    texts = random_documents(160, 400)
    truth = brute_force_pairs(texts, 0.7)

    assert 40 < len(truth) < 70
    assert minhash_pairs(texts, 0.7) <= truth
    assert len(minhash_pairs(texts, 0.7)) >= 0.98 * len(truth)


def test_the_way_is_chosen_by_size_and_said(monkeypatch):
    texts = random_documents(60, 200)
    exact, said = duplicates.group_near_texts(texts, 0.7)
    assert said.endswith("(Jaccard of 3-grams from 0.7): exact join of 60 texts")

    for limit in ("MAX_WORK", "MAX_CHARACTERS"):
        monkeypatch.setattr(duplicates, limit, 10)
        groups, said = duplicates.group_near_texts(texts, 0.7)
        assert said.endswith("MinHash of 60 texts, verified; recall 1.000 at the threshold")
        assert as_sets(groups) == as_sets(exact)
        turned, _ = duplicates.group_near_texts(texts[::-1], 0.7)
        assert as_sets(turned[::-1]) == as_sets(exact)


def test_a_template_of_many_texts_costs_no_square():
    """Equal in most bands all of them: each meets its neighbours, and chains do the rest."""
    words = ["".join(letters) for letters in generator(0, "words").choice(LETTERS, (600, 2))]
    texts = sorted({f"안녕하세요{word}고객님주문하신상품이오늘발송되었습니다" for word in words})
    lists = minhash.band_candidates(texts, 0.7)

    assert lists.counts.max() == minhash.MAX_NEIGHBOURS
    groups = similarity_join.similar_groups(minhash.LongTexts(texts), lists, 0.7)
    assert len(texts) > 500
    assert len(set(groups.tolist())) == 1
