"""Under-sampling: rows are kept by index, the ratio and the memory are what was asked for."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.features import NgramVectorizer, make_dense_features
from foldline.augmentation.undersampling import RATIO_METHODS, check_memory, select_rows
from foldline.core.errors import FoldlineError

METHODS = (*RATIO_METHODS, "tomek", "enn", "ncr")


@pytest.fixture
def options(augment):
    """Make the section by its keys."""
    base = {"max_ratio": 2.0, "dimensions": 8}
    return lambda **how: (
        augment({f"undersample.{k}": v for k, v in (base | how).items()}).undersample
    )


@pytest.fixture
def table(rows) -> pd.DataFrame:
    """Return 90 rows in classes of 50, 30 and 10, some of which have wrong labels."""
    own = rows(n=150)
    sizes = dict(zip(own["label"].unique(), (50, 30, 10), strict=True))
    parts = [own[own["label"] == name].iloc[:size] for name, size in sizes.items()]
    mixed = pd.concat(parts).sort_values("id").reset_index(drop=True)
    large = mixed.index[mixed["label"] == mixed["label"].value_counts().index[0]]
    strange = mixed["text"][mixed["label"] == mixed["label"].value_counts().index[1]]
    mixed.loc[large[:4], "text"] = (strange.iloc[:4] + " 또").tolist()
    return mixed


def classes(rows: pd.DataFrame) -> np.ndarray:
    return rows["label"].to_numpy(dtype=object)


def left(rows: pd.DataFrame, options: Any, seed: int = 1) -> list[int]:
    stays = select_rows(rows, classes(rows), options, seed)
    return sorted(Counter(rows["label"][stays]).values(), reverse=True)


@pytest.mark.parametrize("method", RATIO_METHODS)
def test_reaches_the_ratio(method, table, options) -> None:
    own = options(method=method, neighbours=9)
    assert left(table, own) == [20, 20, 10]
    assert left(table, options(method=method, max_ratio=5.0, neighbours=9)) == [50, 30, 10]


@pytest.mark.parametrize("method", ["tomek", "enn", "ncr"])
def test_cleaning_drops_rows_among_strangers(method, table, options) -> None:
    stays = select_rows(table, classes(table), options(method=method, max_ratio=5.0), 1)
    dropped = table[~stays]

    assert 1 <= len(dropped) < 20
    # Mislabelled rows stand among another class.
    assert dropped["text"].str.endswith("또").any()
    assert (dropped["label"] != table["label"].value_counts().index[-1]).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_does_not_matter(method, table, options) -> None:
    own = options(method=method, max_ratio=3.0, neighbours=9)
    doubled = pd.concat([table, table.assign(id="x" + table["id"])], ignore_index=True)
    shuffled = doubled.sample(frac=1, random_state=0)
    found = [
        sorted(rows["id"][select_rows(rows, classes(rows), own, 1)]) for rows in (doubled, shuffled)
    ]

    assert found[0] == found[1]
    # A double is the nearest there is, and of its own class: Tomek's links are gone.
    assert len(found[0]) < len(doubled) or method == "tomek"


def test_random_keeps_rows_as_others_come(table, options) -> None:
    """A row more in one class moves the draw of that class by a row at most."""
    own = options(method="random")
    large = table["label"] == table["label"].value_counts().index[0]
    fewer = table.drop(table[large].index[0])
    one, other = (set(t["id"][select_rows(t, classes(t), own, 1)]) for t in (fewer, table))
    assert len(one ^ other) <= 2


def test_near_miss_by_hand(options, monkeypatch) -> None:
    """On a line: the small class at 0 and 1, the large one at 2, 3, 10 and 11."""
    line = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [11.0]])
    rows = pd.DataFrame({"id": list("abcdef"), "text": "t", "text_pair": ""}, dtype="str")
    stands = np.array([*"ss", *"llll"], dtype=object)
    monkeypatch.setattr("foldline.augmentation.undersampling.make_dense_features", lambda *_: line)

    def stays(method: str, neighbours: int = 1) -> str:
        own = options(method=method, max_ratio=1.0, neighbours=neighbours)
        return "".join(rows["id"][select_rows(rows, stands, own, 1)])

    assert stays("nearmiss1") == "abcd"  # nearest to their nearest small one
    assert stays("nearmiss2") == "abcd"  # nearest to their farthest small one
    # The two nearest of each small one are 2 and 3, of which 3 is farther from its nearest.
    assert stays("nearmiss3", neighbours=2) == "abcd"
    with pytest.raises(FoldlineError) as caught:
        stays("nearmiss3")  # both small ones name the row at 2
    assert str(caught.value) == (
        "augment.undersample.method=nearmiss3 left 1 of 4 rows of 'l' and 2 of 2 of 's': more than "
        "1 to 1, which augment.undersample.max_ratio allows. Raise augment.undersample.neighbours, "
        "so that it looks at more rows, or use nearmiss1"
    )


def test_cleaning_that_all_but_removes_a_class_is_refused(rows, options) -> None:
    table = rows(n=60)
    drawn = np.random.default_rng(0).permutation(["a", "b", "c"] * 20)
    noise = table.assign(label=drawn)
    for method in ("enn", "ncr"):
        with pytest.raises(FoldlineError, match=rf"{method} left \d+ of \d+ rows of '.*overlap"):
            select_rows(noise, classes(noise), options(method=method, max_ratio=1.0), 1)


def test_memory_is_refused_before_it_is_spent(table, options, monkeypatch) -> None:
    """45,000 rows against 5,000: distances and indices of 8 bytes each are 3.6 GB."""
    many = pd.DataFrame({"text": ["x" * 36] * 50_000, "text_pair": ""})
    sizes = {"neg": 45_000, "pos": 5_000}

    def check(method: str, memory: float) -> None:
        own = options(method=method, memory_gb=memory, dimensions=128)
        check_memory(many, sizes, 5_000, own)

    check("nearmiss2", 4.2)
    check("nearmiss1", 0.6)
    with pytest.raises(FoldlineError) as caught:
        check("nearmiss2", 3.5)
    assert "method=nearmiss2 needs about 4.1 GB (distances of 45000 rows to 5000, and" in str(
        caught.value
    )
    assert "memory_gb=3.5. Use nearmiss1, or raise memory_gb" in str(caught.value)
    monkeypatch.setattr(
        "foldline.augmentation.undersampling.make_dense_features", lambda *_: pytest.fail("spent")
    )
    with pytest.raises(FoldlineError, match=r"memory_gb=1e-06. Use random, or raise"):
        select_rows(table, classes(table), options(method="tomek", memory_gb=1e-6), 1)


def test_the_other_rows_go_unchanged_through_the_pipeline(table, augment) -> None:
    own = augment({"undersample.method": "nearmiss1", "undersample.max_ratio": 2.0})
    found = augment_rows(table, own, "classification", 1)

    kept_rows = table[table["id"].isin(set(found.rows["id"]))].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.rows[table.columns], kept_rows)
    assert sorted([*found.rows["id"], *found.removed["id"]]) == table["id"].tolist()


@pytest.mark.parametrize("method", RATIO_METHODS)
def test_ranges_of_numbers_stand_for_classes(method, rows, augment) -> None:
    table = rows("regression", n=40).assign(label=[str(n % 10) for n in range(30)] + ["0"] * 10)
    dotted = {"undersample.method": method, "undersample.max_ratio": 1.0, "bins": 2}
    own = augment(dotted | {"undersample.neighbours": 15})
    found = augment_rows(table, own, "regression", 1).rows["label"].astype(int)

    assert [(found < 5).sum(), (found >= 5).sum()] == [15, 15]


def test_fewer_rows_than_neighbours(rows, options) -> None:
    for sizes, after in (([3, 1], [2, 1]), ([4], [4]), ([3, 2], [3, 2])):
        table = rows(n=sum(sizes))
        table["label"] = [f"c{n}" for n, size in enumerate(sizes) for _ in range(size)]
        for method in ("nearmiss1", "nearmiss2", "random"):
            assert left(table, options(method=method, neighbours=50)) == after
    # All others are neighbours: of each of the 6 rows, 5 of its class and 2 strangers.
    table = rows(n=8).assign(label=[*"aaaaaa", *"bb"])
    table["text"] = [
        f"{'김치 찌개' if own == 'a' else '축구 경기'} {n}" for n, own in enumerate(table["label"])
    ]
    for method in ("tomek", "enn"):
        assert left(table, options(method=method, neighbours=50)) == [6, 2]
    with pytest.raises(FoldlineError, match="ncr left 0 of 6 rows of 'a' and 2 of 2 of 'b'"):
        left(table, options(method="ncr", neighbours=50))


def test_features_are_of_length_1_and_the_same_every_time(rows, options) -> None:
    for pairs in (False, True):
        table = rows("regression", pairs=pairs)
        one, two = (make_dense_features(table, options(), 1) for _ in range(2))
        assert one.shape == (40, 8)
        assert one.tobytes() == two.tobytes()
        np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1)
    same = table.assign(text="같은 글", text_pair="")
    assert make_dense_features(same, options(), 1).shape[0] == 40
    with pytest.raises(FoldlineError, match="all 40 texts are empty"):
        make_dense_features(table.assign(text=" ", text_pair=""), options(), 1)


def test_second_texts_tell_pairs_apart(rows) -> None:
    table = rows("regression", pairs=True).assign(text="같은 글")
    bags = NgramVectorizer(table).transform(table).toarray()
    assert len(np.unique(bags.round(6), axis=0)) >= 30
    # Rows of which none has a second text have the same features beside them.
    alone = table.iloc[:3].assign(text_pair="")
    assert NgramVectorizer(table).transform(alone).shape == (3, bags.shape[1])


def embedded(options, encoder: str):
    """Name an encoder that does not lie where params.yaml would have it."""
    return options.model_copy(update={"features": "embeddings", "encoder": encoder})


def test_embeddings_are_means_over_the_tokens(rows, options, tiny_bert) -> None:
    from transformers import AutoModel, AutoTokenizer

    own = embedded(options(), tiny_bert)
    table = rows(n=40)
    found = make_dense_features(table, own, 1)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    states = AutoModel.from_pretrained(tiny_bert)(
        **tokenizer(table["text"][33], return_tensors="pt", truncation=True, max_length=30)
    ).last_hidden_state[0]
    mean = states.mean(0).detach().numpy()

    assert found.shape == (40, 16)
    np.testing.assert_allclose(found[33], mean / np.linalg.norm(mean), atol=1e-5)
    assert make_dense_features(rows("regression", pairs=True), own, 1).shape == (40, 48)
    long = table.assign(text="긴 글 " * 500)
    assert np.isfinite(make_dense_features(long, own, 1)).all()


def test_embeddings_choose_rows(table, options, tiny_bert) -> None:
    own = embedded(options(method="nearmiss1"), tiny_bert)
    shuffled = table.sample(frac=1, random_state=0)

    assert left(table, own) == [20, 20, 10]
    found = [
        set(rows["id"][select_rows(rows, classes(rows), own, 1)]) for rows in (table, shuffled)
    ]
    assert found[0] == found[1]
    svd = set(table["id"][select_rows(table, classes(table), options(method="nearmiss1"), 1)])
    assert found[0] != svd


def test_an_encoder_that_is_not_there_is_reported(table, options) -> None:
    own = embedded(options(method="tomek"), "models/pretrained/none")
    with pytest.raises(FoldlineError, match=r"encoder=models/pretrained/none cannot be loaded"):
        select_rows(table, classes(table), own, 1)
