"""Folders that look like models, and a cache of the hub that holds one."""

import json
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_model_folder(folder: Path, **config: object) -> Path:
    """Write the files by which a model is recognised; the weights are none."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"} | config))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    return folder


def write_cached_model(
    monkeypatch: pytest.MonkeyPatch, cache: Path, name: str, files: dict[str, str]
) -> Path:
    """Write a hub id into an empty cache, offline; return the folder of its snapshot."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    for file, content in files.items():
        (snapshot / file).write_text(content)
    return snapshot
