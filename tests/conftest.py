"""What several tests share: tiny tables, recipes, a tiny pretrained model; no network."""

import gc
import importlib
import os

# Before torch and huggingface_hub are imported, by whichever test is first.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest

from foldline.core.io.labels import Labels
from foldline.core.params import Augment, Recipe, Runner, loading
from foldline.testing.sample_data import CLASSES, WORDS, sample_labels, sample_rows
from tests.helpers.browser import NAMES, Browser, installed

# Thousands of tests and whole libraries are alive all the time: looking through them for garbage
# again and again took a fifth of the time.
gc.set_threshold(100_000, 50, 1000)

ROOT = Path(__file__).resolve().parents[1]
# Everything that a test's numbers hang on, so that a user's params.yaml cannot break a test.
TINY: dict[str, Any] = {
    "seed": 7,
    "task": "classification",
    "model": "scratch",
    "lr": 3e-3,
    "epochs": 2,
    "batch_size": 8,
    "max_length": 24,
    "train.loss": "auto",
    "train.focal_gamma": 2.0,
    "train.huber_delta": 1.0,
    "train.label_smoothing": 0.0,
    "train.class_weights": "none",
    "train.optimizer": "adamw",
    "train.schedule": "linear",
    "train.power": 2.0,
    "train.warmup": 0.1,
    "train.weight_decay": 0.01,
    "train.max_grad_norm": 1.0,
    "train.accumulation": 1,
    "train.layer_decay": 1.0,
    "train.trainable_layers": "all",
    "train.reinit_layers": 0,
    "train.lora": 0,
    "train.lora_alpha": 16.0,
    "train.lora_dropout": 0.0,
    "train.rdrop": 0.0,
    "train.contrastive": 0.0,
    "train.temperature": 0.3,
    "train.dropout_samples": 1,
    "train.adversarial": "none",
    "train.adversarial_size": 1.0,
    "train.ema": 0.0,
    "train.swa": 0.0,
    "train.snapshots": 1,
    "train.soup": 1,
    "train.soup_lr_spread": 1.0,
    "train.long_text": "head",
    "train.window_overlap": 0.25,
    "train.window_pooling": "mean",
    "train.metric": "loss",
    "train.patience": 3,
    "train.precision": "float32",
    "train.predict_precision": "float32",
    "train.threads": 1,
    "train.distributed": {"processes": 1, "strategy": "ddp"},
    "train.determinism": "seeded",
    "train.trust_remote_code": None,
    "pretrain.epochs": 0,
    "pretrain.objective": "auto",
    "pretrain.mask": 0.15,
    "pretrain.lr": 3e-3,
    "pretrain.batch_size": 8,
    "pretrain.max_length": 24,
    "pretrain.unlabelled": True,
    "pretrain.test": False,
    "tfidf.words": [1, 2],
    "tfidf.chars": [2, 5],
    "tfidf.min_df": 2,
    "tfidf.c": 4.0,
    "tfidf.alpha": 1.0,
    "tfidf.class_weights": "balanced",
    "scratch.tokenizer": "wordpiece",
    "scratch.vocabulary": 200,
    "scratch.layers": 1,
    "scratch.width": 16,
    "scratch.heads": 2,
    "scratch.dropout": 0.1,
    "scratch.pooling": "cls",
    "scratch.experts": 1,
    "scratch.active_experts": 2,
    "gbdt.dimensions": 8,
    "gbdt.iterations": 20,
    "gbdt.min_leaf": 2,
    "static.dimensions": 16,
    "static.min_df": 1,
    "static.buckets": 20_000,
    "static.epochs": 10,
    "embed.neighbours": 3,
    "embed.hidden": 16,
}


def changed(content: dict[str, Any], dotted: dict[str, Any]) -> dict[str, Any]:
    """Return params with values put in by their dotted keys."""
    content = {k: dict(v) if isinstance(v, dict) else v for k, v in content.items()}
    for key, value in dotted.items():
        section, _, name = key.rpartition(".")
        (content[section] if section else content)[name] = value
    return content


# The same examples in every run, so that a change alone decides whether tests pass;
# `HYPOTHESIS_PROFILE=search pytest` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, in which the store lies, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


@pytest.fixture
def prepare_files(workplace: Path) -> Callable[..., Any]:
    """Prepare files of these contents: `prepare_files({"train": "..."}, id=None)`."""
    from tests.helpers import raw_files

    return raw_files.prepare_files


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Recipe]:
    """Make a recipe by dotted keys: `recipe({"train.patience": 1}, model="tfidf")`."""

    content = loading.read_params(ROOT / "tests" / "params.yaml")

    def make(dotted: dict[str, Any] | None = None, **top: Any) -> Recipe:
        made = changed(content, TINY | (dotted or {}) | top)
        return Recipe.model_validate({name: made[name] for name in Recipe.model_fields})

    return make


@pytest.fixture(scope="session")
def augment() -> Callable[..., Augment]:
    """Make the augment section by dotted keys, from one that changes nothing."""
    nothing = {"undersample.method": "none", "method": "none", "strategy": "balance", "copies": 2}

    def make(dotted: dict[str, Any] | None = None, **top: Any) -> Augment:
        content = loading.read_params(ROOT / "tests" / "params.yaml")["augment"]
        return Augment.model_validate(changed(content, nothing | (dotted or {}) | top))

    return make


@pytest.fixture(scope="session")
def rows() -> Callable[..., pd.DataFrame]:
    """Make a table of `n` rows as the stages exchange it: `rows("regression", pairs=True)`."""
    return sample_rows


@pytest.fixture(scope="session")
def labels() -> Callable[[str], Labels]:
    """Return the labels of a task's tiny table."""
    return sample_labels


@pytest.fixture(scope="session")
def tiny_bert(
    tmp_path_factory: pytest.TempPathFactory,
    recipe: Callable[..., Recipe],
    rows: Callable[..., pd.DataFrame],
) -> str:
    """Return the folder of a BERT with random weights, made in this process."""
    from transformers import BertConfig, BertModel, set_seed

    from foldline.models.neural import scratch

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    texts = rows()["text"].tolist() + rows("regression", pairs=True)["text_pair"].tolist()
    tokenizer = scratch.train_tokenizer(texts, recipe())
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,  # at .02 some starts of so narrow a model tell no texts apart
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_nli(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> str:
    """Return the folder of a model of entailment with random weights, made in this process."""
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, set_seed

    folder = tmp_path_factory.mktemp("models") / "tiny-nli"
    set_seed(0)
    names = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    # Weights this wide tell texts apart; those of .02 would say about the same of any.
    wide = {"initializer_range": 0.5}
    config = AutoConfig.from_pretrained(tiny_bert, num_labels=3, id2label=names, **wide)
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def beside(
    tmp_path_factory: pytest.TempPathFactory, tiny_bert: str, tiny_nli: str
) -> dict[str, Any]:
    """Return the params that name what kinds read beside rows: models, and files made here."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "words.yaml").write_text(
        "\n".join(f"{name}: [{', '.join(words)}]" for name, words in WORDS.items()),
        encoding="utf-8",
    )
    lines = [f"r{i:03d},{(i * 7 % 10) / 10},{(10 - i * 7 % 10) / 10},0,{i / 10}" for i in range(40)]
    header = ",".join(["id", *(f"p_{name}" for name in CLASSES), "predicted"])
    (folder / "elsewhere.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return {
        "embed.encoder": tiny_bert,
        "zero_shot.model": tiny_nli,
        "zero_shot.hypothesis": "about {label}",
        "keywords.file": str(folder / "words.yaml"),
        "external.file": str(folder / "elsewhere.csv"),
    }


@pytest.fixture(scope="session")
def fit(
    tmp_path_factory: pytest.TempPathFactory,
    recipe: Callable[..., Recipe],
    labels: Callable[[str], Labels],
    tiny_bert: str,
    beside: dict[str, Any],
) -> Callable[..., Any]:
    """Fit a model to two tables; `pretrained` stands for the tiny BERT's folder."""
    from foldline.core.params.kind_options import select_options
    from foldline.models import registry
    from foldline.models.interface import Job

    # Each training collects garbage first: the libraries' own objects need no look every time.
    importlib.import_module("foldline.models.neural.training")
    gc.collect()
    gc.freeze()

    def make(model: str, train: pd.DataFrame, valid: pd.DataFrame, task: str, **how: Any) -> Any:
        scratch = how.pop("scratch", None) or tmp_path_factory.mktemp("scratch")
        kept = ("pretraining_texts", "sample_ids", "tracker")
        told = {key: how.pop(key) for key in kept if key in how}
        name, files = tiny_bert if model == "pretrained" else model, beside | how.pop("files", {})
        own = recipe(model=name, task=task, **how)
        for key, value in files.items():  # they lie where params.yaml would not have them
            section, _, field = key.partition(".")
            changed_one = getattr(own, section).model_copy(update={field: value})
            own = own.model_copy(update={section: changed_one})
        # As stages do: a kind that reads more of a recipe than it declares fails.
        own = select_options(own)
        return registry.fit(Job(train, valid, labels(task), own, scratch, **told))

    return make


@pytest.fixture(scope="session")
def parts(rows: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows to learn from and rows to stop by, whose labels are wrong: it soon gets worse."""
    table = rows()
    valid = table.iloc[28:].copy()
    valid["label"] = np.roll(valid["label"].to_numpy(), 1)
    return table.iloc[:28], valid


@pytest.fixture
def runner() -> Callable[..., Runner]:
    """Return the section `runner` with changes: `runner(kind="local", jobs=2)`."""

    def make(**changes: Any) -> Runner:
        content = {"kind": "inline", "jobs": 1, "retries": 0, "address": "auto"}
        content |= {"store_gb": 20.0, "tracker": "none"}
        return Runner.model_validate(content | changes)

    return make


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser without a window; tests that need one are skipped where there is none."""
    program = installed()
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on the PATH")
    opened = Browser(program, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
