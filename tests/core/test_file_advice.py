"""Advice on folders and files of a project is tried by following it."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from foldline.core import pinned_library
from foldline.core.errors import FoldlineError
from foldline.core.io.model_folders import explain_absence, find_problem
from foldline.core.params.loading import read_params
from foldline.core.paths import check_root
from foldline.core.recorded_hashes import read_plain_yaml
from foldline.core.yaml_files import read_yaml
from tests.helpers.git_projects import git, make_repository
from tests.helpers.model_folders import write_model_folder
from tools.build_wheel import build_wheel, list_library_files

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path("models/pretrained/m")
BERT = '{"model_type": "bert"}'
INDEX = '{"weight_map": {"a": "one.safetensors"}}'
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0"
SOUND = {"config.json": BERT, "model.safetensors": "x", "vocab.txt": "[UNK]"}

# Files of a model's folder, the words of advice, and files that follow it (None: removed).
MODELS: list[tuple[dict[str, str], str, dict[str, str | None]]] = [
    (SOUND | {"config.json": "{"}, "copy it again from where the model", {"config.json": BERT}),
    (SOUND | {"config.json": "[]"}, "copy it again from where the model", {"config.json": BERT}),
    (SOUND | {"config.json": "{}"}, 'add the architecture to it, as "model_type": "bert"',
     {"config.json": BERT}),
    (SOUND | {"model.safetensors": POINTER}, "run `git lfs pull`", {"model.safetensors": "x"}),
    ({"config.json": BERT, "vocab.txt": "x", "model.safetensors.index.json": "{}"},
     "model.safetensors.index.json is damaged; copy it again",
     {"model.safetensors.index.json": INDEX, "one.safetensors": "x"}),
    ({"config.json": BERT, "vocab.txt": "x", "model.safetensors.index.json": INDEX},
     "one.safetensors of the weights", {"one.safetensors": "x"}),
    ({"config.json": BERT, "model.safetensors": "x"}, "copy the tokenizer's files",
     {"vocab.txt": "[UNK]"}),
    ({"config.json": BERT, "vocab.txt": "x", "weights.safetensors": "x"},
     "must be named model.safetensors, so rename weights.safetensors",
     {"weights.safetensors": None, "model.safetensors": "x"}),
    ({"model.safetensors": "x"}, "copy config.json and the tokenizer's files there",
     {"config.json": BERT, "vocab.txt": "[UNK]"}),
    ({"m.gguf": "x"}, "Take the model's folder with model.safetensors", {**SOUND}),
]  # fmt: skip


def write_files(folder: Path, files: dict[str, str | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(("files", "advice", "edits"), MODELS)
def test_advice_on_models(workplace, files, advice, edits):
    write_files(MODEL, files)
    assert advice in (find_problem(MODEL) or "")

    write_files(MODEL, edits)
    assert find_problem(MODEL) is None


def test_one_of_several_models_is_named(workplace):
    for name in ("best", "checkpoint-2"):
        write_model_folder(MODEL / name)
    (named,) = re.findall(r"name one of these, as (\S+)", find_problem(MODEL) or "")

    assert find_problem(Path(named)) is None


def test_a_cache_of_links_is_copied_by_the_command_that_is_named(workplace):
    write_files(Path("cache/blobs"), {"0123": BERT})
    write_files(Path("cache/model"), SOUND)
    Path("cache/model/config.json").unlink()
    Path("cache/model/config.json").symlink_to("../blobs/0123")
    MODEL.mkdir(parents=True)
    (MODEL / "config.json").symlink_to("../blobs/0123")
    (command,) = re.findall(r"copy the folder with `([^`]+)`", find_problem(MODEL) or "")

    (MODEL / "config.json").unlink()
    MODEL.rmdir()
    subprocess.run([*shlex.split(command), "cache/model", str(MODEL)], check=True)
    assert find_problem(MODEL) is None


def test_the_model_that_an_experiment_lacks_is_committed_as_the_message_says(
    workplace, monkeypatch
):
    write_model_folder(MODEL)
    Path("copy").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(workplace))
    monkeypatch.chdir("copy")
    (command,) = re.findall(r"run `([^`]+)`, commit its \.dvc file", explain_absence(MODEL))
    assert command == f"dvc add {MODEL}"

    make_repository(workplace, {f"{MODEL}.dvc": "outs: []"})
    (command,) = re.findall(r"run `([^`]+)`, commit its \.dvc file", explain_absence(MODEL))
    git(workplace, *shlex.split(command)[1:])
    git(workplace, "commit", "-q", "--allow-empty", "-m", "add")
    assert f"{MODEL}.dvc" in git(workplace, "ls-files")


def test_the_root_is_where_the_message_says(workplace, monkeypatch):
    for name in ("a project", "other"):
        (workplace / name / "data").mkdir(parents=True)
        for file in ("params.yaml", "dvc.yaml"):
            (workplace / name / file).touch()
    for start in ("a project/data", "."):
        if start == ".":
            (workplace / "other/dvc.yaml").unlink()
        with pytest.raises(FoldlineError) as caught:
            check_root((workplace / start).resolve())
        (target,) = re.findall(r"Next: cd (.+), then", str(caught.value))
        monkeypatch.chdir(workplace / start)
        monkeypatch.chdir(shlex.split(target)[0])
        check_root(Path.cwd())
        monkeypatch.chdir(workplace)


@pytest.mark.parametrize(
    ("content", "advice", "mended"),
    [
        (b"a:\n\tb: 1\n", "Indent with spaces", b"a:\n  b: 1\n"),
        (b"a: [1\nb: 2\n", "Correct that line", b"a: [1]\nb: 2\n"),
        ("a: \uac00\n".encode("cp949"), "Save the file as UTF-8", "a: \uac00\n".encode()),
    ],
)
def test_advice_on_yaml(workplace, content, advice, mended):
    file = Path("params.yaml")
    file.write_bytes(content)
    with pytest.raises(FoldlineError, match=advice):
        read_yaml(file)

    file.write_bytes(mended)
    assert read_yaml(file)


@pytest.mark.parametrize(
    ("name", "damaged", "read"),
    [("params.yaml", "", read_params), ("dvc.lock", "a: [\n<<<<", read_plain_yaml)],
)
def test_a_file_returns_to_the_commit_as_the_message_says(workplace, name, damaged, read):
    make_repository(workplace, {name: "seed: 1\n"})
    Path(name).write_text(damaged, encoding="utf-8")
    with pytest.raises(FoldlineError) as caught:
        read(Path(name))
    (command,) = re.findall(r"`git (restore [^`]+)`", str(caught.value))

    git(workplace, *shlex.split(command))
    assert read(Path(name))


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    """Make a repository that pins the imported library by its wheel, as inside of a stage."""
    name, content = build_wheel(ROOT, list_library_files(ROOT))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / name).write_bytes(content)
    make_repository(tmp_path, {})
    monkeypatch.setenv("DVC_STAGE", "train")
    return tmp_path


def refused(project: Path) -> str:
    with pytest.raises(FoldlineError) as caught:
        pinned_library.check_library(project)
    return str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_the_wheel_returns_to_the_commit_as_the_message_says(pinned, damage):
    (wheel,) = (pinned / "wheels").iterdir()
    wheel.write_bytes(wheel.read_bytes()[:1000])
    if damage == "removed":
        wheel.unlink()
    (command,) = re.findall(r"`git (checkout [^`]+)`", refused(pinned))

    git(pinned, *shlex.split(command))
    pinned_library.check_library(pinned)


def test_the_other_wheel_is_deleted_as_the_message_says(pinned):
    other = pinned / "wheels/foldline-0.0.1-py3-none-any.whl"
    other.touch()
    assert "delete all but the one to use" in refused(pinned)

    other.unlink()
    pinned_library.check_library(pinned)


def test_a_source_that_no_stage_depends_on_is_removed_as_the_message_says(pinned, monkeypatch):
    (pinned / "dvc.yaml").write_text(json.dumps({"deps": ["wheels/foldline-1.whl"]}))
    (pinned / "foldline").mkdir()
    (pinned / "foldline/__init__.py").touch()
    monkeypatch.setattr(pinned_library, "PACKAGE", pinned / "foldline")
    assert "or remove ./foldline to use the wheel" in refused(pinned)

    (pinned / "foldline/__init__.py").unlink()
    monkeypatch.undo()
    pinned_library.check_library(pinned)
