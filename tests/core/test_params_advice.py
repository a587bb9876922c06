"""Advice on params.yaml is tried by following it: the file is then accepted."""

import re
from pathlib import Path
from typing import Any

import pytest

from foldline.core.errors import FoldlineError
from tests.helpers.advised_projects import make_settings, parse_value
from tests.helpers.component_files import write_skeleton
from tests.helpers.model_folders import write_model_folder

HUB = "some/model"
REGRESSION, MULTILABEL = {"task": "regression"}, {"task": "multilabel"}
CONTRASTIVE = {"model": HUB, "train.contrastive": 0.3}
SCRATCH, PRETRAINED = {"model": "scratch"}, {"model": HUB}
JUDGED = {"data.annotations.file": "data/raw/judged.csv"}
AGGREGATE, UNDERSAMPLE = "data.annotations.aggregate", "augment.undersample"
SNAPSHOTS = {"train.snapshots": 3, "train.schedule": "cosine"}
KINDS = ["length", "tfidf", "gbdt", "static", "embed", "external", HUB]
BOOSTED, PAIRS = {"boosting.n_estimators": 10}, {"data.text_pair": "reply"}
EXTERNAL = {"model": "external", "external.file": "data/raw/x.csv"}
CHAINED, FEATURES = {"chain.first": "tfidf"}, {"chain.input": "features"}
AUXILIARY = {"chain.predicts": "auxiliary"}
NEEDED = {"external.file": "data/raw/x.csv", "zero_shot.model": HUB}
SAME_FILE = {"data.train": "data/raw/a.csv"}

# Settings, the words of the advice that they lead to, and settings that follow it; what the advice
# says to set to a value is followed as it stands there.
CASES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"data.label": 0}, "put it in quotes: '0'", {"data.label": "0"}),
    ({"split.ratios": [0.8, 0.1, 0.2]}, "must sum to 1", {"split.ratios": [0.8, 0.1, 0.1]}),
    ({"split.ratios": [0, 0.5, 0.5]}, "train must be above 0", {"split.ratios": [1, 0, 0]}),
    ({"split.method": "time"}, "the column that data.time names", {"data.time": "day"}),
    ({"split.method": "grouped"}, "the column that data.group names", {"data.group": "user"}),
    (
        {"data.encoding": "utf9"},
        "such as utf-8, cp949, utf-16, latin-1",
        {"data.encoding": "cp949"},
    ),
    (
        {"data.train": "train.csv"},
        "must be a path under data/raw/",
        {"data.train": "data/raw/a.csv"},
    ),
    (SAME_FILE | {"data.test": "data/raw/a.csv"}, "set data.test to null", {}),
    (
        {"data.valid": "data/raw/b.csv", "data.test": "data/raw/b.csv"},
        "set data.test or data.valid to null",
        {},
    ),
    ({"data.label": "text"}, "correct one of them", {"data.label": "label"}),
    *(
        (
            {"data.known_after": ["rating"], "data.group": "rating"},
            "name another column, or remove it from data.known_after",
            follow,
        )
        for follow in ({"data.group": "user"}, {"data.known_after": []})
    ),
    *(
        ({"data.label": ["a", "b"]}, "name one column, or change the task", follow)
        for follow in ({"data.label": "a"}, MULTILABEL)
    ),
    ({AGGREGATE: "majority"}, "name it, or set aggregate to none", JUDGED),
    *(
        ({"ensemble.threshold": "cost"}, "give it costs, as {spam: {ham: 5}}", follow)
        for follow in (
            {"ensemble.costs": {"spam": {"ham": 5}}},
            {"ensemble.threshold": "none"},
        )
    ),
    *(
        (
            {"ensemble.prior": "predict", "data.predict": None},
            "name a file there, or set prior to train",
            follow,
        )
        for follow in ({"data.predict": "data/raw/new.csv"}, {"ensemble.prior": "train"})
    ),
    (REGRESSION | {"ensemble.prior": "train"}, "set it to none for regression", {}),
    (
        {"data.classes": ["ham", "spam"], "ensemble.costs": {"spm": {"ham": 5}}},
        "did you mean 'spam'?",
        {"ensemble.costs": {"spam": {"ham": 5}}},
    ),
    ({"ensemble.costs": {"spam": {"ham": -1}}}, "0", {"ensemble.costs": {"0": {"1": 5}}}),
    (JUDGED | REGRESSION | {AGGREGATE: "soft"}, "use mean for regression", {AGGREGATE: "mean"}),
    *(
        (JUDGED | {AGGREGATE: "mean"}, "use majority or soft", {AGGREGATE: value})
        for value in ("majority", "soft")
    ),
    (JUDGED | MULTILABEL | {AGGREGATE: "soft"}, "set it to none", {}),
    *(
        (
            REGRESSION | {f"{UNDERSAMPLE}.method": "tomek"},
            "use none, random or nearmiss1 to 3",
            {f"{UNDERSAMPLE}.method": method},
        )
        for method in ("none", "random", "nearmiss1", "nearmiss2", "nearmiss3")
    ),
    (
        {f"{UNDERSAMPLE}.features": "embeddings"},
        "a folder under models/pretrained/ or a Hugging",
        {f"{UNDERSAMPLE}.encoder": HUB},
    ),
    (REGRESSION | {"augment.per_class": {"a": "none"}}, "set it to {}", {}),
    (
        {"augment.backtranslation.temperature": 0.5},
        "must be 0 where beams is above 1",
        {"augment.backtranslation.temperature": 0},
    ),
    (
        {"augment.llm.url": "localhost"},
        "as https://api.openai.com/v1",
        {"augment.llm.url": "https://api.openai.com/v1"},
    ),
    (
        {"augment.llm.key_variable": "sk-1"},
        "as OPENAI_API_KEY",
        {"augment.llm.key_variable": "OPENAI_API_KEY"},
    ),
    (
        {"augment.llm.prompt": "Rewrite it."},
        "must hold {text}",
        {"augment.llm.prompt": "Say {text}"},
    ),
    (
        {"zero_shot.hypothesis": "It is so."},
        "must hold {label}",
        {"zero_shot.hypothesis": "{label}"},
    ),
    ({"tfidf.words": [2, 1]}, "from the smaller to the larger", {"tfidf.words": [1, 2]}),
    ({"static.chars": [5, 2]}, "from the smaller to the larger", {"static.chars": [2, 5]}),
    (
        {"static.vectors": "vectors.txt"},
        "must lie under data/raw/ or models/pretrained/",
        {"static.vectors": "data/raw/vectors.txt"},
    ),
    ({"model": "keywords"}, "a YAML file under data/raw/", {"keywords.file": "data/raw/w.yaml"}),
    (
        {"model": "embed"},
        "a folder under models/pretrained/ or a Hugging Face id",
        {"embed.encoder": HUB},
    ),
    ({"model": "external"}, "a csv file under data/raw/", {"external.file": "data/raw/x.csv"}),
    ({"model": "zero-shot"}, "or a Hugging Face id", {"zero_shot.model": HUB}),
    *(
        (
            REGRESSION | {"model": "keywords", "keywords.file": "data/raw/w.yaml"},
            "use length, tfidf, gbdt, static, embed, external or a transformer",
            {"model": model, "embed.encoder": HUB, "external.file": "data/raw/x.csv"},
        )
        for model in KINDS
    ),
    *(
        (
            REGRESSION | {"tfidf.head": "svm"},
            "use ridge (or logistic, which then is ridge)",
            {"tfidf.head": head},
        )
        for head in ("ridge", "logistic")
    ),
    (MULTILABEL | {"model": "static", "static.class_weights": "balanced"}, "set it to none", {}),
    ({"scratch.heads": 5}, "must be a multiple of heads, 5", {"scratch.width": 130}),
    (
        {"scratch.heads": 4, "scratch.width": 12, "scratch.pooling": "mean"},
        "must be an even multiple of heads, 4",
        {"scratch.width": 16},
    ),
    (
        PRETRAINED | {"train.contrastive": 0.3, "batch_size": 1},
        "set batch_size to 2 or more, or train.contrastive to 0.0",
        {},
    ),
    (CONTRASTIVE | {"train.accumulation": 2}, "set accumulation to 1", {}),
    (CONTRASTIVE | REGRESSION, "set it to 0.0", {}),
    (SCRATCH | {"train.reinit_layers": 2}, "set it to 0", {}),
    *(
        (
            SCRATCH | {f"train.{key}": on, "scratch.dropout": 0.0},
            f"set that above 0, or train.{key} to {off}",
            {"scratch.dropout": 0.1},
        )
        for key, on, off in [("rdrop", 1.0, 0.0), ("dropout_samples", 4, 1)]
    ),
    (
        SCRATCH | {"train.lora": 8},
        "set it to 0, or pretrain.epochs above 0",
        {"pretrain.epochs": 1},
    ),
    *(
        (SCRATCH | {"train.soup": 3}, "to 1 and use train.swa, train.snapshots or", follow)
        for follow in (
            {"train.soup": 1, "train.swa": 0.2},
            {"train.soup": 1} | SNAPSHOTS,
            {"model": HUB},
        )
    ),
    (
        SCRATCH | {"train.trainable_layers": 1},
        "set it to all, or pretrain.epochs above 0",
        {"pretrain.epochs": 1},
    ),
    (
        SCRATCH | {"pretrain.epochs": 1, "pretrain.max_length": 512, "max_length": 128},
        "set it to 128 or less",
        {},
    ),
    ({"train.ema": 0.9, "train.swa": 0.2}, "set swa to 0.0, or ema to 0.0", {}),
    (PRETRAINED | {"train.ema": 0.9, "train.soup": 3}, "set soup to 1, or ema to 0.0", {}),
    (SNAPSHOTS | {"train.ema": 0.9}, "set snapshots to 1, or ema to 0.0", {}),
    (SNAPSHOTS | {"train.swa": 0.2}, "set snapshots to 1, or swa to 0.0", {}),
    (PRETRAINED | SNAPSHOTS | {"train.soup": 3}, "set soup to 1, or snapshots to 1", {}),
    (SNAPSHOTS | {"train.schedule": "linear"}, "set schedule to cosine, or snapshots to 1", {}),
    (SNAPSHOTS | PRETRAINED | {"train.lora": 8}, "set lora to 0, or snapshots to 1", {}),
    *(
        (
            {"train.swa": 0.2, "train.schedule": "one_cycle"},
            "set schedule to constant, linear, cosine or polynomial",
            {"train.schedule": schedule},
        )
        for schedule in ("constant", "linear", "cosine", "polynomial")
    ),
    ({"train.swa": 0.8, "train.warmup": 0.3}, "lower one of them", {"train.warmup": 0.1}),
    (
        PRETRAINED | {"train.lora": 8, "train.trainable_layers": "head"},
        "set trainable_layers to all, or lora to 0",
        {},
    ),
    (
        PRETRAINED | {"train.lora": 8, "train.reinit_layers": 1},
        "set reinit_layers to 0, or lora to 0",
        {},
    ),
    (REGRESSION | {"train.class_weights": "balanced"}, "set it to none", {}),
    (REGRESSION | {"train.label_smoothing": 0.1}, "set it to 0.0", {}),
    (
        {"train.loss": "ordinal"},
        "list them there from the lowest to the highest",
        {"data.classes": ["bad", "fair", "good"]},
    ),
    ({"target.transform": "log"}, "set it to none", {}),
    (MULTILABEL | {"target.transform": "log"}, "set it to none", {}),
    (MULTILABEL | BOOSTED, "set it to 1", {}),
    *(
        (EXTERNAL | BOOSTED, "set it to 1, or use length", {"model": model})
        for model in ("length", "tfidf", "gbdt", "static", HUB)
    ),
    (
        {"bagging.n_estimators": 10},
        "bag a member: ensemble.members: {bag: {bagging.n_estimators: 10}}",
        {
            "bagging.n_estimators": 1,
            "ensemble.members": {"model": {}, "bag": {"bagging.n_estimators": 10}},
        },
    ),
    *(
        (CHAINED | {"chain.first": first}, "use length, tfidf, gbdt", {"chain.first": other})
        for first, other in [("majority", "length"), ("random", "gbdt"), ("random", HUB)]
    ),
    *(
        (CHAINED | {"model": model} | NEEDED, "set chain.first to null, or use tfidf", follow)
        for model in ("majority", "external", "zero-shot")
        for follow in ({"model": "tfidf"}, {"model": HUB})
    ),
    *(
        (CHAINED | FEATURES | {"model": model}, "use prefix", {"chain.input": "prefix"})
        for model in ("length", "static", "scratch", HUB)
    ),
    *(
        (
            CHAINED | FEATURES | {"model": "tfidf", "tfidf.head": "complement_nb"},
            "use prefix, or the head logistic, svm, nbsvm or ridge",
            follow,
        )
        for follow in (
            {"chain.input": "prefix"},
            *({"tfidf.head": head} for head in ("logistic", "svm", "nbsvm", "ridge")),
        )
    ),
    (CHAINED | AUXILIARY, "name it, or set predicts to label", {"data.auxiliary_label": "bias"}),
    (
        {"chain.first": "scratch", "data.auxiliary_label": "bias", "data.classes": ["a", "b"]}
        | {"train.loss": "ordinal"}
        | AUXILIARY,
        "use auto, or chain.predicts=label",
        {"train.loss": "auto"},
    ),
    ({"chain.first": "embed"}, "or a Hugging Face id", {"embed.encoder": HUB}),
    (
        REGRESSION | {"chain.first": "keywords", "keywords.file": "data/raw/w.yaml"},
        "use length, tfidf, gbdt",
        {"chain.first": "length"},
    ),
    *(
        ({"data.auxiliary_label": name}, "correct one of them", {"data.auxiliary_label": "bias"})
        for name in ("text", "label", "id")
    ),
    (EXTERNAL | {"tta.method": "swap"}, "set it to none", {}),
    ({"tta.method": "pairswap"}, "must be 1 with method=pairswap", PAIRS | {"tta.copies": 1}),
    (
        {"tta.method": "pairswap", "tta.copies": 1},
        "name it, or choose another method",
        {"tta.method": "swap"},
    ),
    ({"tta.method": "pairswap", "tta.copies": 1}, "name it, or choose another", PAIRS),
]


def refusal(settings: dict[str, Any]) -> str:
    with pytest.raises(FoldlineError) as caught:
        make_settings(settings)
    return str(caught.value)


def advised_values(line: str, advice: str) -> list[dict[str, Any]]:
    """Return the ways of a line such as `train.swa  ...; set swa or ema to 0.0`."""
    own_key = line.split()[0]
    section = own_key.rpartition(".")[0]
    ways = []
    for names, value in re.findall(
        r"(?:set|, or) ((?:[\w.]+ or )?[\w.]+) to (\S+?)(?=,? |,?$)", advice
    ):
        for name in names.split(" or "):
            key = name if "." in name or name in ("task", "batch_size") else f"{section}.{name}"
            ways.append({own_key if name == "it" else key: parse_value(value)})
    return ways


@pytest.mark.parametrize(("settings", "advice", "follow"), CASES)
def test_advice_on_values(workplace, settings, advice, follow):
    (line,) = [line for line in refusal(settings).splitlines() if advice in line]
    ways = advised_values(line, advice) + [follow] * bool(follow)

    assert ways
    for way in ways:
        make_settings(settings | way)


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("key", ["loss", "metric"])
def test_every_loss_and_metric_that_is_named_for_a_task_is_accepted(workplace, task, key):
    other = {"loss": "focal", "metric": "accuracy"} if task == "regression" else {
        "loss": "huber", "metric": "pearson"
    }  # fmt: skip
    message = refusal({"task": task, f"train.{key}": other[key]})
    (named,) = re.findall(rf"is not for {task}; use ([\w ]+)", message)

    for name in named.split(" or "):
        make_settings({"task": task, f"train.{key}": name, "data.classes": ["a", "b"]})


@pytest.mark.parametrize("misspelt", [
    {"task": "regresion"}, {"train.optimizer": "adam"}, {"model": "scrach"},
    {"chain.first": "tfdif"},
    {"augment.per_class": {"spm": "none"}, "data.classes": ["spam", "ham"]},
])  # fmt: skip
def test_the_name_that_was_meant_is_accepted(workplace, misspelt):
    message = refusal(misspelt)
    key = next(iter(misspelt))
    (meant,) = re.findall(r"did you mean '(\w+)'", message)

    value: Any = {meant: "none"} if key == "augment.per_class" else meant
    make_settings(misspelt | {key: value})


def test_a_local_model_is_put_where_the_message_says(workplace):
    write_model_folder(Path("elsewhere"))
    (folder,) = re.findall(r"must lie under (\S+)", refusal({"model": "elsewhere"}))

    write_model_folder(Path(folder, "mine"))
    make_settings({"model": f"{folder}mine"})


@pytest.mark.parametrize("way", ["correct the name", "or remove them"])
def test_options_of_no_component_are_mended(workplace, way):
    write_skeleton("metric", "costs")
    assert way in refusal({"components": {"cost": {}}})

    make_settings({"components": {"costs": {}} if way == "correct the name" else {}})
