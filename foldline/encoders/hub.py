"""Models in local folders or on the Hugging Face hub: loading, versions, error messages."""

import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import digest
from foldline.core.params.value_types import PRETRAINED

TIMEOUT = 5.0  # seconds
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def use_local_files(name: str) -> bool:
    """Return whether a model must be loaded from disk: it is a folder, or the hub is offline."""
    return Path(name).is_dir() or not is_reachable()


def cached_commit(name: str) -> str | None:
    """Return the cached commit of a hub id; None for a folder, or what is not cached.

    No network access: a model that was loaded is in the cache.
    """
    if Path(name).is_dir():
        return None
    from transformers import AutoConfig

    try:
        commit = AutoConfig.from_pretrained(name, local_files_only=True)._commit_hash
    except (OSError, ValueError):
        return None
    return None if commit is None else str(commit)


def is_reachable() -> bool:
    """Return whether the hub can be reached; its own client retries for most of a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if any(os.environ.get(name) for name in PROXIES):
        return True
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=TIMEOUT).close()
    except OSError:
        return False
    return True


def read_config(name: str, file: str, local: bool, revision: str | None = None) -> Any:
    """Read a JSON file of a model in a folder or on the hub; None if it has none."""
    from transformers.utils.hub import cached_file

    if Path(name).is_dir():
        path: Any = Path(name) / file
        path = path if path.exists() else None
    else:
        path = cached_file(
            name,
            file,
            revision=revision,
            local_files_only=local,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
        )
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))


def load_frozen(
    key: str, source: dict[str, Any], kind: str, since: str, folder: str = ""
) -> tuple[Any, Any, str | None]:
    """Load a tokenizer and a frozen model, and return them with their digest or commit.

    `source` holds their `name`, and the expected `content` if they must not have changed; `kind` is
    a class of transformers, `key` the param that names them.

    Raises:
        FoldlineError: if they cannot be loaded, or have changed.
    """
    name, local = source["name"], Path(source["name"]).is_dir()
    content = source.get("content")
    try:
        tokenizer, model = _load(name, kind, folder, None if local else content)
    except Exception as error:  # each library raises its own errors
        raise loading_error(key, name, error) from error
    current = digest(Path(name)) if local else getattr(model.config, "_commit_hash", None)
    if content not in (None, current):
        raise FoldlineError(
            f"{key}={name} has changed since {since}: restore the former one, or run `dvc repro`"
        )
    return tokenizer, model, current


def fix_token_types(tokenizer: Any, model: Any) -> None:
    """Remove token types from a BERT tokenizer whose model, like KLUE's RoBERTa, has only one.

    The second text of a pair would be looked up outside of the embedding table.
    """
    tables = [m for name, m in model.named_modules() if name.endswith("token_type_embeddings")]
    if any(table.num_embeddings < 2 for table in tables):
        names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
        tokenizer.model_input_names = names
        tokenizer.init_kwargs["model_input_names"] = names  # saved with the tokenizer


def loading_error(key: str, name: str, error: Exception) -> FoldlineError:
    """Return the error for a param that names no loadable model."""
    return FoldlineError(
        f"{key}={name} cannot be loaded: name a folder under models/pretrained/ that holds a "
        f"model, or a Hugging Face id. ({explain_error(name, error)})"
    )


def explain_error(name: str, error: Exception) -> str:
    """Return why a model cannot be loaded: what its folder lacks, else the library's error."""
    path = Path(name)
    if path.is_dir() and not any(path.rglob("config.json")):
        files = sorted(file.name for file in path.iterdir())
        if not files:
            return "the folder is empty"
        return f"the folder holds no config.json, but {listing(files, 5)}"
    if not path.exists() and (
        len(path.parts) > 2 or path.is_absolute() or path.parts[:1] == ("..",)
    ):
        models = listing(list_local_models(), 5) or "none"
        return f"there is no such folder; in {PRETRAINED} is {models}"
    return format_error(error)


def list_local_models() -> list[str]:
    """Return the model folders in the project."""
    return sorted(path.as_posix() for path in Path(PRETRAINED).glob("*") if path.is_dir())


def format_error(error: Exception) -> str:
    """Return a library's error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _load(name: str, kind: str, folder: str, revision: str | None) -> tuple[Any, Any]:
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    offline = use_local_files(name)
    options = {"local_files_only": offline, "revision": revision or "main", "subfolder": folder}
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
    model = getattr(transformers, kind).from_pretrained(name, dtype="float32", **options)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    fix_token_types(tokenizer, model)
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
