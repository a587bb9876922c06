"""Models in local folders or on the Hugging Face hub: loading, versions, error messages.

Every `from_pretrained` of the library is here, so that none runs code that a model brings.
"""

import os
import socket
import subprocess
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from foldline.core.environment import install_command
from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import digest
from foldline.core.io.model_folders import find_problem, find_track_file, read_folder_json
from foldline.core.params.value_types import PRETRAINED
from foldline.core.stage import say
from foldline.encoders import foreign_code, model_sizes

TIMEOUT = 5.0  # seconds
SENTENCEPIECE = ("sentencepiece", "protobuf")
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
    try:
        return read_commit(name, local=True)
    except OSError:
        return None


def read_commit(name: str, local: bool) -> str | None:
    """Return the commit of the current version of a hub id; None if it has no config.json."""
    path = find_file(name, "config.json", local)
    return None if path is None else path.parent.name  # snapshots/<commit>/config.json


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


def find_file(name: str, file: str, local: bool, revision: str | None = None) -> Path | None:
    """Return a file of a model in a folder or on the hub; None if it has none."""
    from transformers.utils.hub import cached_file

    if Path(name).is_dir():
        path = Path(name) / file
        return path if path.exists() else None
    cached = cached_file(
        name,
        file,
        revision=revision,
        local_files_only=local,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        _raise_exceptions_for_gated_repo=False,
    )
    return None if cached is None else Path(cached)


def read_config(name: str, file: str, local: bool, revision: str | None = None) -> Any:
    """Read a JSON file of a model in a folder or on the hub; None if it has none."""
    path = find_file(name, file, local, revision)
    return None if path is None else read_folder_json(path)


def load_tokenizer(name: str, revision: str | None = None, folder: str = "") -> Any:
    """Load a tokenizer by the name of a local folder or a hub id.

    Raises:
        FoldlineError: if it needs code that the model brings, and that params do not allow.
        Exception: of many kinds, if it cannot be loaded.
    """
    from transformers import AutoTokenizer

    options = _loading_options(name, "AutoTokenizer", revision, folder)
    return AutoTokenizer.from_pretrained(name, **options)


def load_model(
    name: str, auto_class: str, revision: str | None = None, folder: str = "", **options: Any
) -> Any:
    """Load a model in float32 by one of transformers' auto classes.

    Many are stored in half precision, in which training diverges. Pickled weights are read as
    plain tensors (`weights_only`).

    Raises:
        FoldlineError: if it needs code that the model brings, and that params do not allow, or its
            weights do not fit its config.json.
        Exception: of many kinds, if it cannot be loaded.
    """
    import transformers

    loading = _loading_options(name, auto_class, revision, folder)
    model, report = getattr(transformers, auto_class).from_pretrained(
        name, dtype="float32", weights_only=True, output_loading_info=True, **loading, **options
    )
    model_sizes.check_weights(name, model, report)
    return model


def build_model(config: Any, auto_class: str) -> Any:
    """Build a model of an architecture with random weights."""
    import transformers

    return getattr(transformers, auto_class).from_config(config, trust_remote_code=False)


def build_skeleton(name: str) -> Any:
    """Return the encoder of a model without weights (torch's meta device), by its config alone."""
    import torch
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(name, **_loading_options(name, "AutoModel", None, ""))
    with torch.device("meta"):
        return build_model(config, "AutoModel")


def copy_code(model: Any, folder: Path) -> None:
    """Copy the own code of a model beside its saved weights, all of it, so that its hash stays."""
    if not foreign_code.is_foreign(model):
        return
    commit = getattr(model.config, "_commit_hash", None)
    config = find_file(model.name_or_path, "config.json", local=True, revision=commit)
    source = config.parent if config else folder
    for file in source.rglob("*.py"):
        target = folder / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())


def check_folder(key: str, name: str, sentences: bool = False) -> None:
    """Refuse a local folder that holds no model, and note one that is not versioned.

    Raises:
        FoldlineError: with what it holds, and what to name instead.
    """
    if not Path(name).is_dir():
        return
    problem = find_problem(Path(name), sentences)
    if problem:
        raise FoldlineError(
            f"{key}={name}: the folder holds no model that transformers can load: {problem}"
        )
    _note_unversioned(Path(name))


@cache
def _note_unversioned(folder: Path) -> None:
    """Say once in a process that others cannot get a model of the project."""
    if not folder.as_posix().startswith(PRETRAINED) or find_track_file(folder):
        return
    files = ["git", "ls-files", "--error-unmatch", folder.as_posix()]
    with suppress(OSError):
        if subprocess.run(files, capture_output=True, check=False).returncode:
            say(
                f"note: {folder.as_posix()} is not versioned, so nobody else can repeat this run: "
                f"`dvc add {folder.as_posix()}`, and commit its .dvc file"
            )


def _loading_options(
    name: str, auto_class: str, revision: str | None, folder: str
) -> dict[str, Any]:
    """Return how transformers loads a model, with its own code only if params allow that.

    Raises:
        FoldlineError: if they do not.
    """
    offline = use_local_files(name)
    options = {"local_files_only": offline, "revision": revision or "main", "subfolder": folder}
    prefix = f"{folder}/" if folder else ""
    config, tokenizer = (
        read_config(name, f"{prefix}{file}", offline, revision) or {}
        for file in ("config.json", "tokenizer_config.json")
    )
    has_vocabulary = "auto_map" not in tokenizer or bool(
        find_file(name, f"{prefix}tokenizer.json", offline, revision)
    )
    classes = foreign_code.find_foreign_classes(auto_class, config, tokenizer, has_vocabulary)
    if not classes:
        return options | {"trust_remote_code": False}
    code = Path(name)
    if not code.is_dir():
        from huggingface_hub import snapshot_download

        code = Path(
            snapshot_download(
                name, revision=revision, allow_patterns="*.py", local_files_only=offline
            )
        )
        # The folder of a snapshot is named by its commit.
        options |= {"revision": code.name, "code_revision": code.name}
    foreign_code.check_allowed(name, code, classes)
    return options | {"trust_remote_code": True}


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
    check_folder(key, name, sentences=kind == "AutoModel")
    try:
        tokenizer, model = _load(name, kind, folder, None if local else content)
    except FoldlineError as error:
        raise FoldlineError(f"{key}: {error}") from error
    except Exception as error:  # each library raises its own errors
        raise loading_error(key, name, error) from error
    model_sizes.check_vocabulary(key, name, tokenizer, model)
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
    """Return why a model cannot be loaded: the library's error, or that there is no folder."""
    path = Path(name)
    if not path.exists() and (
        len(path.parts) > 2 or path.is_absolute() or path.parts[:1] == ("..",)
    ):
        models = listing(list_local_models(), 5) or "none"
        return f"there is no such folder; in {PRETRAINED} is {models}"
    if "tiktoken" in str(error) and not find_spec("sentencepiece"):
        return (
            f"its tokenizer is a sentencepiece model; to read it: {install_command(*SENTENCEPIECE)}"
        )
    return format_error(error)


def list_local_models() -> list[str]:
    """Return the model folders in the project."""
    return sorted(path.as_posix() for path in Path(PRETRAINED).glob("*") if path.is_dir())


def format_error(error: Exception) -> str:
    """Return a library's error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _load(name: str, kind: str, folder: str, revision: str | None) -> tuple[Any, Any]:
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = load_tokenizer(name, revision, folder)
    model = load_model(name, kind, revision, folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    fix_token_types(tokenizer, model)
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
