"""Any number of labels a row in the parts of the house: a vote, a loss or a finding for each."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.augmentation.quality_filters import score_agreement
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data import label_artifacts, shortcuts
from foldline.data.raw_table import RawTable
from foldline.data.sample_submission import plan_submission
from foldline.data.suspected_labels import add_suspected_errors
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.methods.registry import METHODS
from foldline.evaluation.submission import make_submission
from foldline.models.neural.losses import make_loss

LABELS = Labels("multilabel", ("a", "b", "c"))


def test_class_probabilities_are_handed_in_where_the_sample_wants_them():
    data = Data.model_construct(id="no", label="label", separator="|")
    labels, p = Labels("multilabel", ("x", "y")), np.array([[0.9, 0.1], [0.2, 0.8]])
    cells = {"no": ["2", "1"], "y": ["0", "0"], "x": ["0", "0"]}
    plan = plan_submission(
        ["1", "2"], labels, data, RawTable(Path("s.csv"), cells, [2, 3]), "new.csv"
    )
    found = make_submission(["1", "2"], p, labels, data, plan)
    assert found.to_dict("list") == {"no": ["2", "1"], "y": [0.8, 0.1], "x": [0.2, 0.9]}
    assert "hold whole numbers" in plan.notes[0]


def test_a_copy_that_loses_a_label_disagrees(rows):
    table = rows("multilabel", n=80)
    source = table[table["label"] == "food 음식|sport 운동"].iloc[:1]
    words = source["text"].iloc[0].split()
    kept = source.assign(source_id=source["id"])
    lost = kept.assign(text=" ".join(words[:3]))  # those of the first label
    copies = pd.concat([kept, lost], ignore_index=True)
    same, less = score_agreement(table, copies, "multilabel", seed=1)
    assert same > 0.5 > less


def combine(method, members, weights):
    return METHODS[method].combine({"weights": weights}, members, "multilabel", Context())


def test_each_label_is_a_vote_of_its_own():
    members = {"x": np.array([[0.9, 0.4]]), "y": np.array([[0.7, 0.4]])}
    soft = combine("soft", members, {})
    np.testing.assert_allclose(soft, [[0.8, 0.4]])
    pooled = combine("weighted", members, {"x": 1.0, "y": 1.0})
    odds = 0.9 * 0.7 / (0.1 * 0.3)
    np.testing.assert_allclose(pooled, [[odds / (1 + odds), 0.16 / (0.16 + 0.36)]])
    hard = combine("hard", members, {})
    assert hard[0, 0] > 0.5 > hard[0, 1]


def test_a_vote_decides_as_its_members_do_at_one_half():
    members = {"one": np.array([[0.5, 0.49, 0.51]])}
    for method in ("soft", "hard", "weighted"):
        found = combine(method, members, {"one": 1.0})
        assert LABELS.decode(found) == LABELS.decode(members["one"]) == ["a|c"], method


def test_weights_go_to_the_member_that_knows():
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=(300, 3))
    members = {"knows": np.where(target, 0.8, 0.2), "guesses": rng.random((300, 3))}
    weights = METHODS["weighted"].fit(members, target, "multilabel", Context())["weights"]
    assert weights["knows"] > 10 * weights["guesses"]


def test_the_loss_is_the_mean_of_yes_and_no(recipe):
    import torch

    class Outputs:
        logits = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])

    def compute_loss(items=None, **dotted) -> float:
        own = recipe({f"train.{key}": value for key, value in dotted.items()}, task="multilabel")
        return float(
            make_loss(two, np.array([[1, 0]] * 3 + [[0, 0]]), own.train)(Outputs, labels, items)
        )

    two, labels = Labels("multilabel", ("a", "b")), torch.tensor([[1, 1], [0, 0]])
    log = np.log
    rows = [log(2) + log(1 + np.exp(-2)), log(1 + np.exp(-1)) + log(2)]
    assert compute_loss() == pytest.approx(sum(rows) / 4)
    assert compute_loss(8) == pytest.approx(sum(rows) / 8)  # Trainer counts the numbers of a step
    # Three rows of four have label a: its positives weigh a third; b has none, and weighs 4.
    balanced = log(2) / 3 + 4 * log(1 + np.exp(-2)) + rows[1]
    assert compute_loss(class_weights="balanced") == pytest.approx(balanced / 4)
    p = 1 / (1 + np.exp([0.0, -2.0, -1.0, 0.0]))  # of what is true
    focal = ((1 - p) ** 2 * -log(p)).sum()
    assert compute_loss(loss="focal", focal_gamma=2.0) == pytest.approx(focal / 4)
    assert compute_loss(label_smoothing=0.2) > compute_loss()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_training_stops_by_a_metric_of_labels(metric, fit, rows):
    table = rows("multilabel")
    options = {"train.metric": metric, "train.rdrop": 1.0}
    made = fit("scratch", table.iloc[:28], table.iloc[28:], "multilabel", epochs=2, dotted=options)
    assert 0 <= made.summary[f"best_valid_{metric}"] <= 1


def test_two_equal_outputs_do_not_disagree():
    import torch

    from foldline.models.neural.objective import multilabel_divergence

    z, other = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 2.0]])
    assert multilabel_divergence(z, z).tolist() == [0.0]
    p, q = 0.5, 1 / (1 + np.exp(-1))
    there = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    back = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    assert multilabel_divergence(z, other).item() == pytest.approx((there + back) / 4)


def test_words_and_lengths_that_tell_a_label_are_found():
    rng = np.random.default_rng(1)
    held = [[n for n in "abc" if rng.random() < 0.4] for _ in range(400)]
    texts = [
        f"{rng.integers(10**6)} word {'zap' if 'b' in own else ''} {'long ' * 20 * ('c' in own)}"
        for own in held
    ]
    table = label_artifacts.class_associations(label_artifacts.find_ngrams(texts), held)
    sure = table[label_artifacts.is_artifact(table)]
    assert set(sure["label"]) == {"b", "c"}
    rows = pd.DataFrame({"id": range(400), "text": texts, "text_pair": ""}).astype("str")
    rows = rows.assign(label=["|".join(own) for own in held], dup_group=rows["id"])
    rows = rows.assign(sentence="", sentence_pair="")
    found = shortcuts.find_shortcuts(rows, "multilabel", 0)["length"]
    assert found.clear and found.score > 0.95
    plain = rows.assign(text=[f"{rng.integers(10**6)} word" for _ in held])
    assert not shortcuts.find_shortcuts(plain, "multilabel", 0)["length"].clear


def test_a_label_that_was_left_out_is_suspected():
    rng = np.random.default_rng(0)
    true = rng.integers(2, size=(60, 3))
    given = true.copy()
    given[7, 1] = 1 - given[7, 1]
    names = ["|".join(np.array(LABELS.classes)[row == 1]) for row in given]
    ids = [f"r{n}" for n in range(60)]
    rows = pd.DataFrame({"id": ids, "label": names, "part": "train"})
    p = np.where(true == 1, 0.9, 0.1)
    predictions = LABELS.table(p).assign(id=ids, label=names, member="model", fold=0)
    add_suspected_errors(rows, predictions, LABELS)
    assert rows["id"][rows["suspected"]].tolist() == ["r7"]
    assert rows["guess"][7] == LABELS.decode(p)[7]
    assert rows["self_confidence"][7] == pytest.approx(0.1)
