"""The advice in messages about models that do not fit: each is followed, and the model opens."""

import json
import re
import shutil
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.encoders import foreign_code, hub
from foldline.encoders.model_check import check_model
from foldline.encoders.sentence_encoder import open_encoder
from foldline.models import registry
from tests.encoders.test_model_sizes import NEW, copy_model
from tests.helpers.advice import read_settings

PARTS = ("Transformer", "Pooling")


def copy_files(source: str, folder: str, *patterns: str) -> None:
    for pattern in patterns:
        for file in Path(source).glob(pattern):
            shutil.copy(file, folder)


def refusal(key: str, folder: str, max_length: int = 24) -> str:
    with pytest.raises(FoldlineError) as caught:
        open_encoder(key, folder, max_length, 1)
    return str(caught.value)


@pytest.fixture
def folder(tiny_bert, tmp_path) -> str:
    return copy_model(tiny_bert, tmp_path / "m")


def test_the_length_that_is_named_is_read(folder) -> None:
    with pytest.raises(FoldlineError, match="is more than the 32 tokens") as caught:
        check_model("model", folder, 99)
    (settings,) = read_settings(str(caught.value))
    check_model("model", folder, settings["max_length"])


@pytest.mark.parametrize("way", ["resize", "copy"])
def test_tokens_get_embeddings_by_either_way_that_is_named(way, tiny_bert, tmp_path) -> None:
    from transformers import AutoModel

    folder = copy_model(tiny_bert, tmp_path / "m", NEW)
    message = refusal("embed.encoder", folder)
    assert "Copy the tokenizer's files again from where the model comes from" in message
    if way == "copy":
        copy_files(tiny_bert, folder, "tokenizer*", "special*", "added*")
    else:
        model = AutoModel.from_pretrained(folder)
        model.resize_token_embeddings(
            int(re.search(r"resize_token_embeddings\((\d+)\)", message)[1])
        )
        model.save_pretrained(folder)
    assert open_encoder("embed.encoder", folder, 24, 1).encode(["new0"]).size


def test_a_tokenizer_without_a_vocabulary_gets_the_file_that_is_named(tiny_bert, folder) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        Path(folder, name).unlink()
    Path(folder, "vocab.bin").write_text("of another program")
    message = refusal("embed.encoder", folder)
    assert "copy tokenizer.json" in message
    copy_files(tiny_bert, folder, "tokenizer.json")
    assert open_encoder("embed.encoder", folder, 24, 1).encode(["a"]).size


def test_config_and_weights_of_one_model_fit(tiny_bert, tmp_path) -> None:
    folder = copy_model(tiny_bert, tmp_path / "m", num_hidden_layers=3)
    assert "copy config.json and the weights again from the same model" in refusal(
        "embed.encoder", folder
    )
    copy_files(tiny_bert, folder, "config.json", "*.safetensors")
    assert open_encoder("embed.encoder", folder, 24, 1).encode(["a"]).size


def test_the_folder_around_a_part_of_an_encoder_is_named(tiny_bert, tmp_path) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(tiny_bert, kept / "0_Transformer")
    (kept / "1_Pooling").mkdir()
    (kept / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    parts = [{"path": f"{n}_{part}", "type": f"x.{part}"} for n, part in enumerate(PARTS)]
    (kept / "modules.json").write_text(json.dumps(parts))
    message = refusal("embed.encoder", str(kept / "0_Transformer"))
    named = re.search(r"beside it; name (\S+)", message)[1].rstrip(")")
    assert open_encoder("embed.encoder", named, 24, 1).encode(["a"]).size


def test_an_encoder_that_changed_is_loaded_when_the_former_one_is_restored(
    folder, fit, rows, labels, workplace
) -> None:
    table = rows()
    found = fit("embed", table, table.iloc[:0], "classification", files={"embed.encoder": folder})
    registry.save(found.model, "embed", labels("classification"), Path("saved"))
    Path(folder, "notes.txt").write_text("changed")
    with pytest.raises(FoldlineError, match="restore the former one, or run `dvc repro`"):
        registry.load(Path("saved"))
    Path(folder, "notes.txt").unlink()
    assert registry.load(Path("saved"))


def test_the_model_of_the_project_that_is_listed_is_loaded(workplace, tiny_bert) -> None:
    shutil.copytree(tiny_bert, "models/pretrained/minilm")
    message = refusal("embed.encoder", "models/pretrained/none")
    named = re.search(r"in models/pretrained/ is ([^\s)]+)", message)[1]
    assert open_encoder("embed.encoder", named, 24, 1).encode(["a"]).size
    assert hub.list_local_models() == [named]


def test_code_that_is_not_allowed_leaves_a_model_that_needs_none(tiny_bert, workplace) -> None:
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.M"}}
    folder = copy_model(tiny_bert, workplace / "m", **own)
    Path(folder, "own.py").write_text("")
    message = refusal("embed.encoder", folder)
    (settings,) = read_settings(message)
    assert settings == {foreign_code.KEY: foreign_code.hash_code(Path(folder))}
    assert "choose a model that transformers has code for" in message
    assert open_encoder("embed.encoder", tiny_bert, 24, 1).encode(["a"]).size
