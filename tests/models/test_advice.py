"""The advice in messages about models: each is followed as it stands, and then the fit succeeds."""

import functools
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML
from transformers import BertForSequenceClassification

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.io.prediction_files import read_predictions
from foldline.models.keywords import read_rules
from foldline.models.neural import layers, learning_rate
from foldline.models.neural.batching import make_sampler
from foldline.models.neural.language_model import resolve_objective
from foldline.models.neural.optimizers import parameter_groups
from foldline.models.training_history import best_epoch, format_summary
from foldline.models.word_vectors import read_vectors
from tests.helpers.advice import read_settings

KEY = "external.file"
TOPICS = Labels("classification", ("food", "sport"))


class Case(NamedTuple):
    """Options that are refused, the words of the message, and values where it names only a key."""

    model: str
    refused: dict[str, Any]
    message: str
    values: list[dict[str, Any]] | None = None
    task: str = "classification"
    change: Any = None  # of the rows


def lower_labels(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(label=[str(float(value) - 99) for value in rows["label"]])


def equal_labels(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(label="2")


def empty_texts(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(text="")


def foreign_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return texts of ideographs that are too many for a small vocabulary."""
    texts = [" ".join(chr(0x4E00 + 20 * n + i) for i in range(20)) for n in range(len(rows))]
    return rows.assign(text=texts)


REFUSALS = {
    "log": Case(
        "tfidf",
        {"target.transform": "log"},
        "needs labels above -1",
        None,
        "regression",
        lower_labels,
    ),
    "box-cox": Case(
        "tfidf",
        {"target.transform": "box-cox"},
        "needs labels above 0",
        None,
        "regression",
        lower_labels,
    ),
    "equal": Case(
        "tfidf",
        {"target.transform": "yeo-johnson"},
        "all training labels are 2",
        None,
        "regression",
        equal_labels,
    ),
    "static.lr": Case("static", {"static.lr": 1e30}, "Set static.lr lower", [{"static.lr": 0.3}]),
    "layers": Case("pretrained", {"train.trainable_layers": 5}, "the model has 1 layers"),
    "new layers": Case("pretrained", {"train.reinit_layers": 5}, "the model has 1 layers"),
    "length": Case("pretrained", {"max_length": 99}, "is more than the 32 tokens"),
    "pretraining length": Case(
        "pretrained",
        {"pretrain.epochs": 1, "pretrain.max_length": 99},
        "pretrain.max_length=99 is more",
    ),
    "no text": Case(
        "scratch",
        {"pretrain.epochs": 1},
        "no text has a token",
        None,
        "classification",
        empty_texts,
    ),
    "vocabulary": Case(
        "scratch",
        {"scratch.vocabulary": 60},
        "raise scratch.vocabulary",
        [{"scratch.vocabulary": 2000}],
        "classification",
        foreign_texts,
    ),
    "tokenizer": Case(
        "scratch",
        {"scratch.vocabulary": 60},
        "scratch.tokenizer",
        None,
        "classification",
        foreign_texts,
    ),
    "lr": Case(
        "scratch", {"lr": 1e30, "train.warmup": 0.0}, "lower lr", [{"lr": 3e-3}], "regression"
    ),
}


def split_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `fit` for options: those of sections apart."""
    dotted = {key: value for key, value in options.items() if "." in key}
    return {"epochs": 1, "dotted": dotted} | {k: v for k, v in options.items() if "." not in k}


@pytest.fixture
def train(fit, rows) -> Any:
    def run(case: Case, options: dict[str, Any]) -> Any:
        table = rows(case.task)
        table = case.change(table) if case.change else table
        return fit(case.model, table, table.iloc[:0], case.task, **split_options(options))

    return run


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_refusal_says_to_set_is_accepted(name, train) -> None:
    case = REFUSALS[name]
    with pytest.raises(FoldlineError, match=re.escape(case.message)) as caught:
        train(case, case.refused)
    for settings in case.values or read_settings(str(caught.value)):
        assert train(case, case.refused | settings).model, settings


NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.mark.parametrize("key", ["train.rdrop", "train.dropout_samples"])
def test_without_dropout_the_value_that_is_named_works(key, fit, rows, tiny_bert, tmp_path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "m"))
    config = json.loads((folder / "config.json").read_text()) | NO_DROPOUT
    (folder / "config.json").write_text(json.dumps(config))
    table = rows()
    refused = {"train.rdrop": 1.0, "train.dropout_samples": 3}
    with pytest.raises(FoldlineError, match=key) as caught:
        fit(str(folder), table, table.iloc[:0], "classification", dotted={key: refused[key]})
    (settings,) = read_settings(str(caught.value))
    assert settings.keys() == {key}
    assert fit(str(folder), table, table.iloc[:0], "classification", epochs=1, dotted=settings)


@pytest.mark.parametrize("config", ["BertConfig", "GPT2Config"])
def test_the_objective_that_is_named_fits_the_architecture(config) -> None:
    import transformers

    made = getattr(transformers, config)()
    wrong = {"bert": "causal", "gpt2": "masked"}[made.model_type]
    with pytest.raises(FoldlineError, match="is not for") as caught:
        resolve_objective(made, wrong)
    named = [settings["pretrain.objective"] for settings in read_settings(str(caught.value))]
    assert {resolve_objective(made, name) for name in named} == {named[0]}


def test_a_model_without_layers_takes_the_three_values_that_are_named(recipe) -> None:
    model: Any = torch.nn.Linear(2, 2)
    model.base_model = torch.nn.Sequential(model)
    with pytest.raises(FoldlineError, match="has no ModuleList") as caught:
        layers.encoder_layers(model)
    settings = dict(re.findall(r"(train\.\w+) to (\w+(?:\.\d)?)", str(caught.value)))
    own = recipe({key: YAML(typ="safe").load(value) for key, value in settings.items()})
    layers.freeze(model, own.train.trainable_layers)
    layers.reinitialise(model, own.train.reinit_layers)
    assert parameter_groups(model, [], own)


def test_the_rate_that_a_warning_names_is_taken_without_one(recipe, tiny_bert) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_bert)
    (note,) = learning_rate.warn_of_high_lr(recipe(model="some/model", lr=3e-3), model)
    (settings,) = read_settings(note)
    own = recipe(settings, model="some/model")
    assert learning_rate.warn_of_high_lr(own, model) == []
    assert f"takes {learning_rate.resolve_lr(own, model).lr:g}" in note


def test_the_metric_that_a_line_names_keeps_the_epoch_that_it_says(recipe) -> None:
    scores = [(0.9, 0.5), (0.7, 0.6), (0.8, 0.65)]
    history = [
        {"step": n, "loss": 1.0, "valid_loss": loss, "valid_metric": score}
        for n, (loss, score) in enumerate(scores)
    ]
    line = format_summary(history, recipe({"train.metric": "loss"}).train, "classification", 3)[-1]
    epoch, metric = re.search(r"after epoch (\d+),.*train\.metric=(\w+)", line).groups()
    options = recipe({"train.metric": metric}).train
    assert best_epoch(history, options.metric) == int(epoch) - 1
    assert f"epoch {epoch} is kept" in format_summary(history, options, "classification", 3)[0]


def test_a_batch_of_the_size_that_processes_need_is_shared() -> None:
    arguments = SimpleNamespace(
        world_size=8, gradient_accumulation_steps=1, seed=1, process_index=0
    )
    with pytest.raises(FoldlineError, match="raise batch_size or use fewer processes"):
        make_sampler([3] * 40, arguments, 4)
    assert make_sampler([3] * 40, arguments, 8)
    arguments.world_size = 4
    assert make_sampler([3] * 40, arguments, 4)


@pytest.mark.parametrize(
    ("refused", "words", "followed"),
    [
        ({"batch_size": 1}, "over a single row: lower max_length", {"max_length": 8}),
        ({"train.contrastive": 0.5}, "lower batch_size", {"batch_size": 4}),
        ({"train.contrastive": 0.5}, "lower max_length", {"max_length": 8}),
    ],
)
def test_less_of_what_memory_ran_out_over_fits(
    refused, words, followed, fit, rows, monkeypatch
) -> None:
    """A memory of so many positions."""
    forward = BertForSequenceClassification.forward
    most = 10 if "batch_size" in refused else 70

    @functools.wraps(forward)
    def limited(self: Any, *arguments: Any, **inputs: Any) -> Any:
        if self.training and inputs["input_ids"].numel() > most:
            raise torch.OutOfMemoryError("no memory")
        return forward(self, *arguments, **inputs)

    monkeypatch.setattr(BertForSequenceClassification, "forward", limited)
    table = rows()

    def train(options: dict[str, Any]) -> Any:
        how = split_options(options)
        return fit("scratch", table, table.iloc[:0], "classification", **how)

    with pytest.raises(FoldlineError, match=words):
        train(refused)
    assert train(refused | followed).history


@pytest.mark.parametrize(
    ("files", "words", "followed"),
    [
        (
            {"descriptions": {"sport 운동": "긴 말 " * 40}},
            "shorten zero_shot.descriptions",
            {"descriptions": {"sport 운동": "말"}},
        ),
        (
            {"hypothesis": "긴 말 " * 40 + "{label}"},
            "or zero_shot.hypothesis",
            {"hypothesis": "말 {label}"},
        ),
        (
            {"descriptions": {"sprot": "x"}},
            "'sprot' is not a class; classes are food 음식, sport 운동",
            {"descriptions": {"sport 운동": "x"}},
        ),
        ({"model": "BERT"}, "Name a model that was trained on NLI", {}),
        ({"model": None}, "zero_shot.model is null: name a folder", {}),
    ],
)
def test_zero_shot_takes_what_its_messages_ask_for(
    files, words, followed, fit, rows, tiny_bert, tiny_nli
) -> None:
    table = rows()

    def train(own: dict[str, Any]) -> Any:
        files = {
            f"zero_shot.{key}": tiny_bert if value == "BERT" else value
            for key, value in own.items()
        }
        return fit("zero-shot", table, table.iloc[:0], "classification", files=files)

    with pytest.raises(FoldlineError, match=re.escape(words)):
        train(files)
    assert train({"hypothesis": "{label}", "model": tiny_nli} | followed).model


@pytest.mark.parametrize("kind", ["keywords.file", "external.file", "embed.encoder"])
def test_a_file_in_place_of_null_is_read(kind, fit, rows, beside) -> None:
    table, model = rows(), kind.partition(".")[0]
    with pytest.raises(FoldlineError, match=f"{kind} is null: name a "):
        fit(model, table, table.iloc[:0], "classification", files={kind: None})
    assert fit(model, table, table.iloc[:0], "classification", files={kind: beside[kind]}).model


RULES = [
    ("foot: [soup]", r"'(foot)' is not a class; did you mean '(food)'", None),
    ("food: soup", r"write `(.*)`", None),
    ("food: []", r"write `(.*)`", None),
    ("- soup", r"as `(.*)` ", None),
    ('food: ["/(/"]', "write it without the slashes", 'food: ["("]'),
    ("food:\n\t- soup", "Indent with spaces", "food:\n  - soup"),
]


@pytest.mark.parametrize(("content", "words", "corrected"), RULES)
def test_rules_corrected_as_the_message_says_are_read(content, words, corrected, tmp_path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FoldlineError, match=words) as caught:
        read_rules(path, TOPICS)
    found = re.search(words, str(caught.value)).groups()
    if not corrected:
        corrected = content.replace(*found) if found[1:] else found[0]
    path.write_text(corrected, encoding="utf-8")
    assert "food" in read_rules(path, TOPICS)


TABLES = [
    (
        "id,food,sport\n1,0.5,0.5",
        "Name its columns (id, p_food, p_sport)",
        "id, p_food, p_sport\n1,0.5,0.5",
    ),
    ("id,p_food,p_sport\n1,0,5,0,5", "decimal point (0.5)", "id,p_food,p_sport\n1,0.5,0.5"),
    (
        "id,p_food,p_sport\na,b,0.5,0.5",
        "quote ids that contain a comma",
        'id,p_food,p_sport\n"a,b",0.5,0.5',
    ),
    (
        "id,p_food,p_sport\n1,1,0\n1,0,1",
        "keep one prediction for each row",
        "id,p_food,p_sport\n1,1,0",
    ),
]


@pytest.mark.parametrize(("content", "words", "corrected"), TABLES)
def test_predictions_corrected_as_the_message_says_are_read(
    content, words, corrected, tmp_path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FoldlineError) as caught:
        read_predictions(path, TOPICS, KEY)
    assert re.sub(r"[()]", "", words) in re.sub(r"[()]", "", str(caught.value))
    path.write_text(corrected.replace(", ", ","), encoding="utf-8")
    assert len(read_predictions(path, TOPICS, KEY)[1]) == 1


def test_predictions_saved_as_utf_8_and_of_all_rows_are_taken(tmp_path, fit, rows) -> None:
    path, table = tmp_path / "p.csv", rows("regression")
    text = "id,predicted\n" + "".join(f"{name},1\n" for name in ["글", *table["id"][1:]])
    path.write_text(text, encoding="cp949")

    def predict() -> Any:
        files = {"external.file": str(path)}
        model = fit("external", table, table.iloc[:0], "regression", files=files).model
        return model.predict(table)

    with pytest.raises(FoldlineError, match="Name a csv file in UTF-8"):
        predict()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FoldlineError, match=r"no prediction of 1 of 40 rows .*must have all rows"):
        predict()
    path.write_text(text + f"{table['id'][0]},1\n", encoding="utf-8")
    assert len(predict()) == 40


@pytest.mark.parametrize("line", ["soup 1", "soup 1 2 3", "soup 1 x", "soup 1 nan"])
def test_vectors_without_the_line_that_is_named_are_read(line, tmp_path) -> None:
    path = tmp_path / "v.txt"
    lines = ["김치 1 2", line, "salt 3 4"]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FoldlineError, match="fix or remove that line") as caught:
        read_vectors(path, ["soup 김치"], 10)
    number = int(re.search(r"line (\d+)", str(caught.value))[1])
    path.write_text("\n".join([*lines[: number - 1], *lines[number:]]), encoding="utf-8")
    assert read_vectors(path, ["soup 김치"], 10)[0].words == ("김치", "salt")


@pytest.mark.parametrize("content", [b"", b"quince 1 2\n", b"1 2\nsoup \0\0\0\0"])
def test_static_learns_its_own_vectors_where_null_is_named(content, tmp_path, fit, rows) -> None:
    path, table = tmp_path / "v.txt", rows()
    path.write_bytes(content)

    def train(vectors: str | None) -> Any:
        files = {"static.vectors": vectors}
        return fit("static", table, table.iloc[:0], "classification", files=files)

    with pytest.raises(FoldlineError, match=r"name another file in static.vectors|Name another"):
        train(str(path))
    words = [word for text in table["text"] for word in text.split()]
    other = tmp_path / "other.txt"
    other.write_text("\n".join(f"{word} 1 2" for word in words), encoding="utf-8")
    assert train(str(other)).model
    if b"\0" not in content:
        assert train(None).model
