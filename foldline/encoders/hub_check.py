"""A check that a hub id can be loaded, before DVC removes the outputs that training replaces."""

from pathlib import Path

from foldline.core.params.value_types import PRETRAINED
from foldline.encoders import hub

WEIGHTS = ("*.safetensors", "*.bin", "*.msgpack", "*.h5")
CONFIG = "config.json"


def find_hub_problem(name: str) -> str | None:
    """Return why a hub id cannot be loaded, None if it is in the cache or on the hub."""
    from huggingface_hub import constants, hf_hub_download

    if is_cached(name):
        return None
    if not hub.is_reachable():
        cause = (
            "HF_HUB_OFFLINE is set"
            if constants.HF_HUB_OFFLINE
            else f"{constants.ENDPOINT} cannot be reached"
        )
        return (
            f"{name} is not on this machine, and {cause}. Connect and run the same command again, "
            f"or name a kind (docs/models.md) or a folder in {PRETRAINED}"
        )
    try:
        hf_hub_download(name, CONFIG, etag_timeout=hub.TIMEOUT)
    except Exception as error:  # the client, its transport and the file system raise their own
        return (
            f"{name} cannot be loaded: name a kind (docs/models.md), a folder in {PRETRAINED} or a "
            f"Hugging Face id ({hub.explain_error(name, error)})"
        )
    return None


def is_cached(name: str) -> bool:
    """Return whether the cache holds a model with its weights."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, CONFIG)
    except HFValidationError:
        return False
    if not isinstance(config, str):
        return False
    return any(any(Path(config).parent.rglob(pattern)) for pattern in WEIGHTS)
