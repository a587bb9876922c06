"""Folders that transformers cannot open: what they hold, and a next step that works."""

import json
import re
from pathlib import Path

import pytest

from foldline.core.io.model_folders import find_problem
from foldline.core.params.value_types import check_local_model
from tests.helpers.model_folders import write_model_folder


@pytest.fixture
def folder(workplace) -> Path:
    """Return an empty folder, named from the project's root."""
    path = Path("models/pretrained/m")
    path.mkdir(parents=True)
    return path


def test_a_model_has_no_problem(folder) -> None:
    assert find_problem(write_model_folder(folder)) is None


def test_code_of_its_own_is_left_to_the_loader(folder) -> None:
    """It refuses the code, which matters more than files that are missing."""
    config = {"model_type": "x", "auto_map": {"AutoConfig": "modeling_x.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert find_problem(folder) is None


@pytest.mark.parametrize(
    ("below", "named"),
    [
        (["checkpoint-500"], "checkpoint-500"),
        (["checkpoint-900", "checkpoint-1000", "checkpoint-20"], "checkpoint-1000"),
        (["runs/checkpoint-7", "runs/checkpoint-12"], "runs/checkpoint-12"),
        (["klue-roberta"], "klue-roberta"),
        (["models--a--b/snapshots/0123"], "models--a--b/snapshots/0123"),
    ],
)
@pytest.mark.parametrize("has_config", [False, True])
def test_the_folder_below_is_named_and_can_be_used(below, named, has_config, folder) -> None:
    for name in below:
        write_model_folder(folder / name)
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "trainer_state.json").write_text("{}")
    if has_config:
        (folder / "config.json").write_text('{"model_type": "bert"}')
    problem = find_problem(folder) or ""
    lacks = "no weights" if has_config else "no config.json"
    assert problem.startswith(f"it holds {lacks}") and f"but {below[-1][:5]}" in problem
    (advice,) = re.findall(r"; name (\S+)$", problem)
    assert advice == (folder / named).as_posix()
    assert find_problem(Path(advice)) is None


def test_several_models_below_are_listed(folder) -> None:
    for name in ("best", "checkpoint-2"):
        write_model_folder(folder / name)
    problem = find_problem(folder) or ""
    assert "but best, checkpoint-2" in problem and "name one of these" in problem


def test_a_folder_with_a_model_and_checkpoints_is_a_model(folder) -> None:
    write_model_folder(folder / "checkpoint-2")
    assert find_problem(write_model_folder(folder)) is None


@pytest.mark.parametrize("key", ["model", "encoder"])
def test_sentence_transformers_keep_weights_in_a_subfolder(key, folder) -> None:
    write_model_folder(folder / "0_Transformer")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    modules = [{"path": "0_Transformer", "type": "x.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    if key == "encoder":
        assert check_local_model(key, folder.as_posix())
        return
    with pytest.raises(ValueError, match=r"name models/pretrained/m/0_Transformer$"):
        check_local_model(key, folder.as_posix())


PROBLEMS = {
    "empty": ({}, "it is empty"),
    "adapter": (
        {"adapter_config.json": '{"base_model_name_or_path": "klue/bert"}', "config.json": "{}"},
        r"LoRA adapter.*name that model, klue/bert, or merge.*merge_and_unload\(\)",
    ),
    "adapter below": ({"checkpoint-3/adapter_config.json": "{}"}, r"checkpoint-3: it is a LoRA"),
    "gguf": ({"m-q4.gguf": "x"}, r"m-q4.gguf: GGUF .* Take the model's folder"),
    "onnx": ({"onnx/model.onnx": "x", "config.json": '{"model_type": "bert"}'}, "an ONNX graph"),
    "tensorflow": ({"tf_model.h5": "x", "config.json": '{"model_type": "bert"}'}, "TensorFlow"),
    "flax": ({"flax_model.msgpack": "x", "config.json": '{"model_type": "bert"}'}, "Flax"),
    "only weights": ({"model.safetensors": "x"}, r"but model.safetensors; copy config.json"),
    "other name": (
        {"weights.safetensors": "x", "config.json": '{"model_type": "bert"}'},
        "rename weights.safetensors",
    ),
    "cut config": ({"config.json": '{"model_type"'}, "config.json is not JSON"),
    "no type": ({"config.json": "{}", "model.safetensors": "x"}, "names no model_type"),
    "list": ({"config.json": "[]"}, "must hold names and values"),
    "pointer": (
        {"model.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:0"},
        "model.safetensors is a pointer of git-lfs .* `git lfs pull`",
    ),
    "part": (
        {
            "config.json": '{"model_type": "bert"}',
            "model.safetensors.index.json": '{"weight_map": {"a": "one.safetensors"}}',
        },
        "one.safetensors of the weights .* are missing",
    ),
    "no tokenizer": (
        {"config.json": '{"model_type": "bert"}', "model.safetensors": "x"},
        "holds no tokenizer",
    ),
    "text": ({"readme.txt": "hello"}, "but readme.txt; name a folder with config.json"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_is_no_model_is_named(name, folder) -> None:
    files, message = PROBLEMS[name]
    for file, content in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(content)
    with pytest.raises(ValueError, match=rf"^model: {folder.as_posix()} holds no .*{message}"):
        check_local_model("model", folder.as_posix())


def test_a_merged_adapter_is_a_model(folder, tiny_bert) -> None:
    """What the message says works, where the adapter was trained."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    model = get_peft_model(AutoModel.from_pretrained(tiny_bert), LoraConfig(r=2))
    model.save_pretrained(folder)
    problem = find_problem(folder) or ""
    assert f"name that model, {tiny_bert}, or" in problem and find_problem(Path(tiny_bert)) is None
    exec(problem.partition("the new folder: ")[2], {"model": model, "tokenizer": tokenizer})
    assert find_problem(Path(f"{folder}-merged")) is None


def test_a_copied_cache_of_the_hub_has_links_to_nothing(folder) -> None:
    (folder / "config.json").symlink_to("../../blobs/0123")
    assert "config.json is a link to a file that is not here" in (find_problem(folder) or "")


def test_a_folder_that_only_dvc_has_is_pulled(workplace) -> None:
    Path("models/pretrained").mkdir(parents=True)
    Path("models/pretrained/m.dvc").write_text("outs: []")
    with pytest.raises(ValueError, match=r"run `dvc pull models/pretrained/m.dvc`"):
        check_local_model("model", "models/pretrained/m/")
