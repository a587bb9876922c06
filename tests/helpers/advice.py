"""What a message advises, read out of its own words, so that a test follows it as a user would."""

import re
from typing import Any

from ruamel.yaml import YAML

KEY = r"[a-z_]+(?:\.[a-z_]+)*"
VALUE = r"[\w\-\[\]]+(?:\.\d+)?"
SETTING = re.compile(rf"\b[Ss]et ({KEY})(?: to |=)({VALUE}(?:(?:, {VALUE})* or {VALUE})?)")
OPTION = re.compile(rf"-S '?({KEY})=([^\s'`]+)")


def read_settings(message: str) -> list[dict[str, Any]]:
    """Return each alternative of "set KEY to A, B or C", "set it to A" and "-S KEY=A"."""
    found = []
    for key, values in SETTING.findall(message) + OPTION.findall(message):
        name = re.match(KEY, message)[0] if key == "it" else key  # type: ignore[index]
        texts = [values] if values.startswith("[") else re.split(r", | or ", values)
        found += [{name: YAML(typ="safe").load(text)} for text in texts if text != "less"]
    assert found, f"no setting in: {message}"
    return found


def read_command(message: str, before: str = "Next: ", after: str = "\n") -> str:
    """Return the command that a message names between two marks."""
    assert before in message, message
    return message.partition(before)[2].partition(after)[0].strip()
