"""params.yaml: the committed file is valid, and every mistake is told by key."""

import re
from pathlib import Path

import pytest

from foldline.frame.errors import FoldlineError
from foldline.frame.loading import load, read
from foldline.frame.params import Section, Settings, Split
from tests.projects import PARAMS

COMMITTED = PARAMS.read_text(encoding="utf-8")


@pytest.fixture
def changed(tmp_path):
    """Return a params file in which lines are changed: key (as it stands there) to new line."""

    def change(**lines: str) -> Path:
        text = COMMITTED
        for key, line in lines.items():
            text, count = re.subn(rf"^( *){key}:.*$", rf"\g<1>{line}", text, count=1, flags=re.M)
            assert count, f"params.yaml has no line {key}"
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return change


def written(folder: Path, content: bytes) -> Path:
    path = folder / "params.yaml"
    path.write_bytes(content)
    return path


def problems(path: Path) -> str:
    with pytest.raises(FoldlineError) as caught:
        load(Settings, path)
    return str(caught.value)


def test_committed_file_is_valid():
    assert load(Settings, Path("params.yaml")).seed >= 0


def test_committed_file_holds_every_key_and_a_comment_on_choices():
    assert set(read(Path("params.yaml"))) == set(Settings.model_fields)


def test_what_tests_start_from_has_the_same_keys():
    def keys(content, before=""):
        for key, value in content.items():
            yield before + key
            if isinstance(value, dict) and key != "options":
                yield from keys(value, f"{before}{key}.")

    assert sorted(keys(read(PARAMS))) == sorted(keys(read(Path("params.yaml"))))


def test_a_stage_gets_only_the_keys_that_it_declares():
    class Params(Section):
        seed: int
        split: Split

    found = load(Params, Path("params.yaml"))

    assert set(found.model_dump()) == {"seed", "split"}


def test_values_cannot_be_changed_by_code():
    found = load(Settings, Path("params.yaml"))

    with pytest.raises(ValueError, match="frozen"):
        found.seed = 1


@pytest.mark.parametrize("written_as", ["5e-05", "5e-5", "0.00005", "5.0e-05", "+5E-5"])
def test_numbers_are_read_by_yaml_1_2(changed, written_as):
    assert load(Settings, changed(lr=f"lr: {written_as}")).lr == 5e-05


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "y"])
def test_words_that_yaml_1_1_takes_for_booleans_stay_texts(changed, word):
    assert load(Settings, changed(label=f"label: {word}")).data.label == word


def test_a_whole_number_serves_as_a_number(changed):
    assert load(Settings, changed(lr="lr: 1")).lr == 1


@pytest.mark.parametrize(
    ("key", "line", "message"),
    [
        ("lr", "lr: abc", "lr  must be a number (found 'abc')"),
        ("lr", "lr: 0", "lr  must be greater than 0 (found 0)"),
        ("lr", "lr: .inf", "lr  must be a finite number (found inf)"),
        ("lr", "lr: .nan", "lr  must be "),
        ("lr", "lr:", "lr  must be a number (found None)"),
        ("epochs", "epochs: 2.5", "epochs  must be a whole number (found 2.5)"),
        ("seed", "seed: -1", "seed  must be greater than or equal to 0"),
        ("seed", "seed: 4294967296", "seed  must be less than 4294967296"),
        ("task", "task: regresion", "(found 'regresion'); did you mean 'regression'?"),
        (
            "label",
            "label: 0",
            "data.label  must be a text or a list, like [a, b] (found 0); put it in quotes: '0'",
        ),
        ("keep_models", "keep_models: 1", "kfold.keep_models  must be true or false (found 1)"),
        ("quoting", "quoting: nein", "data.quoting  must be 'auto', 'standard' or 'none'"),
        ("classes", "classes: [0, 1]", "data.classes.1  must be a text (found 1); put it in"),
        ("classes", "classes: [a]", "data.classes  must be a list of at least 2 (found ['a'])"),
        ("classes", "classes: [a, b, a]", "data.classes  must name each once (found 'a' 2 times)"),
        ("encoding", "encoding: utf9", "data.encoding  must be auto or an encoding that Python"),
        ("words", "words: [2, 1]", "tfidf.words  must go from the smaller to the larger"),
        ("words", "words: 2", "tfidf.words  must be a list, like [a, b] (found 2)"),
        ("words", "words: [0, 1]", "tfidf.words.0  must be greater than or equal to 1 (found 0)"),
        ("members", "members: [train, train]", "ensemble.members  must name each once"),
        ("members", "members: [fold]", "did you mean 'folds'?"),
        ("members", "members: []", "ensemble.members  must be a list of at least 1"),
        ("optimizer", "optimizer: adam", "train.optimizer  must be 'adamw', 'adafactor', 'lion'"),
        ("trainable_layers", "trainable_layers: heads", "(found 'heads'); did you mean 'head'?"),
        ("metric", "metric: spearman", "is not for classification; use loss or accuracy or f1_ma"),
        ("swa", "swa: 1.0", "train.swa  must be less than 1 (found 1.0)"),
        ("heads", "heads: 5", "scratch.width  must be a multiple of heads, 5 (found 128)"),
        ("ratios", "ratios: abc", "split.ratios  must be 'auto' or a list"),
        ("ratios", "ratios: [0.5, 0.5]", "split.ratios  must be 'auto' or a list of "),
        ("ratios", "ratios: [0.8, 0.1, 0.2]", "split.ratios  train, valid and test must sum to 1"),
        ("ratios", "ratios: [0, 0.5, 0.5]", "and train not be 0"),
        ("ratios", "ratios: [1.5, 0, 0]", "split.ratios.0  must be less than or equal to 1"),
        ("strategy", "strategy: balanse", "augment.strategy  must be 'none', 'balance', "),
        ("nested", "nested: 1", "kfold.nested  "),
        ("encoder", "encoder: /tmp/x", "augment.undersample.encoder  a local model must lie under"),
        ("options", "options: {dict_path: x.txt}", "options.dict_path  must lie under data/raw/"),
        ("options", "options: {x: tests/params.yaml}", "options.x  must lie under data/raw/"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(changed, key, line, message):
    found = problems(changed(**{key: line}))

    assert message in found
    assert ": 1 problem" in found or "classes: [0, 1]" in line


def test_a_misspelt_key_is_one_problem_with_its_right_name(changed):
    found = problems(changed(ratios="raitos: auto"))

    assert found.splitlines()[1:] == [
        "  split.raitos  is not a key; did you mean 'ratios'? Known: compare, drop_from_train, "
        "max_leak_share, method, ratios"
    ]


def test_a_misspelt_top_level_key_is_told(changed):
    assert "lrr  is not a key; did you mean 'lr'?" in problems(changed(lr="lrr: 1"))


def test_a_key_that_is_like_no_other_and_a_missing_one_are_two_problems(changed):
    found = problems(changed(ratios="zzz: auto"))

    assert "2 problems" in found
    assert "split.zzz     is not a key. Known: compare, drop_from_train," in found
    assert "split.ratios  is missing: every key must stand in the file" in found


@pytest.mark.parametrize(
    ("written_as", "meant"), [("scrach", "scratch"), ("TF-IDF", "tfidf"), ("Majority", "majority")]
)
def test_a_misspelt_model_kind_is_not_looked_for_on_the_hub(changed, written_as, meant):
    found = problems(changed(model=f"model: {written_as}"))

    assert f"model  unknown kind '{written_as}'; did you mean '{meant}'? Known: majority" in found


@pytest.mark.parametrize("name", ["klue/bert-base", "distilbert-base-uncased"])
def test_a_hub_id_is_a_model(changed, name):
    assert load(Settings, changed(model=f"model: {name}")).model == name


def test_a_local_model_lies_where_dvc_watches(changed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models/pretrained/scratch2").mkdir(parents=True)
    Path("elsewhere").mkdir()

    assert load(Settings, changed(model="model: models/pretrained/scratch2"))
    assert "must lie under models/pretrained/" in problems(changed(model="model: elsewhere"))
    assert "must lie under models/pretrained/" in problems(changed(model="model: /opt/m"))
    assert "there is no folder" in problems(changed(model="model: models/pretrained/no"))


def test_all_problems_are_told_at_once(changed):
    found = problems(
        changed(lr="lr: abc", ratios="raitos: auto", heads="heads: x", valid="valid: 3")
    )

    assert "4 problems" in found
    assert [line.split()[0] for line in found.splitlines()[1:]] == [
        "lr",
        "scratch.heads",
        "data.valid",
        "split.raitos",
    ]


def test_a_missing_section_is_told(tmp_path):
    text = re.sub(r"^runner:.*?(?=^\S|\Z)", "", COMMITTED, flags=re.M | re.S)

    assert "runner  is missing" in problems(written(tmp_path, text.encode()))


def test_a_section_without_keys_is_told(tmp_path):
    text = re.sub(r"^predict:.*?(?=^\S|\Z)", "predict: 3\n", COMMITTED, flags=re.M | re.S)

    assert "predict  must be keys and values (found 3)" in problems(
        written(tmp_path, text.encode())
    )


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
    found = problems(changed(train=f"train: {path}"))

    assert "data.train  must be a path under data/raw/, from the project's root" in found
    assert f"(found '{path}')" in found


def test_a_windows_path_is_refused(changed):
    assert "with '/'" in problems(changed(train=r"train: data\\raw\\train.csv"))


@pytest.mark.parametrize(
    "path", ["data/raw/내 자료.csv", "data/raw/sub/a.jsonl.gz", "./data/raw/a.csv"]
)
def test_any_file_under_data_raw_will_do(changed, path):
    assert load(Settings, changed(train=f"train: {path}")).data.train == path


def test_one_file_cannot_be_train_and_test(changed):
    found = problems(changed(train="train: data/raw/a.csv", test="test: data/raw/b/../a.csv"))

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

    assert "is the same column as data." in problems(path)
    assert "('same'): correct one of them" in problems(path)


def test_groups_may_be_the_second_texts(changed):
    path = changed(text_pair="text_pair: title", group="group: title")

    assert load(Settings, path).data.group == "title"


@pytest.mark.parametrize(("method", "column"), [("time", "time"), ("grouped", "group")])
def test_a_split_needs_its_column(tmp_path, method, column):
    text = re.sub(r"^split:\n  method: auto", f"split:\n  method: {method}", COMMITTED, flags=re.M)

    assert (
        f"split.method  {method} needs the column that data.{column} names, which is null"
        in problems(written(tmp_path, text.encode()))
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

    assert "augment.undersample.method  tomek needs classes; use none, random" in problems(
        written(tmp_path, tomek.encode())
    )
    assert "augment.per_class  names classes (spam), but regression has none" in problems(
        written(tmp_path, single.encode())
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
    assert message in problems(changed(model="model: scratch", **lines))
    load(Settings, changed(model="model: some/model", **lines))


def test_embeddings_need_an_encoder(changed):
    found = problems(changed(features="features: embeddings"))

    assert "augment.undersample.encoder  is null, but features=embeddings needs one" in found


def test_labels_made_of_no_judgements_are_refused(changed):
    found = problems(changed(aggregate="aggregate: majority"))

    assert "data.annotations.aggregate  majority makes labels of judgements, but" in found


def test_a_strategy_for_a_class_that_data_does_not_name_is_refused(changed):
    path = changed(classes="classes: [spam, ham]", per_class="per_class: {spm: n_per_row}")

    assert "augment.per_class  unknown class 'spm'; did you mean 'spam'?" in problems(path)


def test_a_missing_file_says_where_to_run(tmp_path):
    assert "run commands from the project's root folder" in problems(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, but must hold every key"),
        (b"# only a comment\n", "is empty, but must hold every key"),
        (b"- a\n- b\n", "must hold keys and values, found list"),
        (b"a: b: c\n", "line 1: not valid YAML: mapping values are not allowed here"),
        (b"a: 1\nb: [1, 2\nc: 3\n", "not valid YAML"),
        (b"a:\n\tb: 1\n", "line 2: not valid YAML: found character '\\t'"),
        (b"a:\n\tb: 1\n", "Indent with spaces: YAML allows no tabs"),
        (b"a: 1\na: 2\n", "line 2: not valid YAML: found duplicate key"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: \x07\n", "is not valid YAML: unacceptable character #x0007"),
        ("a: 1\nb: 글\n".encode("cp949"), "line 2: byte 0xb1 is not UTF-8. Save the file as UTF-8"),
        (b"1: x\n", "must be a text (found the key 1): put it in quotes"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_by_line(tmp_path, content, message):
    assert message in problems(written(tmp_path, content))


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    (tmp_path / "params.yaml").mkdir()

    assert "cannot be read: Is a directory" in problems(tmp_path / "params.yaml")


def test_a_byte_order_mark_and_crlf_are_read_over(tmp_path):
    content = b"\xef\xbb\xbf" + COMMITTED.replace("\n", "\r\n").encode()

    assert load(Settings, written(tmp_path, content)).seed == load(Settings, PARAMS).seed


def test_who_changes_what_was_read_changes_nobody_elses():
    first = read(PARAMS)
    first["data"]["text"] = "changed"

    assert read(PARAMS)["data"]["text"] != "changed"
