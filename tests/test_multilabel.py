"""Any number of labels a row, from the user's file to the submission."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.balance.gates import agreement
from foldline.balance.strategies import stands_for
from foldline.combining.voting import fit_weights, vote
from foldline.corpus import giveaways, shortcuts, tags
from foldline.corpus.view.suspicion import suspect
from foldline.frame import contract
from foldline.frame.errors import FoldlineError
from foldline.frame.labels import Labels
from foldline.frame.params import Data
from foldline.judging.submission import submission
from foldline.modeling.neural.losses import loss_for
from stages import predict
from tests import projects

LABELS = Labels("multilabel", ("a", "b", "c"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(rows=None, **changes):
        projects.make(tmp_path, changes, "multilabel")
        if rows is not None:
            projects.write_csv(tmp_path / "data/raw/rows.csv", rows)

    return make


def prepared() -> list[str]:
    projects.run("prepare")
    return contract.PREPARED.read()["label"].tolist()


def as_columns(rows):
    names = list(projects.SUBJECTS)
    return [
        {"id": row["id"], "text": row["text"]}
        | {name: int(name in row["label"].split("|")) for name in names}
        for row in rows
    ]


@pytest.mark.slow
def test_one_column_and_columns_of_0_and_1_and_json_are_the_same(project):
    rows = projects.tagged()
    project(rows)
    expected = prepared()
    semicolons = [row | {"label": row["label"].replace("|", "; ")} for row in rows]
    project(semicolons, **{"data.separator": ";"})
    assert prepared() == expected
    listed = [row | {"label": json.dumps(row["label"].split("|"))} for row in rows]
    project(listed)
    assert prepared() == expected
    project([row | {"label": str(row["label"].split("|"))} for row in rows])
    assert prepared() == expected
    project(as_columns(rows), **{"data.label": list(projects.SUBJECTS)})
    assert prepared() == expected
    assert "economy|science" in expected
    assert "" in expected


def test_labels_of_a_row_have_one_order_and_stand_once(project):
    rows = projects.tagged()
    rows[5]["label"] = " sports|economy | sports|"
    project(rows)
    assert prepared()[5] == "economy|sports"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"economy": "2"}, r"line 4: column 'economy' holds '2'; where data.label lists columns"),
        ({"economy": ""}, r"line 4: column 'economy' holds ''"),
    ],
)
def test_what_is_neither_0_nor_1_is_told(project, change, message):
    rows = as_columns(projects.tagged())
    rows[2] |= change
    project(rows, **{"data.label": list(projects.SUBJECTS)})
    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")


def test_a_column_that_is_missing_is_told(project):
    names = [*projects.SUBJECTS, "spotrs"]
    project(as_columns(projects.tagged()), **{"data.label": names})
    with pytest.raises(FoldlineError, match=r"no column .spotrs.*did you mean .sports"):
        projects.run("prepare")


def test_a_bar_within_a_label_is_refused(project):
    rows = [row | {"label": row["label"].replace("|", ";") or "a|b"} for row in projects.tagged()]
    project(rows, **{"data.separator": ";"})
    with pytest.raises(FoldlineError, match=r"label 'a\|b' has a '\|' in it"):
        projects.run("prepare")


def test_another_separator_is_guessed_at(project, capsys):
    rows = [row | {"label": row["label"].replace("|", "+")} for row in projects.tagged()]
    project(rows)
    projects.run("prepare")
    assert (
        "no row has more than one label: if '|' does not stand between" in capsys.readouterr().out
    )


def test_rows_are_counted_as_rows_where_labels_are_none_or_too_many(project):
    rows = projects.tagged()
    project([row | {"label": ""} for row in rows])
    with pytest.raises(FoldlineError, match=r"found none in 60 rows\. Check data.label"):
        prepared()
    project([row | {"label": f"a{n}|b{n}"} for n, row in enumerate(rows)])
    with pytest.raises(FoldlineError, match=r"120 classes in 60 rows .* data.separator"):
        prepared()


def test_a_label_that_train_lacks_is_told(project):
    rows = projects.tagged()
    project(rows, **{"data.test": "data/raw/test.csv"})
    test = [row | {"id": f"x{row['id']}", "text": row["text"] + " neu"} for row in rows[:12]]
    test[3]["label"] = "economy|culture"
    projects.write_csv(Path("data/raw/test.csv"), test)
    with pytest.raises(FoldlineError, match=r"test\.csv, line 5: label .culture"):
        projects.run("prepare")


def test_each_label_is_shared_out_evenly(project):
    rng = np.random.default_rng(0)
    shares = {"economy": 0.5, "sports": 0.1, "science": 0.03}
    rows = []
    for number in range(400):
        held = [name for name, share in shares.items() if rng.random() < share]
        text = f"{rng.integers(10**9):x} {rng.integers(10**9):x} {number}"
        rows.append({"id": f"r{number}", "text": text, "label": "|".join(held)})
    project(rows)
    projects.run("prepare", "split")
    everything = tags.one_a_label(pd.DataFrame(rows), "multilabel")["label"].value_counts()
    for table, share in ((contract.TRAIN, 0.6), (contract.VALID, 0.2), (contract.TEST, 0.2)):
        found = tags.one_a_label(table.read(), "multilabel")["label"].value_counts()
        for name, count in everything.items():
            assert abs(found[name] - share * count) <= 2, (table.path, name)
    seen = pd.concat([contract.TRAIN.read(), contract.VALID.read()]).merge(contract.FOLDS.read())
    each = tags.one_a_label(seen, "multilabel").groupby(["label", "fold"]).size().unstack()
    assert (each.max(axis=1) - each.min(axis=1)).max() <= 2


@pytest.mark.slow
def test_a_submission_has_the_form_of_the_sample(project):
    rows = projects.tagged()
    names = list(projects.SUBJECTS)
    files = {"data.predict": "data/raw/new.csv", "data.label": names}
    project(as_columns(rows), **files, **{"predict.sample_submission": "data/raw/sample.csv"})
    new = [{"id": f"n{n}", "text": rows[n]["text"] + " neu"} for n in range(9)]
    projects.write_csv(Path("data/raw/new.csv"), new)
    sample = [{"id": row["id"]} | dict.fromkeys(reversed(names), 0.5) for row in reversed(new)]
    projects.write_csv(Path("data/raw/sample.csv"), sample)
    projects.run()
    written = pd.read_csv("data/predictions/submission.csv")
    assert list(written.columns) == ["id", *reversed(names)]
    assert written["id"].tolist() == [row["id"] for row in sample]
    own = pd.read_csv("data/predictions/unlabelled.csv").set_index("id").loc[written["id"]]
    for name in names:
        np.testing.assert_allclose(written[name], own[f"p_{name}"])


def test_a_column_of_labels_that_no_row_has_is_told_and_handed_in(project, capsys):
    rows, names = projects.tagged(), [*projects.SUBJECTS, "rare"]
    files = {"data.predict": "data/raw/new.csv", "data.label": names}
    project([row | {"rare": 0} for row in as_columns(rows)], **files)
    projects.write_csv(Path("data/raw/new.csv"), [{"id": "n", "text": rows[0]["text"] + " neu"}])
    projects.run("prepare")
    assert "no row has label rare: it is not learnt, and predicted as 0" in capsys.readouterr().out
    labels = Labels.load()
    shown = np.full((1, len(labels.classes)), 0.9)
    found = predict._probabilities(Data.model_construct(label=names), labels, shown)
    expected = {name: [0.9] for name in projects.SUBJECTS} | {"rare": [0.0]}
    assert found == expected


@pytest.mark.slow
def test_a_submission_in_one_column_has_the_users_separator(project):
    rows = [row | {"label": row["label"].replace("|", ";")} for row in projects.tagged()]
    project(rows, **{"data.separator": ";", "data.predict": "data/raw/new.csv"})
    new = [{"id": f"n{row['id']}", "text": row["text"] + " neu"} for row in rows[:16]]
    projects.write_csv(Path("data/raw/new.csv"), new)
    projects.run()
    written = pd.read_csv("data/predictions/submission.csv", keep_default_na=False)
    assert any(";" in label for label in written["label"])
    right = [given["label"] == label for given, label in zip(rows, written["label"], strict=False)]
    assert np.mean(right) > 0.6


def test_class_probabilities_are_handed_in_where_the_sample_wants_them():
    answers, p = {"label": ["x", "y"]}, {"x": [0.9, 0.2], "y": [0.1, 0.8]}
    sample = {"no": ["2", "1"], "y": ["0", "0"], "x": ["0", "0"]}
    found = submission(["1", "2"], answers, p, sample, "id")
    assert found.to_dict("list") == {"no": ["2", "1"], "y": [0.8, 0.1], "x": [0.2, 0.9]}
    with pytest.raises(FoldlineError, match=r"3 columns \(id and y, z\).*one for each class"):
        submission(["1", "2"], answers, p, {"no": [], "y": [], "z": []}, "id")


@pytest.mark.slow
def test_what_is_judged_and_drawn(project):
    project()
    projects.run()
    found = json.loads(Path("metrics/evaluation.json").read_text(encoding="utf-8"))
    assert [one["class"] for one in found["classes"]] == sorted(projects.SUBJECTS)
    plot = pd.read_csv("metrics/plots/predictions.csv")
    test = contract.TEST_PREDICTIONS.read()
    pairs = zip(test["label"], test["predicted"], strict=True)
    both = [set(a.split("|")) | set(b.split("|")) for a, b in pairs]
    assert len(plot) == sum(len(names - {""}) for names in both)
    assert set(plot["actual"]) <= {*projects.SUBJECTS, "(none)"}
    reliability = pd.read_csv("metrics/plots/reliability.csv")
    assert reliability["rows"].sum() == len(test) * 3


def test_copies_are_made_for_the_rarest_label(project):
    rows = [row for row in projects.tagged(90) if "science" not in row["label"] or row["id"] < "t4"]
    project(rows, **{"augment.method": "swap", "augment.swap.share": 0.5})
    projects.run("prepare", "split", "augment")
    made = contract.AUGMENTED.read()
    copies = made[made["id"] != made["source_id"]]
    assert len(copies)
    sources = made.set_index("id").loc[copies["source_id"], "label"]
    assert copies["label"].tolist() == sources.tolist()
    table = pd.DataFrame({"label": ["a", "a|b", "", "a|b|c", "a"]})
    assert stands_for(table, "multilabel", 10).tolist() == ["a", "b", "", "c", "a"]


def test_a_copy_that_loses_a_label_disagrees(rows):
    table = rows("multilabel", n=80)
    source = table[table["label"] == "food 음식|sport 운동"].iloc[:1]
    words = source["text"].iloc[0].split()
    kept = source.assign(source_id=source["id"])
    lost = kept.assign(text=" ".join(words[:3]))  # those of the first label
    copies = pd.concat([kept, lost], ignore_index=True)
    same, less = agreement(table, copies, "multilabel", seed=0)
    assert same > 0.5 > less


def test_each_label_is_a_vote_of_its_own():
    members = {"x": np.array([[0.9, 0.4]]), "y": np.array([[0.7, 0.4]])}
    soft = vote("soft", members, {}, "multilabel")
    np.testing.assert_allclose(soft, [[0.8, 0.4]])
    pooled = vote("weighted", members, {"x": 1.0, "y": 1.0}, "multilabel")
    odds = 0.9 * 0.7 / (0.1 * 0.3)
    np.testing.assert_allclose(pooled, [[odds / (1 + odds), 0.16 / (0.16 + 0.36)]])
    hard = vote("hard", members, {}, "multilabel")
    assert hard[0, 0] > 0.5 > hard[0, 1]


def test_a_vote_decides_as_its_members_do_at_one_half():
    members = {"one": np.array([[0.5, 0.49, 0.51]])}
    for method in ("soft", "hard", "weighted"):
        found = vote(method, members, {"one": 1.0}, "multilabel")
        assert LABELS.decode(found) == LABELS.decode(members["one"]) == ["a|c"], method


def test_weights_go_to_the_member_that_knows():
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=(300, 3))
    members = {"knows": np.where(target, 0.8, 0.2), "guesses": rng.random((300, 3))}
    weights = fit_weights(members, target)
    assert weights["knows"] > 10 * weights["guesses"]


def test_the_loss_is_the_mean_of_yes_and_no(recipe):
    import torch

    class Outputs:
        logits = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])

    def found(items=None, **dotted) -> float:
        own = recipe({f"train.{key}": value for key, value in dotted.items()}, task="multilabel")
        return float(
            loss_for(two, np.array([[1, 0]] * 3 + [[0, 0]]), own.train)(Outputs, labels, items)
        )

    two, labels = Labels("multilabel", ("a", "b")), torch.tensor([[1, 1], [0, 0]])
    log = np.log
    rows = [log(2) + log(1 + np.exp(-2)), log(1 + np.exp(-1)) + log(2)]
    assert found() == pytest.approx(sum(rows) / 4)
    assert found(8) == pytest.approx(sum(rows) / 8)  # Trainer counts the numbers of a step
    # Three rows of four have label a: its positives weigh a third; b has none, and weighs 4.
    balanced = log(2) / 3 + 4 * log(1 + np.exp(-2)) + rows[1]
    assert found(class_weights="balanced") == pytest.approx(balanced / 4)
    p = 1 / (1 + np.exp([0.0, -2.0, -1.0, 0.0]))  # of what is true
    focal = ((1 - p) ** 2 * -log(p)).sum()
    assert found(loss="focal", focal_gamma=2.0) == pytest.approx(focal / 4)
    assert found(label_smoothing=0.2) > found()


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_training_stops_by_a_metric_of_labels(metric, fit, rows):
    table = rows("multilabel")
    options = {"train.metric": metric, "train.rdrop": 1.0}
    made = fit("scratch", table.iloc[:28], table.iloc[28:], "multilabel", epochs=2, dotted=options)
    assert 0 <= made.summary[f"best_valid_{metric}"] <= 1


def test_two_equal_outputs_do_not_disagree():
    import torch

    from foldline.modeling.neural.objective import each_label

    z, other = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 2.0]])
    assert each_label(z, z).tolist() == [0.0]
    p, q = 0.5, 1 / (1 + np.exp(-1))
    there = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    back = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    assert each_label(z, other).item() == pytest.approx((there + back) / 4)


def test_words_and_lengths_that_tell_a_label_are_found():
    rng = np.random.default_rng(1)
    held = [[n for n in "abc" if rng.random() < 0.4] for _ in range(400)]
    texts = [
        f"{rng.integers(10**6)} word {'zap' if 'b' in own else ''} {'long ' * 20 * ('c' in own)}"
        for own in held
    ]
    table = giveaways.by_class(giveaways.find_ngrams(texts), held)
    sure = table[giveaways.gives_away(table)]
    assert set(sure["label"]) == {"b", "c"}
    rows = pd.DataFrame({"id": range(400), "text": texts, "text_pair": ""}).astype("str")
    rows = rows.assign(label=["|".join(own) for own in held], dup_group=rows["id"])
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
    suspect(rows, predictions, LABELS)
    assert rows["id"][rows["suspected"]].tolist() == ["r7"]
    assert rows["guess"][7] == LABELS.decode(p)[7]
    assert rows["self_confidence"][7] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "classification", "data.label": ["a", "b"]}, "several columns need task=multil"),
        (
            {"data.annotations.aggregate": "majority", "data.annotations.file": "data/raw/a.csv"},
            "makes one label a row",
        ),
        ({"data.label": ["a", "a"]}, r"data.label  must name each once \(found 'a' 2 times\)$"),
        ({"data.label": ["text", "b"]}, "is the same column as data.text"),
        ({"train.loss": "ordinal"}, "train.loss  ordinal is not for multilabel"),
        ({"train.contrastive": 0.5}, "train.contrastive  needs one class a row"),
        ({"target.transform": "log"}, "target.transform  needs numbers"),
    ],
)
def test_params_that_do_not_suit_several_labels(project, changes, message):
    project(**changes)
    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "static", "static.class_weights": "balanced"},
        {
            "model": "embed",
            "embed.head": "mlp",
            "embed.class_weights": "balanced",
            "embed.encoder": "some/encoder",
        },
    ],
)
def test_class_weights_that_would_be_left_aside_are_refused(project, changes):
    project(**changes)
    with pytest.raises(FoldlineError, match="class_weights  balanced needs one class a row"):
        projects.run("prepare")
