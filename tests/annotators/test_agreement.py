"""Agreement against textbook numbers, its properties, and the ceiling against known truths."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.annotators import agreement
from foldline.annotators.agreement import (
    Measure,
    Ratings,
    bootstrap_intervals,
    cohen_kappa,
    encode_ratings,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
    plurality_values,
)
from foldline.annotators.annotator_scores import (
    annotator_measures,
    score_against_others,
    self_agreement,
)
from foldline.annotators.label_ceiling import (
    agreement_report,
    ceiling_class_scores,
    estimate_ceiling,
    format_agreement,
    reliability_measure,
)

SCALES = ("nominal", "ordinal", "interval")
# Krippendorff (2011): four observers, twelve units, 0 where there is no judgement.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
    (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
)
# Fleiss (1971), table 1: 30 patients, each diagnosed by six psychiatrists.
DIAGNOSES = """444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444
222333 144444 224445 333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224
111155 224444 133333 555555"""
# Ten items by fourteen people, a column for each of five classes.
FOURTEEN = """0,0,0,0,14 0,2,6,4,2 0,0,3,5,6 0,3,9,2,0 2,2,8,1,1 7,7,0,0,0 3,2,6,3,0 2,5,3,2,2
6,5,2,1,0 0,2,2,3,7"""


def annotate(*items: str) -> pd.DataFrame:
    """Make judgements of items, a letter each, by person a, b, c...; a blank is none."""
    rows = [
        (f"i{number:03}", "abcdefghijklmnop"[person], label)
        for number, labels in enumerate(items)
        for person, label in enumerate(labels)
        if label != " "
    ]
    return pd.DataFrame(rows, columns=["id", "annotator", "label"], dtype="str")


def krippendorff_example() -> pd.DataFrame:
    units = ("".join(map(str, unit)).replace("0", " ") for unit in zip(*OBSERVERS, strict=True))
    return annotate(*units)


def measure_value(measure: Measure, ratings: Ratings) -> float:
    return float(measure(np.ones(len(ratings.items))))


@pytest.mark.parametrize(
    ("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_krippendorffs_example(scale, expected):
    ratings = encode_ratings(krippendorff_example(), scale)

    assert measure_value(krippendorff_alpha(ratings, scale), ratings) == pytest.approx(
        expected, abs=5e-4
    )


def test_alpha_by_hand():
    # Units aa, ab, bb: o(a, b) = 1 of 6 pairable values, so D_o = 2/6; n_a = n_b = 3, so
    # D_e = 2 * 9 / (6 * 5).
    ratings = encode_ratings(annotate("aa", "ab", "bb", "a "), "nominal")

    assert measure_value(krippendorff_alpha(ratings, "nominal"), ratings) == pytest.approx(
        1 - (2 / 6) / (18 / 30)
    )


def test_kappa_is_fleiss_example():
    ratings = encode_ratings(annotate(*DIAGNOSES.split()), "nominal")

    assert measure_value(fleiss_kappa(ratings), ratings) == pytest.approx(0.430, abs=5e-4)


def test_kappa_of_fourteen_people():
    letters = [
        "".join("abcde"[c] * int(n) for c, n in enumerate(i.split(","))) for i in FOURTEEN.split()
    ]
    ratings = encode_ratings(annotate(*letters), "nominal")

    assert measure_value(fleiss_kappa(ratings), ratings) == pytest.approx(0.210, abs=5e-4)
    assert measure_value(percent_agreement(ratings), ratings) == pytest.approx(0.378, abs=5e-4)


def test_kappa_is_cohens():
    # 20 times both yes, 5 and 10 times one of them, 15 times neither: (0.7 - 0.5) / (1 - 0.5).
    ratings = encode_ratings(
        annotate(*["yy"] * 20, *["yn"] * 5, *["ny"] * 10, *["nn"] * 15), "nominal"
    )

    assert measure_value(cohen_kappa(ratings), ratings) == pytest.approx(0.4)


def test_pairs_of_people_weigh_by_their_overlap():
    # a and b agree on four items of two classes (kappa 1), b and c are at chance on two (kappa 0);
    # a and c share none.
    ratings = encode_ratings(annotate("xx ", "yy ", "xx ", "yy ", " xx", " yx"), "nominal")

    assert measure_value(cohen_kappa(ratings), ratings) == pytest.approx((4 * 1 + 2 * 0) / 6)


def test_weights_are_repeated_items():
    table = krippendorff_example()
    doubled = pd.concat([table, table.assign(id=table["id"] + "again")])
    for scale in SCALES:
        one, two = encode_ratings(table, scale), encode_ratings(doubled, scale)
        weights = np.full(12, 2.0)
        expected = measure_value(krippendorff_alpha(two, scale), two)
        assert krippendorff_alpha(one, scale)(weights) == pytest.approx(expected)
    one, two = encode_ratings(table, "nominal"), encode_ratings(doubled, "nominal")
    for measure in (cohen_kappa, fleiss_kappa, percent_agreement):
        assert measure(one)(np.full(12, 2.0)) == pytest.approx(measure_value(measure(two), two))


@st.composite
def random_annotations(draw, same: bool = False):
    """Draw judgements 1 to 4 of a few items by a few people, at least two of each item."""
    rows = []
    for item in range(draw(st.integers(2, 6))):
        people = draw(st.lists(st.sampled_from("abcde"), min_size=2, max_size=5, unique=True))
        label = draw(st.integers(1, 4)) if item > 1 else item + 1  # at least two values
        for person in people:
            own = label if same else draw(st.integers(1, 4))
            rows.append((f"i{item}", person, str(own)))
    return pd.DataFrame(rows, columns=["id", "annotator", "label"], dtype="str")


def coefficients(table: pd.DataFrame) -> list[float]:
    ratings = encode_ratings(table, "nominal")
    found = [
        measure_value(measure(ratings), ratings)
        for measure in (cohen_kappa, fleiss_kappa, percent_agreement)
    ]
    return found + [
        measure_value(krippendorff_alpha(scaled, scale), scaled)
        for scale in SCALES
        for scaled in [encode_ratings(table, scale)]
    ]


@settings(max_examples=30, deadline=None)
@given(random_annotations(same=True))
def test_perfect_agreement_is_one(table):
    cohen, *others = coefficients(table)

    assert others == pytest.approx([1.0] * len(others))
    assert cohen == pytest.approx(1.0) or np.isnan(cohen)  # a pair may share one value alone


@settings(max_examples=30, deadline=None)
@given(random_annotations(), st.randoms(use_true_random=False))
def test_names_of_people_and_order_of_rows_do_not_matter(table, random):
    names = list("abcde")
    random.shuffle(names)
    order = list(range(len(table)))
    random.shuffle(order)
    renamed = table["annotator"].map(dict(zip("abcde", names, strict=True)))
    other = table.assign(annotator=renamed).iloc[order]

    assert coefficients(other) == pytest.approx(coefficients(table), nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(random_annotations())
def test_alpha_is_at_most_one_and_has_no_unit(table):
    scaled = table.assign(label=[str(int(label) * 1e6 - 7) for label in table["label"]])
    one, other = encode_ratings(table, "interval"), encode_ratings(scaled, "interval")
    alpha = measure_value(krippendorff_alpha(one, "interval"), one)

    assert np.isnan(alpha) or alpha <= 1 + 1e-9
    assert measure_value(krippendorff_alpha(other, "interval"), other) == pytest.approx(
        alpha, nan_ok=True
    )


def test_nothing_can_be_said_of_one_value_or_of_one_judgement():
    for table in (annotate("aa", "aa"), annotate("a ", " b")):
        ratings = encode_ratings(table, "nominal")
        assert np.isnan(measure_value(krippendorff_alpha(ratings, "nominal"), ratings))
        assert np.isnan(measure_value(cohen_kappa(ratings), ratings))
        assert np.isnan(measure_value(fleiss_kappa(ratings), ratings))
        assert estimate_ceiling(ratings, "nominal", 0) == {}


def test_intervals_are_the_same_again_whatever_the_order_and_hold_the_value():
    table = annotate(*DIAGNOSES.split())
    ratings, other = encode_ratings(table, "nominal"), encode_ratings(table.iloc[::-1], "nominal")
    measures = {"fleiss": fleiss_kappa(ratings), "cohen": cohen_kappa(ratings)}
    found = bootstrap_intervals(measures, 30, seed=3)

    again = bootstrap_intervals(
        {"fleiss": fleiss_kappa(other), "cohen": cohen_kappa(other)}, 30, seed=3
    )
    assert again == found
    for numbers in found.values():
        assert numbers["low"] < numbers["value"] < numbers["high"]
        assert numbers["high"] - numbers["low"] > 0.1


def test_ties_and_silence_have_no_most_frequent_value():
    ratings = encode_ratings(annotate("aab", "ab ", "bbb", "ccab"), "nominal")

    assert [[*ratings.values, "-"][code] for code in plurality_values(ratings.value_counts, 5)] == [
        "a",
        "-",
        "b",
        "c",
        "-",
    ]


def test_one_person_against_the_majority_of_the_others():
    # aab: the two a see a tie, b sees a: wrong. aaa: three times right. ab: one other is too few.
    ratings = encode_ratings(annotate("aab", "aaa", "ab "), "nominal")
    measures = annotator_measures(ratings, "nominal")

    assert measure_value(measures["accuracy"], ratings) == pytest.approx(3 / 4)
    assert measure_value(measures["f1_macro"], ratings) == pytest.approx((6 / 7 + 0) / 2)
    people = score_against_others(ratings, "nominal", seed=0)["annotators"]
    assert {p["annotator"]: p["accuracy"]["value"] for p in people} == {"a": 1, "b": 1, "c": 0.5}


def test_two_people_are_held_against_each_other():
    ratings = encode_ratings(annotate("aa", "ab", "bb"), "nominal")

    assert measure_value(
        annotator_measures(ratings, "nominal")["accuracy"], ratings
    ) == pytest.approx(4 / 6)


def test_one_person_against_the_mean_of_the_others():
    ratings = encode_ratings(annotate("112", "345", "21 "), "interval")
    own, mean = [1, 1, 2, 3, 4, 5, 2, 1], [1.5, 1.5, 1, 4.5, 4, 3.5, 1, 2]

    found = measure_value(annotator_measures(ratings, "interval")["pearson"], ratings)
    assert found == pytest.approx(np.corrcoef(own, mean)[0, 1])


def test_people_against_themselves():
    repeats = pd.DataFrame(
        [("i1", "a", "1", "1"), ("i2", "a", "2", "3"), ("i1", "b", "1", "1.0")],
        columns=["id", "annotator", "first", "label"],
    )
    found = self_agreement(repeats, "interval", seed=0)

    assert found["repeats"] == 3
    assert found["agreement"]["value"] == pytest.approx(2 / 3)
    assert found["pearson"]["value"] == pytest.approx(1.0)
    shares = {p["annotator"]: (p["repeats"], p["value"]) for p in found["annotators"]}
    assert shares == {"a": (2, 0.5), "b": (1, 1.0)}
    assert self_agreement(repeats.iloc[:0], "interval", seed=0) == {}


def test_reliability_by_hand():
    # alpha .849 of one judgement; k is the harmonic mean of 3, 4, 4, 4, 4, 4, 4, 4, 4, 3, 2, 1.
    ratings = encode_ratings(krippendorff_example(), "interval")
    k = 12 / (2 / 3 + 8 / 4 + 1 / 2 + 1)
    alpha = measure_value(krippendorff_alpha(ratings, "interval"), ratings)

    expected = k * alpha / (1 + (k - 1) * alpha)
    assert measure_value(reliability_measure(ratings, "interval"), ratings) == pytest.approx(
        expected
    )


def test_the_ceiling_of_numbers_is_that_of_a_known_truth():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=1500)
    table = np.round(truth[:, None] + rng.normal(scale=0.8, size=(1500, 3)), 3)
    rows = [(f"i{i:04}", f"a{j}", str(table[i, j])) for i in range(1500) for j in range(3)]
    ratings = encode_ratings(pd.DataFrame(rows, columns=["id", "annotator", "label"]), "interval")
    found = estimate_ceiling(ratings, "interval", seed=0)

    reached = np.corrcoef(truth, table.mean(axis=1))[0, 1]
    low, high = (found["perfect"]["pearson"][name] for name in ("low", "high"))
    assert low - 0.01 < reached < high + 0.01
    assert found["one_person"]["pearson"]["value"] < reached - 0.1


@pytest.mark.parametrize("model", ["ambiguous items", "slips"])
def test_the_ceiling_of_classes_is_that_of_a_known_truth(model):
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([0.9, 0.5], size=3000)
    if model == "slips":
        shares = np.where(rng.random(3000) < 0.8, 0.93, 0.07)[:, None] * [1, -1] + [0, 1]
    truth = shares.argmax(axis=1)
    said = (rng.random((3000, 3)) > shares[:, :1]).astype(int)
    ratings = encode_ratings(
        annotate(*["".join("ab"[code] for code in row) for row in said]), "nominal"
    )
    label = (said.sum(axis=1) > 1).astype(int)

    found = ceiling_class_scores(ratings, seed=0)
    assert found["model"] == model
    low, high = found["accuracy"]["low"], found["accuracy"]["high"]
    assert low - 0.005 < (truth == label).mean() < high + 0.005
    assert high - low < 0.04
    one = measure_value(annotator_measures(ratings, "nominal")["accuracy"], ratings)
    assert one < found["accuracy"]["value"]


def test_people_who_agree_leave_the_ceiling_at_one():
    ratings = encode_ratings(annotate(*["aaa", "bbb", "ccc"] * 10), "nominal")

    assert ceiling_class_scores(ratings, seed=0)["f1_macro"]["value"] == pytest.approx(1.0)


def test_the_account_holds_what_was_asked_for_its_scale(monkeypatch):
    monkeypatch.setattr(agreement, "RESAMPLES", 50)
    nobody = pd.DataFrame(columns=["id", "annotator", "first", "label"])
    for scale, names in (
        ("nominal", {"accuracy", "f1_macro"}),
        ("ordinal", {"accuracy", "f1_macro", "spearman"}),
        ("interval", {"pearson"}),
    ):
        found = agreement_report(
            encode_ratings(krippendorff_example(), scale), nobody, scale, seed=1
        )
        assert found["items"] == 12
        assert found["items_judged_twice"] == 11
        assert found["judgements"] == 41
        assert set(found["ceiling"]["one_person"]) == names
        assert set(found["ceiling"]["perfect"]) - {"model"} == names
        assert format_agreement(found)[0].startswith(
            "4 annotators, 12 items, 41 judgements: Krippendorff"
        )
        assert len(format_agreement(found)) == 1 + len(names)
    assert format_agreement({}) == []
