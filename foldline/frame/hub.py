"""Models of the Hugging Face hub: whether it can be reached, and which commit was taken."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 5.0  # seconds to wait for the hub's answer
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def local_only(name: str) -> bool:
    """Say whether a model is to be looked for on this disk alone: a folder, or no hub answers."""
    return Path(name).is_dir() or not _answers()


def commit(name: str) -> str | None:
    """Give the commit of a hub id as it lies on this disk; None for a folder, or what is not here.

    No network is asked: a model that was loaded is there.
    """
    if Path(name).is_dir():
        return None
    from transformers import AutoConfig

    try:
        found = AutoConfig.from_pretrained(name, local_files_only=True)._commit_hash
    except (OSError, ValueError):
        return None
    return None if found is None else str(found)


def _answers() -> bool:
    """Ask whether the hub can be reached: its own client tries for most of a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if any(os.environ.get(name) for name in PROXIES):
        return True
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True
