"""Sizes that do not fit are found when a model is loaded, before it is trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from foldline.augmentation import translator
from foldline.core.errors import FoldlineError
from foldline.encoders import hub, model_sizes
from foldline.encoders.model_check import check_model
from foldline.encoders.sentence_encoder import open_encoder
from foldline.models import registry
from foldline.models.neural.adversarial import EmbeddingPerturbation
from tests.helpers.tiny_models import CONFIGS, EAGER_ONLY

NEW = [f"new{i}" for i in range(7)]


def copy_model(source: str, folder: Path, tokens: list[str] = (), **config: Any) -> str:
    """Copy a model, add tokens to its tokenizer alone, and change its config."""
    from transformers import AutoTokenizer

    shutil.copytree(source, folder)
    if tokens:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_tokens(tokens)
        tokenizer.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return str(folder)


def drop_weights(folder: str, part: str) -> None:
    path = Path(folder) / "model.safetensors"
    weights = {name: value for name, value in load_file(path).items() if part not in name}
    save_file(weights, path, {"format": "pt"})


@pytest.fixture
def fit_rows(fit, rows):
    def train(name: str, **how: Any) -> Any:
        return fit(name, rows(), rows().iloc[:0], "classification", epochs=1, **how)

    return train


def test_embeddings_are_enlarged_with_a_note(
    fit_rows, rows, labels, tiny_bert, tmp_path, capsys
) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", NEW)
    texts = rows().assign(text="new0 new6 " + rows()["text"])
    found = fit_rows(folder)
    had = model_sizes.count_tokens(hub.load_tokenizer(tiny_bert))
    assert model_sizes.count_embeddings("m", found.model.model) == had + 7
    note = capsys.readouterr().out
    assert f"has {had + 7} tokens and the model had embeddings of {had}: 7 new ones" in note
    registry.save(found.model, folder, labels("classification"), tmp_path / "saved")
    again = registry.load(tmp_path / "saved").predict(texts)
    assert again == pytest.approx(found.model.predict(texts))
    assert fit_rows(folder).model.predict(texts) == pytest.approx(again)  # the same in every run


def test_embeddings_are_enlarged_for_pretraining_too(fit_rows, tiny_bert, tmp_path) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", NEW)
    assert fit_rows(folder, dotted={"pretrain.epochs": 1}).summary["pretrain_steps"] > 0


@pytest.mark.parametrize("option", [{"train.lora": 2}, {"train.trainable_layers": "head"}])
def test_new_embeddings_that_would_not_be_trained_are_refused(
    option, fit_rows, tiny_bert, tmp_path
) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", NEW)
    with pytest.raises(FoldlineError, match=r"resize_token_embeddings\(\d+\)"):
        fit_rows(folder, dotted=option)


def test_the_tokenizer_of_another_model_is_refused(fit_rows, tiny_bert, tmp_path) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", [f"n{i}" for i in range(500)])
    with pytest.raises(FoldlineError, match="the tokenizer is another model's"):
        fit_rows(folder)


@pytest.mark.parametrize("kind", ["embed", "zero-shot"])
def test_frozen_models_refuse_tokens_without_an_embedding(
    kind, fit_rows, tiny_bert, tiny_nli, tmp_path
) -> None:
    key = {"embed": "embed.encoder", "zero-shot": "zero_shot.model"}[kind]
    folder = copy_model(tiny_nli if kind == "zero-shot" else tiny_bert, tmp_path / "m", NEW)
    with pytest.raises(FoldlineError, match=rf"{key}=.* tokens and its model embeddings of"):
        fit_rows(kind, files={key: folder})


def test_translation_models_refuse_tokens_without_an_embedding(tmp_path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    source = tmp_path / "t5"
    config = T5Config(
        vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    T5ForConditionalGeneration(config).save_pretrained(source)
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"w{i}": i for i in range(20)}
    spelling = Tokenizer(models.WordLevel(words, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=spelling, unk_token="w0").save_pretrained(source)
    with pytest.raises(FoldlineError, match=r"has 20 tokens and its model embeddings of 9"):
        translator._load_model(str(source))


def test_a_checkpoint_without_tokenizer_files_is_refused(fit_rows, tiny_bert, tmp_path) -> None:
    """transformers would make a tokenizer of five special tokens."""
    folder = Path(copy_model(tiny_bert, tmp_path / "m"))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(FoldlineError, match="holds no tokenizer"):
        fit_rows(str(folder))
    (folder / "tokenizer_config.json").unlink()
    (folder / "vocab.bin").write_text("of another program")
    with pytest.raises(FoldlineError, match=r"only 5 special tokens; copy tokenizer.json"):
        fit_rows(str(folder))


@pytest.mark.parametrize(
    ("change", "part", "message"),
    [
        ({"num_hidden_layers": 3}, "nothing", r"layer.1.attention.* missing or unknown"),
        ({"vocab_size": 500}, "nothing", r"word_embeddings.weight is \[\d+, 16\] in the file and"),
        ({}, "word_embeddings", r"word_embeddings.weight missing"),
        ({"hidden_size": 32}, "nothing", r"is \[16\] in the file and \[32\] by it"),
    ],
)
def test_an_encoder_that_would_be_partly_random_is_refused(
    change, part, message, fit_rows, tiny_bert, tmp_path
) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", **change)
    drop_weights(folder, part)
    with pytest.raises(FoldlineError, match=f"do not fit its config.json: .*{message}"):
        fit_rows(folder)
    if not change.keys() & {"vocab_size", "hidden_size"}:  # transformers refuses these by itself
        with pytest.raises(FoldlineError, match=f"do not fit its config.json: .*{message}"):
            open_encoder("embed.encoder", folder, 24, 1)


def test_a_pooler_may_be_missing(fit_rows, tiny_bert, tmp_path) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m")
    drop_weights(folder, "pooler")
    assert fit_rows(folder).summary
    assert open_encoder("embed.encoder", folder, 24, 1).encode(["a"]).shape == (1, 16)


@pytest.mark.parametrize("family", [*CONFIGS, *EAGER_ONLY])
def test_so_many_tokens_can_be_read(family) -> None:
    """As many as `max_positions` says; one more is an error, or there is no limit."""
    import torch
    from transformers import AutoModel

    config = (CONFIGS | EAGER_ONLY)[family]()
    if getattr(config, "max_position_embeddings", 0) > 0:
        config.max_position_embeddings = 40
    model = AutoModel.from_config(config).eval()
    longest = model_sizes.max_positions(model)
    unlimited = family in ("xlnet", "deberta-v2")
    assert (longest is None) == unlimited
    with torch.inference_mode():
        read = longest or 600
        assert model(torch.full((1, read), 4)).last_hidden_state.shape[1] == read
        if longest and family not in ("llama", "modernbert"):  # these count by rotation
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.full((1, longest + 1), 4))


def test_a_shorter_limit_of_the_tokenizer_is_noted(fit_rows, tiny_bert, tmp_path, capsys) -> None:
    folder = Path(copy_model(tiny_bert, tmp_path / "m"))
    own = json.loads((folder / "tokenizer_config.json").read_text()) | {"model_max_length": 12}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    fit_rows(str(folder))
    assert "was made for 12 tokens, and max_length is 24" in capsys.readouterr().out


def test_a_model_of_characters_has_no_tokens_to_compare(fit_rows, tmp_path, capsys) -> None:
    """And none to perturb: the message about that names what works."""
    from transformers import CanineConfig, CanineModel, CanineTokenizer

    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}
    hashes = {"num_hash_functions": 2, "num_hash_buckets": 64, "downsampling_rate": 2}
    config = CanineConfig(
        hidden_size=16, intermediate_size=16, local_transformer_stride=16, **sizes, **hashes
    )
    model = CanineModel(config)
    with pytest.raises(FoldlineError, match=r"fgm does not support Canine.*; use awp or none"):
        EmbeddingPerturbation(model, 1.0)
    model.save_pretrained(tmp_path)
    CanineTokenizer().save_pretrained(tmp_path)
    assert fit_rows(str(tmp_path)).summary
    assert "note: the token embeddings" not in capsys.readouterr().out


def test_embeddings_that_a_model_does_not_declare_are_compared_all_the_same(
    fit_rows, tiny_bert, tmp_path, monkeypatch
) -> None:
    """As code that a model brings often does not."""
    from transformers import BertModel, PreTrainedModel

    def declare_nothing(model: Any) -> None:
        raise NotImplementedError

    model = BertModel.from_pretrained(tiny_bert)
    expected = model.get_input_embeddings()
    more = copy_model(tiny_bert, tmp_path / "more", NEW)
    monkeypatch.setattr(PreTrainedModel, "get_input_embeddings", declare_nothing)
    assert model_sizes.find_embeddings(model) is expected
    assert fit_rows(tiny_bert).summary
    with pytest.raises(FoldlineError, match="tokens and its model embeddings of"):
        fit_rows(more)  # they could not be resized


def test_embeddings_that_are_not_found_are_noted_once(capsys) -> None:
    from transformers import PerceiverConfig, PerceiverModel, PerceiverTokenizer

    config = PerceiverConfig(
        num_latents=4, d_latents=16, d_model=8, num_self_attends_per_block=1, num_blocks=1
    )
    model, tokenizer = PerceiverModel(config), PerceiverTokenizer()
    for _ in range(2):
        model_sizes.check_vocabulary("model", "some/perceiver", tokenizer, model)
    assert capsys.readouterr().out.count("embeddings of some/perceiver were not found") == 1


def test_zero_shot_refuses_texts_that_are_too_long(fit_rows, tiny_nli) -> None:
    with pytest.raises(FoldlineError, match=r"max_length=33 is more than the 32 tokens"):
        fit_rows("zero-shot", max_length=33, files={"zero_shot.model": tiny_nli})


def test_a_check_reads_config_and_tokenizer_alone(tiny_bert, tmp_path) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m")
    (Path(folder) / "model.safetensors").write_bytes(b"none of these bytes is read")
    check_model("model", folder, 32)
    with pytest.raises(FoldlineError, match=r"max_length=33 is more than the 32 tokens"):
        check_model("model", folder, 33)
    more = copy_model(tiny_bert, tmp_path / "more", NEW)
    check_model("model", more, 32)
    with pytest.raises(FoldlineError, match="tokens and its model embeddings of"):
        check_model("embed.encoder", more, 32)
