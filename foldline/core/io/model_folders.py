"""Folders with a pretrained model: why transformers could not open one, and what to name instead.

Only names and JSON are read, so that params.yaml is checked before anything heavy is imported.
"""

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from foldline.core.errors import listing

CONFIG, ADAPTER, MODULES = "config.json", "adapter_config.json", "modules.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZERS = ("tokenizer.json", "*vocab*", "*.model", "*.spm", "*.tiktoken", "*.tokenizer")
# Their tokens are bytes or characters, so they have no files.
WITHOUT_FILES = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
# Weights that transformers does not read, and what to take instead.
FOREIGN = {
    ".gguf": "GGUF is for llama.cpp and cannot be trained",
    ".onnx": "an ONNX graph cannot be trained",
    ".h5": "weights of TensorFlow are no longer read",
    ".msgpack": "weights of Flax are no longer read",
    ".ckpt": "a checkpoint of TensorFlow or Lightning is not read",
}
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_LFS = b"version https://git-lfs"


def find_problem(folder: Path, sentences: bool = False) -> str | None:
    """Return why a folder is no model for transformers and what to do, None if it may be one.

    `sentences`: a folder of sentence-transformers may keep its weights in a subfolder.
    """
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "it is empty"
    problem = _find_unreadable(folder) or _find_adapter(folder)
    if problem:
        return problem
    if (folder / MODULES).is_file() and not (folder / CONFIG).exists():
        part = folder / _encoder_path(folder / MODULES)
        if part != folder and part.is_dir():
            inner = find_problem(part)
            advice = f"it is a folder of sentence-transformers; name {part.as_posix()}"
            return inner if sentences or inner else advice
    if not (folder / CONFIG).exists():
        return _explain_missing(folder, f"no {CONFIG}", names)
    problem = _check_config(folder)
    if problem or "auto_map" in read_folder_json(folder / CONFIG):
        return problem  # with code of its own, which the loader refuses, files may be named freely
    return _check_weights(folder, names) or _check_tokenizer(folder)


def list_models(folder: Path) -> list[Path]:
    """Return the folders below a folder that hold a whole model, checkpoints by their number."""
    parents = {path.parent for path in folder.rglob(CONFIG)} - {folder}
    found = [path for path in parents if not find_problem(path)]
    return sorted(found, key=lambda path: (path.parent, _checkpoint_number(path), path.name))


def find_track_file(folder: Path) -> Path | None:
    """Return the .dvc file of a folder, or of one above it; None if DVC does not track it."""
    for path in (folder, *folder.parents):
        file = path.with_name(f"{path.name}.dvc") if path.name else None
        if file and file.is_file():
            return file
    return None


def explain_absence(folder: Path) -> str:
    """Return how to get a folder that is not here."""
    track_file = find_track_file(folder)
    if track_file:
        return f"run `dvc pull {track_file.as_posix()}`"
    # DVC runs an experiment in a copy of the project, with what git and DVC track.
    original = Path(os.environ.get("DVC_ROOT") or ".")
    if (original / folder).is_dir():
        track_file = find_track_file(original / folder)
        name = track_file.relative_to(original).as_posix() if track_file else ""
        advice = f"git add {name}" if track_file else f"dvc add {folder.as_posix()}"
        return (
            "it is in the project, but experiments run in a copy, which holds only what is "
            f"committed: run `{advice}`, commit its .dvc file, and run the experiment again"
        )
    models = sorted(path.as_posix() for path in folder.parent.glob("*") if path.is_dir())
    return f"in {folder.parent.as_posix()}/ is {listing(models, 5) or 'none'}"


def read_folder_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: if it is no JSON in UTF-8.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def _find_unreadable(folder: Path) -> str | None:
    """Find links to nothing, as in a copied cache of the hub, and pointers of git-lfs."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and not path.exists():
            return (
                f"{path.name} is a link to a file that is not here; copy the folder with "
                "`cp -rL`, which copies the files that links point to"
            )
        if path.is_file() and path.stat().st_size < 1024 and path.read_bytes().startswith(_LFS):
            return (
                f"{path.name} is a pointer of git-lfs instead of the file; run `git lfs pull` in "
                "the clone that it comes from, or download the model with `hf download`"
            )
    return None


def _find_adapter(folder: Path) -> str | None:
    if not (folder / ADAPTER).is_file():
        return None
    try:
        base = read_folder_json(folder / ADAPTER).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        base = None
    merged = f"save_pretrained('{folder.as_posix()}-merged')"
    return (
        f"it is a LoRA adapter, without the model that it changes; name that model"
        f"{f', {base}' if base else ''}, or merge the two in the program that trained it, and name "
        f"the new folder: model.merge_and_unload().{merged}; tokenizer.{merged}"
    )


def _check_config(folder: Path) -> str | None:
    try:
        config = read_folder_json(folder / CONFIG)
    except (ValueError, OSError) as error:
        return f"{CONFIG} is not JSON ({error}); copy it again from where the model comes from"
    if not isinstance(config, dict):
        return f"{CONFIG} must hold names and values; copy it again from where the model comes from"
    if not config.get("model_type"):
        return (
            f'{CONFIG} names no model_type; add the architecture to it, as "model_type": "bert", '
            "if you know it, or name another model"
        )
    return None


def _check_weights(folder: Path, names: list[str]) -> str | None:
    """Find weights that are missing, wholly or a part of them."""
    if set(names) & set(WEIGHTS):
        return None
    for index in (f"{name}.index.json" for name in WEIGHTS):
        if index in names:
            try:
                parts = set(read_folder_json(folder / index)["weight_map"].values())
            except (ValueError, LookupError, TypeError, AttributeError):
                return f"{index} is damaged; copy it again from where the model comes from"
            missing = sorted(parts - set(names))
            return (
                f"{listing(missing, 3)} of the weights that {index} names are missing; copy them "
                "from where the model comes from"
                if missing
                else None
            )
    return _explain_missing(folder, "no weights (model.safetensors)", names)


def _check_tokenizer(folder: Path) -> str | None:
    if any(next(folder.glob(pattern), None) for pattern in TOKENIZERS):
        return None
    with suppress(OSError, ValueError, AttributeError):
        config = read_folder_json(folder / "tokenizer_config.json")
        if str(config.get("tokenizer_class")).removesuffix("Fast") in WITHOUT_FILES:
            return None
    return (
        "it holds no tokenizer (tokenizer.json, vocab.txt or a sentencepiece model); copy the "
        "tokenizer's files from the model that it was trained from"
    )


def _explain_missing(folder: Path, what: str, names: list[str]) -> str:
    """Return what a folder holds in place of a model, and what to name or take instead."""
    models = list_models(folder)
    if models:
        found = listing((path.relative_to(folder).as_posix() for path in models), 5)
        checkpoints = all(_CHECKPOINT.fullmatch(path.name) for path in models)
        if len(models) == 1 or (checkpoints and len({path.parent for path in models}) == 1):
            return f"it holds {what}, but {found}; name {models[-1].as_posix()}"
        return f"it holds {what}, but {found}; name one of these, as {models[-1].as_posix()}"
    adapters = sorted(path.parent for path in folder.rglob(ADAPTER))
    if adapters:
        return f"it holds {what}, but {adapters[-1].as_posix()}: {_find_adapter(adapters[-1])}"
    for suffix, reason in FOREIGN.items():
        file = next((path for path in sorted(folder.rglob(f"*{suffix}"))), None)
        if file:
            return (
                f"it holds {what}, but {file.relative_to(folder).as_posix()}: {reason}. Take the "
                "model's folder with model.safetensors, as `hf download` writes it"
            )
    weights = [name for name in names if name.endswith((".safetensors", ".bin", ".pt", ".pth"))]
    held = f"it holds {what}, but {listing(names, 5)}"
    if weights and not (folder / CONFIG).exists():
        return f"{held}; copy {CONFIG} and the tokenizer's files there from where they come from"
    if weights:
        return f"{held}; weights must be named model.safetensors, so rename {weights[0]} if it is"
    return f"{held}; name a folder with {CONFIG}, model.safetensors and the tokenizer's files"


def _encoder_path(modules: Path) -> str:
    """Return the subfolder of the transformer that sentence-transformers names first."""
    try:
        return str(read_folder_json(modules)[0]["path"])
    except (ValueError, LookupError, TypeError):
        return ""


def _checkpoint_number(path: Path) -> int:
    match = _CHECKPOINT.fullmatch(path.name)
    return int(match[1]) if match else -1
