"""Recipes that options of training are measured on, and the options, each a change of its own."""

from dataclasses import dataclass, field
from typing import Any

Changes = dict[str, Any]
KOREAN, BANKING = "korean_hate_speech", "banking77"
BASE = "base"


@dataclass(frozen=True)
class Recipe:
    """What a set is trained by: changes of params.yaml, its metric, and rows to learn from."""

    metric: str
    changes: Changes
    train_rows: int  # at most; what is left over is read without its labels
    classes: int | None = None  # None: all; else those with the most rows
    encoder: bool = False  # of real weights, which --encoder names


@dataclass(frozen=True)
class Option:
    """One change of a recipe, compared with the run that `against` names.

    `sets` are changes that hold in one set alone; `left` says why it is not run in a set.
    """

    name: str
    changes: Changes = field(default_factory=dict)
    against: str = BASE
    sets: dict[str, Changes] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Changes:
        """Return its changes in a set."""
        return self.changes | self.sets.get(name, {})


# Patience is as long as the training, so that CPU seconds compare; the best epoch is taken.
_COMMON: Changes = {
    "seed": 42,
    "task": "classification",
    "batch_size": 32,
    "max_length": 64,
    "data.id": "id",
    "data.text": "text",
    "data.label": "label",
    "predict.sample_submission": None,
    "train.precision": "auto",
    "train.predict_precision": "auto",
}
RECIPES = {
    KOREAN: Recipe(
        "f1_macro",
        _COMMON
        | {
            "model": "scratch",
            "lr": 5e-4,
            "epochs": 2,
            "scratch.pooling": "mean",
            "train.metric": "f1_macro",
            "train.patience": 2,
            "data.train": f"data/raw/{KOREAN}/train.csv",
            "data.predict": f"data/raw/{KOREAN}/test_unlabeled.csv",
            "data.classes": ["none", "offensive", "hate"],  # in their order, for loss=ordinal
            "split.ratios": [0.7, 0.1, 0.2],
        },
        train_rows=4000,
    ),
    BANKING: Recipe(
        "accuracy",
        _COMMON
        | {
            "model": "models/pretrained/encoder",
            "lr": 1e-3,
            "epochs": 4,
            "train.patience": 4,
            "data.train": f"data/raw/{BANKING}/train.csv",
            "data.test": f"data/raw/{BANKING}/test.csv",
            "data.predict": None,
            "split.ratios": [0.95, 0.05, 0.0],
            "split.drop_from_train": True,
            "pretrain.lr": 5e-5,
        },
        train_rows=500,
        classes=20,
        encoder=True,
    ),
}


def _scaled(factor: float) -> dict[str, Changes]:
    """Return each set's learning rate times a factor."""
    return {name: {"lr": recipe.changes["lr"] * factor} for name, recipe in RECIPES.items()}


def _train(**changes: Any) -> Changes:
    return {f"train.{name}": value for name, value in changes.items()}


def _scratch(name: str, **changes: Any) -> Option:
    made = {f"scratch.{key}": value for key, value in changes.items()}
    return Option(name, made, left={BANKING: "for model=scratch alone"})


def _pretrained(name: str, changes: Changes, factor: float = 1.0) -> Option:
    left = {KOREAN: "for pretrained models alone"}
    return Option(name, changes, sets=_scaled(factor) if factor != 1.0 else {}, left=left)


_FEW = "64 steps are too few for it"
_SHORT = {KOREAN: {"max_length": 16}, BANKING: {"max_length": 12}}

OPTIONS = [
    Option(BASE),
    Option("another seed: 43", {"seed": 43}),
    Option("another seed: 44", {"seed": 44}),
    Option("loss focal", _train(loss="focal")),
    Option("loss ordinal", _train(loss="ordinal"), left={BANKING: "its classes have no order"}),
    Option("label_smoothing .1", _train(label_smoothing=0.1)),
    Option("class_weights balanced", _train(class_weights="balanced")),
    Option("rdrop 1", _train(rdrop=1.0)),
    Option("contrastive .3", _train(contrastive=0.3)),
    Option("dropout_samples 4", _train(dropout_samples=4)),
    Option("adversarial fgm, size 1", _train(adversarial="fgm", adversarial_size=1.0)),
    Option("adversarial awp, size 1", _train(adversarial="awp", adversarial_size=1.0)),
    Option("adversarial awp, size 10", _train(adversarial="awp", adversarial_size=10.0)),
    Option("ema .95", _train(ema=0.95)),
    Option("ema .99", _train(ema=0.99), left={BANKING: _FEW}),
    Option("ema .999", _train(ema=0.999), left={BANKING: _FEW}),
    Option("swa .3", _train(swa=0.3)),
    Option("optimizer adafactor", _train(optimizer="adafactor")),
    Option("optimizer lion, lr / 5", _train(optimizer="lion"), sets=_scaled(0.2)),
    Option("optimizer sgd, lr x 100", _train(optimizer="sgd"), sets=_scaled(100.0)),
    Option("schedule constant", _train(schedule="constant")),
    Option("schedule cosine", _train(schedule="cosine")),
    Option("schedule polynomial", _train(schedule="polynomial")),
    Option("schedule one_cycle", _train(schedule="one_cycle")),
    Option("warmup 0", _train(warmup=0.0)),
    Option("weight_decay 0", _train(weight_decay=0.0)),
    Option("weight_decay .1", _train(weight_decay=0.1)),
    Option("max_grad_norm 0 (off)", _train(max_grad_norm=0.0)),
    Option("accumulation 2", _train(accumulation=2)),
    Option("layer_decay .8", _train(layer_decay=0.8)),
    _pretrained("reinit_layers 1", _train(reinit_layers=1)),
    _pretrained("trainable_layers head", _train(trainable_layers="head")),
    _pretrained("trainable_layers 2", _train(trainable_layers=2)),
    _pretrained("lora 8, lr x 10", _train(lora=8), 10.0),
    Option("metric loss", _train(metric="loss"), left={BANKING: "is the base"}),
    Option("metric f1_macro", _train(metric="f1_macro"), left={KOREAN: "is the base"}),
    Option("precision float32", _train(precision="float32")),
    _scratch("tokenizer bpe", tokenizer="bpe"),
    _scratch("tokenizer unigram", tokenizer="unigram"),
    _scratch("tokenizer character", tokenizer="character"),
    _scratch("tokenizer jamo", tokenizer="jamo"),
    _scratch("pooling cls", pooling="cls"),
    _scratch("dropout 0", dropout=0.0),
    Option("short texts: long_text head", sets=_SHORT),
    *[
        Option(
            f"short texts: long_text {how}",
            _train(long_text=how),
            "short texts: long_text head",
            _SHORT,
        )
        for how in ("tail", "head_tail", "window")
    ],
    Option(
        "pretrain.epochs", sets={KOREAN: {"pretrain.epochs": 2}, BANKING: {"pretrain.epochs": 1}}
    ),
    Option("another seed: 45", {"seed": 45}),
    Option("another seed: 46", {"seed": 46}),
]
