"""Recipes on which training options are measured, and the options, one change each."""

from dataclasses import dataclass, field
from typing import Any

Changes = dict[str, Any]
KOREAN, BANKING = "korean_hate_speech", "banking77"
BASE = "base"


@dataclass(frozen=True)
class Recipe:
    """How a data set is trained: changes of params.yaml, metric, and number of training rows."""

    metric: str
    changes: Changes
    train_rows: int  # at most; the others are unlabelled texts
    classes: int | None = None  # the most frequent ones; None: all
    encoder: bool = False  # whether it needs a pretrained model, --encoder


@dataclass(frozen=True)
class Option:
    """One change of a recipe, compared with the option that `baseline` names.

    `set_changes` are further changes by data set, `skip_reasons` say why a set is skipped.
    """

    name: str
    changes: Changes = field(default_factory=dict)
    baseline: str = BASE
    set_changes: dict[str, Changes] = field(default_factory=dict)
    skip_reasons: dict[str, str] = field(default_factory=dict)

    def changes_for(self, name: str) -> Changes:
        """Return the changes for a data set."""
        return self.changes | self.set_changes.get(name, {})


# Patience is as long as the training, so that CPU seconds are comparable; the best epoch is used.
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


def _scale_lr(factor: float) -> dict[str, Changes]:
    """Return each data set's learning rate, scaled."""
    return {name: {"lr": recipe.changes["lr"] * factor} for name, recipe in RECIPES.items()}


def _train_option(**changes: Any) -> Changes:
    return {f"train.{name}": value for name, value in changes.items()}


def _scratch(name: str, **changes: Any) -> Option:
    params = {f"scratch.{key}": value for key, value in changes.items()}
    return Option(name, params, skip_reasons={BANKING: "only for model=scratch"})


def _pretrained(name: str, changes: Changes, factor: float = 1.0) -> Option:
    skip_reasons = {KOREAN: "only for pretrained models"}
    return Option(
        name,
        changes,
        set_changes=_scale_lr(factor) if factor != 1.0 else {},
        skip_reasons=skip_reasons,
    )


_TOO_FEW_STEPS = "64 steps are too few for it"
_SHORT_TEXTS = {KOREAN: {"max_length": 16}, BANKING: {"max_length": 12}}

OPTIONS = [
    Option(BASE),
    Option("another seed: 43", {"seed": 43}),
    Option("another seed: 44", {"seed": 44}),
    Option("loss focal", _train_option(loss="focal")),
    Option(
        "loss ordinal",
        _train_option(loss="ordinal"),
        skip_reasons={BANKING: "its classes have no order"},
    ),
    Option("label_smoothing .1", _train_option(label_smoothing=0.1)),
    Option("class_weights balanced", _train_option(class_weights="balanced")),
    Option("rdrop 1", _train_option(rdrop=1.0)),
    Option("contrastive .3", _train_option(contrastive=0.3)),
    Option("dropout_samples 4", _train_option(dropout_samples=4)),
    Option("adversarial fgm, size 1", _train_option(adversarial="fgm", adversarial_size=1.0)),
    Option("adversarial awp, size 1", _train_option(adversarial="awp", adversarial_size=1.0)),
    Option("adversarial awp, size 10", _train_option(adversarial="awp", adversarial_size=10.0)),
    Option("ema .95", _train_option(ema=0.95)),
    Option("ema .99", _train_option(ema=0.99), skip_reasons={BANKING: _TOO_FEW_STEPS}),
    Option("ema .999", _train_option(ema=0.999), skip_reasons={BANKING: _TOO_FEW_STEPS}),
    Option("swa .3", _train_option(swa=0.3)),
    Option("optimizer adafactor", _train_option(optimizer="adafactor")),
    Option("optimizer lion, lr / 5", _train_option(optimizer="lion"), set_changes=_scale_lr(0.2)),
    Option("optimizer sgd, lr x 100", _train_option(optimizer="sgd"), set_changes=_scale_lr(100.0)),
    Option("schedule constant", _train_option(schedule="constant")),
    Option("schedule cosine", _train_option(schedule="cosine")),
    Option("schedule polynomial", _train_option(schedule="polynomial")),
    Option("schedule one_cycle", _train_option(schedule="one_cycle")),
    Option("warmup 0", _train_option(warmup=0.0)),
    Option("weight_decay 0", _train_option(weight_decay=0.0)),
    Option("weight_decay .1", _train_option(weight_decay=0.1)),
    Option("max_grad_norm 0 (off)", _train_option(max_grad_norm=0.0)),
    Option("accumulation 2", _train_option(accumulation=2)),
    Option("layer_decay .8", _train_option(layer_decay=0.8)),
    _pretrained("reinit_layers 1", _train_option(reinit_layers=1)),
    _pretrained("trainable_layers head", _train_option(trainable_layers="head")),
    _pretrained("trainable_layers 2", _train_option(trainable_layers=2)),
    _pretrained("lora 8, lr x 10", _train_option(lora=8), 10.0),
    Option("metric loss", _train_option(metric="loss"), skip_reasons={BANKING: "is the base"}),
    Option(
        "metric f1_macro", _train_option(metric="f1_macro"), skip_reasons={KOREAN: "is the base"}
    ),
    Option("precision float32", _train_option(precision="float32")),
    _scratch("tokenizer bpe", tokenizer="bpe"),
    _scratch("tokenizer unigram", tokenizer="unigram"),
    _scratch("tokenizer character", tokenizer="character"),
    _scratch("tokenizer jamo", tokenizer="jamo"),
    _scratch("pooling cls", pooling="cls"),
    _scratch("dropout 0", dropout=0.0),
    Option("short texts: long_text head", set_changes=_SHORT_TEXTS),
    *[
        Option(
            f"short texts: long_text {method}",
            _train_option(long_text=method),
            "short texts: long_text head",
            _SHORT_TEXTS,
        )
        for method in ("tail", "head_tail", "window")
    ],
    Option(
        "pretrain.epochs",
        set_changes={KOREAN: {"pretrain.epochs": 2}, BANKING: {"pretrain.epochs": 1}},
    ),
    Option("another seed: 45", {"seed": 45}),
    Option("another seed: 46", {"seed": 46}),
]
