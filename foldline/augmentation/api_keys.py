"""The key of a server: what a header can hold, and its mask in everything that is shown or kept."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

from foldline.core.errors import FoldlineError

MASK = "***"
# A shorter key is a placeholder, as EMPTY: masking it would change answers.
SHORTEST = 6


def check_key(variable: str, key: str) -> str:
    """Return a key that a header can hold.

    Raises:
        FoldlineError: for a line break, white space or another character that keys have not,
            naming where it stands and never the key.
    """
    for position, character in enumerate(key, 1):
        if not "!" <= character <= "~":
            kind = "a line break" if character in "\r\n" else "white space"
            kind = kind if character.isspace() else "a character that is not ASCII"
            kind = kind if character.isprintable() or character.isspace() else "a control character"
            raise FoldlineError(
                f"the environment variable {variable} holds {kind} (character {position} of "
                f"{len(key)}), which no key has; set it again without it"
            )
    return key


def mask(value: Any, key: str) -> Any:
    """Return a text, or JSON's values, with the key masked, however it is written."""
    if len(key) < SHORTEST:
        return value
    if isinstance(value, dict):
        return {mask(name, key): mask(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [mask(item, key) for item in value]
    if not isinstance(value, str):
        return value
    for spelling in _spellings(key):
        value = value.replace(spelling, MASK)
    return value


def mask_addresses(text: str) -> str:
    """Return a text without the user and password in its addresses, as of a proxy."""
    return re.sub(r"//[^/\s'\"]*@", f"//{MASK}@", text)


def _spellings(key: str) -> list[str]:
    """Return the key as servers may repeat it: plain, in JSON, in an address, in base64."""
    encoded = base64.b64encode(key.encode()).decode()
    quoted = {json.dumps(key)[1:-1], repr(key)[1:-1], quote(key, safe=""), quote_plus(key)}
    return sorted({key, key.lower(), encoded} | quoted, key=lambda text: (-len(text), text))
