"""params.yaml: the committed file is valid, and every mistake is told by key."""

from functools import partial
from pathlib import Path

import pytest

from foldline.core.params import Section, Settings, Split
from foldline.core.params.loading import load_params, read_params
from tests.helpers.edited_params import params_error, write_edited_params
from tests.helpers.model_folders import write_model_folder
from tests.helpers.projects import PARAMS


@pytest.fixture
def changed(tmp_path):
    return partial(write_edited_params, tmp_path)


def test_committed_file_is_valid():
    assert load_params(Settings, Path("params.yaml")).seed >= 0


def test_committed_file_holds_every_key_and_a_comment_on_choices():
    assert set(read_params(Path("params.yaml"))) == set(Settings.model_fields)


def test_what_tests_start_from_has_the_same_keys():
    def keys(content, before=""):
        for key, value in content.items():
            yield before + key
            if isinstance(value, dict) and key != "options":
                yield from keys(value, f"{before}{key}.")

    assert sorted(keys(read_params(PARAMS))) == sorted(keys(read_params(Path("params.yaml"))))


def test_a_stage_gets_only_the_keys_that_it_declares():
    class Params(Section):
        seed: int
        split: Split

    found = load_params(Params, Path("params.yaml"))

    assert set(found.model_dump()) == {"seed", "split"}


def test_values_cannot_be_changed_by_code():
    found = load_params(Settings, Path("params.yaml"))

    with pytest.raises(ValueError, match="frozen"):
        found.seed = 1


@pytest.mark.parametrize("written_as", ["5e-05", "5e-5", "0.00005", "5.0e-05", "+5E-5"])
def test_numbers_are_read_by_yaml_1_2(changed, written_as):
    assert load_params(Settings, changed(lr=f"lr: {written_as}")).lr == 5e-05


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "y"])
def test_words_that_yaml_1_1_takes_for_booleans_stay_texts(changed, word):
    assert load_params(Settings, changed(label=f"label: {word}")).data.label == word


def test_a_whole_number_serves_as_a_number(changed):
    assert load_params(Settings, changed(lr="lr: 1")).lr == 1


@pytest.mark.parametrize(
    ("key", "line", "message"),
    [
        ("lr", "lr: abc", "lr  must be 'auto' or a number (found 'abc')"),
        ("lr", "lr: 0", "lr  must be 'auto' or greater than 0 (found 0)"),
        ("lr", "lr: .inf", "lr  must be 'auto' or a finite number (found inf)"),
        ("lr", "lr: .nan", "lr  must be "),
        ("lr", "lr:", "lr  must be 'auto' or a number (found None)"),
        ("epochs", "epochs: 2.5", "epochs  must be a whole number (found 2.5)"),
        ("seed", "seed: -1", "seed  must be greater than or equal to 0"),
        ("seed", "seed: 4294967296", "seed  must be less than 4294967296"),
        ("task", "task: regresion", "(found 'regresion'); did you mean 'regression'?"),
        (
            "label",
            "label: 0",
            "data.label  must be a text or a list, like [a, b] (found 0); put it in quotes: '0'",
        ),
        ("repeats", "repeats: 0", "kfold.repeats  must be greater than or equal to 1 (found 0)"),
        ("quoting", "quoting: nein", "data.quoting  must be 'auto', 'standard' or 'none'"),
        ("classes", "classes: [0, 1]", "data.classes.1  must be a text (found 1); put it in"),
        ("classes", "classes: [a]", "data.classes  must be a list of at least 2 (found ['a'])"),
        ("classes", "classes: [a, b, a]", "data.classes  must name each once (found 'a' 2 times)"),
        ("encoding", "encoding: utf9", "data.encoding  must be auto or an encoding that Python"),
        ("words", "words: [2, 1]", "tfidf.words  must go from the smaller to the larger"),
        ("words", "words: 2", "tfidf.words  must be a list, like [a, b] (found 2)"),
        ("words", "words: [0, 1]", "tfidf.words.0  must be greater than or equal to 1 (found 0)"),
        ("members", "members: [model]", "ensemble.members  must be keys and values (found"),
        ("members", "members: {a: {lr: no}}", "ensemble.members.a  lr: must be 'auto' or a number"),
        ("members", "members: {a: {lrr: 1}}", "ensemble.members.a  lrr is no key of a recipe"),
        ("members", "members: {a: {train.los: mse}}", "unknown key 'los'; did you mean 'loss'?"),
        ("members", "members: {a: {data.text: b}}", "a  data.text is no key of a recipe: data, "),
        ("members", "members: {model: {lr: 1}}", "ensemble.members.model  is the recipe of this"),
        ("members", "members: {../x: {}}", "must be letters, digits and -_.+, or exp:NAME of"),
        ("members", "members: {rev:ab12: {lr: 1}}", "ensemble.members.rev:ab12  takes no changes"),
        ("members", "members: {embed: {}}", "ensemble.members.embed  embed.encoder: is null"),
        ("members", "members: {}", "ensemble.members  must "),
        ("members", "members: {scratch: {tfidf.head: svm}}", "add `model: tfidf` to this member"),
        ("members", "members: {tfidf: {lr: 0.1}}", "tfidf  model: tfidf does not read lr, so"),
        ("members", "members: {gbdt: {train.loss: focal}}", "gbdt does not read train.loss"),
        ("optimizer", "optimizer: adam", "train.optimizer  must be 'adamw', 'adafactor', 'lion'"),
        ("trainable_layers", "trainable_layers: heads", "(found 'heads'); did you mean 'head'?"),
        ("metric", "metric: spearman", "is not for classification; use loss or accuracy or f1_ma"),
        ("swa", "swa: 1.0", "train.swa  must be less than 1 (found 1.0)"),
        ("heads", "heads: 5", "scratch.width  must be a multiple of heads, 5 (found 128)"),
        ("ratios", "ratios: abc", "split.ratios  must be 'auto' or a list"),
        ("ratios", "ratios: [0.5, 0.5]", "split.ratios  must be 'auto' or a list of "),
        ("ratios", "ratios: [0.8, 0.1, 0.2]", "split.ratios  train, valid and test must sum to 1"),
        ("ratios", "ratios: [0, 0.5, 0.5]", "and train must be above 0"),
        ("ratios", "ratios: [1.5, 0, 0]", "split.ratios.0  must be less than or equal to 1"),
        ("strategy", "strategy: balanse", "augment.strategy  must be 'none', 'balance', "),
        ("encoder", "encoder: /tmp/x", "augment.undersample.encoder  a local model must lie under"),
        ("options", "options: {dict_path: x.txt}", "options.dict_path  must lie under data/raw/"),
        ("options", "options: {x: tests/params.yaml}", "options.x  must lie under data/raw/"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(changed, key, line, message):
    found = params_error(changed(**{key: line}))

    assert message in found
    assert ": 1 problem" in found or "classes: [0, 1]" in line


def test_a_misspelt_key_is_one_problem_with_its_right_name(changed):
    found = params_error(changed(ratios="raitos: auto"))

    assert found.splitlines()[1:] == ["  split.raitos  is not a key: rename 'raitos' to 'ratios'"]


def test_a_misspelt_top_level_key_is_told(changed):
    assert "lrr  is not a key: rename 'lrr' to 'lr'" in params_error(changed(lr="lrr: 1"))


def test_a_key_that_is_like_no_other_and_a_missing_one_are_two_problems(changed):
    found = params_error(changed(ratios="zzz: auto"))

    assert "2 problems" in found
    assert "split.zzz     is not a key. Known: compare, drop_from_train," in found
    assert "split.ratios  is missing: every key must stand in the file" in found


@pytest.mark.parametrize(
    ("written_as", "meant"), [("scrach", "scratch"), ("TF-IDF", "tfidf"), ("Majority", "majority")]
)
def test_a_misspelt_model_kind_is_not_looked_for_on_the_hub(changed, written_as, meant):
    found = params_error(changed(model=f"model: {written_as}"))

    assert f"model  unknown kind '{written_as}'; did you mean '{meant}'? Known: majority" in found


@pytest.mark.parametrize("name", ["klue/bert-base", "distilbert-base-uncased"])
def test_a_hub_id_is_a_model(changed, name):
    assert load_params(Settings, changed(model=f"model: {name}")).model == name


def test_a_local_model_lies_where_dvc_watches(changed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model_folder(Path("models/pretrained/scratch2"))
    Path("elsewhere").mkdir()

    assert load_params(Settings, changed(model="model: models/pretrained/scratch2"))
    assert "must lie under models/pretrained/" in params_error(changed(model="model: elsewhere"))
    assert "must lie under models/pretrained/" in params_error(changed(model="model: /opt/m"))
    assert "there is no folder" in params_error(changed(model="model: models/pretrained/no"))


def test_all_problems_are_told_at_once(changed):
    found = params_error(
        changed(lr="lr: abc", ratios="raitos: auto", heads="heads: x", valid="valid: 3")
    )

    assert "4 problems" in found
    assert [line.split()[0] for line in found.splitlines()[1:]] == [
        "lr",
        "scratch.heads",
        "data.valid",
        "split.raitos",
    ]
