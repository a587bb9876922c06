"""Values of params.yaml that cannot stand together, or where DVC does not look, are told."""

import re
from functools import partial

import pytest

from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from tests.helpers.edited_params import COMMITTED, params_error, write_edited_params, write_params


@pytest.fixture
def changed(tmp_path):
    return partial(write_edited_params, tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/train.csv",
        "data/train.csv",
        "../train.csv",
        "data/raw/../train.csv",
        "data/raw",
        "x.csv",
    ],
)
def test_a_file_that_dvc_does_not_watch_is_refused(changed, path):
    found = params_error(changed(train=f"train: {path}"))

    assert "data.train  must be a path under data/raw/, from the project's root" in found
    assert f"(found '{path}')" in found


def test_a_windows_path_is_refused(changed):
    assert "with '/'" in params_error(changed(train=r"train: data\\raw\\train.csv"))


@pytest.mark.parametrize(
    "path", ["data/raw/내 자료.csv", "data/raw/sub/a.jsonl.gz", "./data/raw/a.csv"]
)
def test_any_file_under_data_raw_will_do(changed, path):
    assert load_params(Settings, changed(train=f"train: {path}")).data.train == path


def test_one_file_cannot_be_train_and_test(changed):
    found = params_error(changed(train="train: data/raw/a.csv", test="test: data/raw/b/../a.csv"))

    assert "data.test  is the same file as data.train (data/raw/a.csv)" in found


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("text", "label"),
        ("text_pair", "label"),
        ("text_pair", "text"),
        ("id", "label"),
        ("group", "label"),
    ],
)
def test_one_column_cannot_have_two_roles_that_must_differ(changed, key, other):
    path = changed(**{key: f"{key}: same", other: f"{other}: same"})

    assert "is the same column as data." in params_error(path)
    assert "('same'): correct one of them" in params_error(path)


def test_groups_may_be_the_second_texts(changed):
    path = changed(text_pair="text_pair: title", group="group: title")

    assert load_params(Settings, path).data.group == "title"


@pytest.mark.parametrize(("method", "column"), [("time", "time"), ("grouped", "group")])
def test_a_split_needs_its_column(tmp_path, method, column):
    text = re.sub(r"^split:\n  method: auto", f"split:\n  method: {method}", COMMITTED, flags=re.M)

    assert (
        f"split.method  {method} needs the column that data.{column} names, which is null"
        in params_error(write_params(tmp_path, text.encode()))
    )


def test_cleaning_and_single_classes_need_classes(tmp_path):
    numbers = re.sub(r"^task: classification", "task: regression", COMMITTED, flags=re.M)
    tomek = re.sub(
        r"^  undersample:\n    method: none",
        "  undersample:\n    method: tomek",
        numbers,
        flags=re.M,
    )
    single = numbers.replace("per_class: {}", "per_class: {spam: none}")

    assert "augment.undersample.method  tomek needs classes; use none, random" in params_error(
        write_params(tmp_path, tomek.encode())
    )
    assert "augment.per_class  names classes (spam), but regression has none" in params_error(
        write_params(tmp_path, single.encode())
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            {"reinit_layers": "reinit_layers: 2"},
            "train.reinit_layers  draws the 2 top layers of a folder or a hub id anew, and leaves "
            "model=scratch as it is; set it to 0",
        ),
        (
            {"rdrop": "rdrop: 1.0", "dropout": "dropout: 0.0"},
            "train.rdrop  compares draws of dropout, and scratch.dropout is 0; set that above 0, "
            "or train.rdrop to 0.0",
        ),
        (
            {"dropout_samples": "dropout_samples: 4", "dropout": "dropout: 0.0"},
            "train.dropout_samples  compares draws of dropout, and scratch.dropout is 0; set that "
            "above 0, or train.dropout_samples to 1",
        ),
    ],
)
def test_options_that_would_change_nothing_of_a_new_model_are_refused(changed, lines, message):
    assert message in params_error(changed(model="model: scratch", **lines))
    load_params(Settings, changed(model="model: some/model", **lines))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"label_smoothing": "label_smoothing: 0.1"},
            "train.label_smoothing  0.1 needs classes; set it to 0.0 for regression",
        ),
        (
            {"class_weights": "class_weights: balanced"},
            "train.class_weights  balanced needs classes; set it to none for regression",
        ),
    ],
)
def test_options_of_classes_are_refused_for_numbers(changed, line, message):
    load_params(Settings, changed(task="task: regression"))
    load_params(Settings, changed(**line))
    assert message in params_error(changed(task="task: regression", **line))


def test_an_ordinal_loss_needs_the_order_of_the_classes(changed):
    loss = "loss: ordinal"
    found = params_error(changed(loss=loss, classes="classes: null"))
    assert "train.loss  ordinal counts how many classes a row is off" in found
    ordered = load_params(Settings, changed(loss=loss, classes="classes: [low, middle, high]"))
    assert ordered.train.loss == "ordinal"


def test_a_batch_of_one_row_has_nothing_to_compare_with(changed):
    lines = {"contrastive": "contrastive: 0.3"}

    load_params(Settings, changed(batch_size="batch_size: 2", **lines))
    assert (
        "train.contrastive  compares the rows of a batch with each other, and batch_size=1 has "
        "one; set batch_size to 2 or more"
        in params_error(changed(batch_size="batch_size: 1", **lines))
    )


@pytest.mark.parametrize("value", ["head", "1"])
def test_layers_of_a_new_model_are_frozen_after_pretraining_alone(tmp_path, changed, value):
    lines = {"trainable_layers": f"trainable_layers: {value}"}
    text = changed(model="model: scratch", **lines).read_text(encoding="utf-8")
    read_before = re.sub(r"^(pretrain:.*\n  epochs:) 0", r"\1 1", text, flags=re.M)

    assert (
        f"train.trainable_layers  {value} freezes layers, and those of model=scratch know nothing "
        "yet; set it to all, or pretrain.epochs above 0"
        in params_error(changed(model="model: scratch", **lines))
    )
    load_params(Settings, changed(model="model: some/model", **lines))
    load_params(Settings, write_params(tmp_path, read_before.encode()))


def test_embeddings_need_an_encoder(changed):
    found = params_error(changed(features="features: embeddings"))

    assert "augment.undersample.encoder  is null, but features=embeddings needs one" in found


def test_labels_made_of_no_judgements_are_refused(changed):
    found = params_error(changed(aggregate="aggregate: majority"))

    assert "data.annotations.aggregate  majority makes labels of judgements, but" in found


def test_a_strategy_for_a_class_that_data_does_not_name_is_refused(changed):
    path = changed(classes="classes: [spam, ham]", per_class="per_class: {spm: n_per_row}")

    assert "augment.per_class  unknown class 'spm'; did you mean 'spam'?" in params_error(path)
