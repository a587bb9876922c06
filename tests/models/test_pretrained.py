"""Pretrained models of several families, and what a user sees where one cannot be used."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.encoders import hub
from foldline.models import registry
from tests.helpers.marks import mark_slow_except

END = "<|endoftext|>"


@pytest.fixture(scope="module")
def tiny(rows, tmp_path_factory) -> Callable[..., str]:
    """Make the folder of a tiny random model of a family, with a byte-level tokenizer."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import AutoModel, PreTrainedTokenizerFast, set_seed

    def make(config: Any, special: list[str], half: bool = False, **marks: str) -> str:
        folder = tmp_path_factory.mktemp("tiny")
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(rows()["text"].tolist(), 300, special_tokens=special)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, **marks)
        set_seed(0)
        config.vocab_size = len(tokenizer)
        model = AutoModel.from_config(config)
        (model.to(torch.bfloat16) if half else model).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return make


def gpt2(tiny: Any) -> str:
    from transformers import GPT2Config

    return tiny(GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=32), [END], eos_token=END)


def llama(tiny: Any, **how: Any) -> str:
    from transformers import LlamaConfig

    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32}
    config = LlamaConfig(hidden_size=16, intermediate_size=32, **sizes)
    return tiny(config, [END], **how)


def roberta(tiny: Any) -> str:
    from transformers import RobertaConfig

    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 26}
    config = RobertaConfig(hidden_size=16, intermediate_size=32, pad_token_id=1, **sizes)
    return tiny(config, ["<s>", "<pad>", "</s>"], pad_token="<pad>", eos_token="</s>")


def gpt2_from_the_left(tiny: Any) -> str:
    """Its tokenizer pads before the text, which moves the places that GPT-2 counts."""
    from transformers import GPT2Config

    config = GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=32, initializer_range=0.3)
    return tiny(config, [END, "<pad>"], eos_token=END, pad_token="<pad>", padding_side="left")


FAMILIES: dict[str, Callable[[Any], str]] = {
    "gpt2": gpt2,
    "gpt2, padded before the text": gpt2_from_the_left,
    "llama": lambda tiny: llama(tiny, eos_token=END, padding_side="left"),
    "llama without any mark": llama,
    "llama in bfloat16": lambda tiny: llama(tiny, half=True, eos_token=END),
    "roberta": roberta,
}


@pytest.mark.parametrize(
    "task", mark_slow_except(["classification", "regression"], ["classification"])
)
@pytest.mark.parametrize(
    "family", mark_slow_except(FAMILIES, ["gpt2", "gpt2, padded before the text", "llama"])
)
def test_families(family, task, tiny, fit, rows, labels, tmp_path) -> None:
    table = rows(task)
    found = fit(FAMILIES[family](tiny), table.iloc[:28], table.iloc[28:34], task, epochs=3)
    held = table.iloc[34:].copy()
    held["text"] = ["", "a", *held["text"].tolist()[2:]]
    together = found.model.predict(held)
    alone = np.concatenate([found.model.predict(held.iloc[i : i + 1]) for i in range(len(held))])
    assert found.model.model.dtype == torch.float32
    assert np.isfinite(together).all()
    assert alone == pytest.approx(together, abs=1e-4)
    registry.save(found.model, "x", labels(task), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), together)


@pytest.mark.parametrize(
    ("family", "longest"), [("gpt2", 32), ("llama without any mark", 32), ("roberta", 24)]
)
def test_longest_text(family, longest, tiny, fit, rows) -> None:
    """RoBERTa's 26 positions read 24 tokens: they count from behind the padding's."""
    table, folder = rows(), FAMILIES[family](tiny)
    long = table.assign(text=table["text"] * 5)
    fit(folder, long.iloc[:8], long.iloc[8:10], "classification", max_length=longest, epochs=1)
    with pytest.raises(FoldlineError, match=f"set max_length to {longest} or less"):
        fit(folder, long, long.iloc[:0], "classification", max_length=longest + 1)


def test_a_folder_that_holds_no_model(fit, rows, tmp_path, tiny_bert) -> None:
    table = rows()
    for name, content in (("empty", None), ("text", "hello"), ("json", '{"model_type": "no"}')):
        folder = tmp_path / name
        folder.mkdir()
        if content:
            (folder / "config.json").write_text(content)
        with pytest.raises(FoldlineError, match="holds no model that transformers can load"):
            fit(str(folder), table, table.iloc[:0], "classification")
    cut = Path(shutil.copytree(tiny_bert, tmp_path / "cut"))
    weights = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(FoldlineError, match="holds no model that transformers can load"):
        fit(str(cut), table, table.iloc[:0], "classification")


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("scratch", "model.safetensors"),
        ("scratch", "tokenizer.json"),
        ("scratch", "config.json"),
        ("scratch", "reading.json"),
        ("tfidf", "*.safetensors"),
        ("gbdt", "*.safetensors"),
    ],
)
def test_a_saved_model_that_was_cut_is_told(kind, file, fit, rows, labels, tmp_path) -> None:
    table, folder = rows(), tmp_path / "m"
    found = fit(kind, table, table.iloc[:0], "classification", epochs=1)
    registry.save(found.model, kind, labels("classification"), folder)
    (cut,) = folder.glob(file)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with pytest.raises(FoldlineError, match=f"{folder}.*dvc repro"):
        registry.load(folder)


def test_no_number_of_places_is_no_limit(fit, rows, tiny_bert, tmp_path) -> None:
    """XLNet says -1: it counts places by their distance alone."""
    from transformers import AutoTokenizer, XLNetConfig, XLNetModel

    table, folder = rows(), str(tmp_path / "m")
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer.save_pretrained(folder)
    config = XLNetConfig(d_model=16, n_layer=1, n_head=2, d_inner=32, vocab_size=len(tokenizer))
    XLNetModel(config).save_pretrained(folder)
    found = fit(folder, table, table.iloc[:0], "classification", epochs=1, max_length=600)
    assert np.isfinite(found.model.predict(table)).all()
    files = {"embed.encoder": folder}
    found = fit("embed", table, table.iloc[:0], "classification", max_length=600, files=files)
    assert found.summary["max_length"] == 600


def test_draws_of_no_dropout_are_not_compared(tiny, fit, rows) -> None:
    """LLaMA drops nothing, GPT-2 nothing before its head; an adapter may drop before itself."""
    table = rows().iloc[:16]
    parts = table, table.iloc[:0], "classification"
    dry, rdrop, samples = llama(tiny), {"train.rdrop": 1.0}, {"train.dropout_samples": 3}
    with pytest.raises(FoldlineError, match=r"train.rdrop=1.0 .* set train.rdrop to 0.0"):
        fit(dry, *parts, dotted=rdrop, epochs=1)
    for folder in (dry, gpt2(tiny)):
        with pytest.raises(FoldlineError, match=r"train.dropout_samples=3 .* set it to 1, or"):
            fit(folder, *parts, dotted=samples, epochs=1)
    adapted = {"train.lora": 2, "train.lora_alpha": 4.0, "train.lora_dropout": 0.1}
    for folder, dotted in ((gpt2(tiny), rdrop), (dry, rdrop | adapted), (roberta(tiny), samples)):
        assert fit(folder, *parts, dotted=dotted, epochs=1).history


@pytest.mark.parametrize("offline", [True, False])
def test_a_hub_id_without_a_network_ends_soon(offline, fit, rows, monkeypatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    for name in hub.PROXIES:
        monkeypatch.delenv(name, raising=False)
    table, begun = rows(), time.monotonic()
    with pytest.raises(FoldlineError, match=r"neither a kind .* nor a folder here") as told:
        fit("nobody/no-such-model", table, table.iloc[:0], "classification")
    assert time.monotonic() - begun < 3 * hub.TIMEOUT
    assert "download the model elsewhere" in str(told.value)


def test_a_misspelt_kind_is_guessed(fit, rows) -> None:
    table = rows()
    with pytest.raises(FoldlineError, match="Did you mean 'scratch'"):
        fit("scrach", table, table.iloc[:0], "classification")


def test_a_folder_of_the_project_is_guessed(fit, rows, monkeypatch) -> None:
    monkeypatch.setattr(hub, "list_local_models", lambda: ["models/pretrained/minilm"])
    table = rows()
    with pytest.raises(FoldlineError, match="Did you mean 'models/pretrained/minilm'"):
        fit("minilm", table, table.iloc[:0], "classification")


def test_a_tokenizer_of_another_language_is_refused(fit, rows) -> None:
    table = rows().assign(text="привет мир как дела")
    with pytest.raises(FoldlineError, match=r"100% of the tokens .* made for another language"):
        fit("pretrained", table, table.iloc[:0], "classification")


@pytest.mark.slow
def test_heads_of_another_size_are_made_anew(fit, rows, labels, tmp_path) -> None:
    """A model that was fine-tuned to numbers learns classes."""
    numbers, classes = rows("regression"), rows()
    first = fit("pretrained", numbers, numbers.iloc[:0], "regression", epochs=1)
    registry.save(first.model, "x", labels("regression"), tmp_path / "m")
    found = fit(str(tmp_path / "m"), classes, classes.iloc[:0], "classification", epochs=1)
    assert found.model.predict(classes).shape == (40, 3)
    assert found.model.model.config.problem_type == "single_label_classification"
