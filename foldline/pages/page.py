"""One HTML file with its data, styles and scripts inside, which asks the network for nothing."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parent / "web"
FRAME = SHARED / "frame.html"


def render_page(
    body: Path, scripts: Sequence[str], styles: Sequence[str], summary: Any, rows: Any
) -> str:
    """Return the page; its content security policy forbids any network request.

    `body` is the file of its elements. Scripts and styles are names of files, of the same folder or
    of those that pages share; the scripts are joined in this order. They find the summary as JSON,
    and the rows packed.
    """
    script = "(() => {\n'use strict';\n" + "".join(_read(body, scripts)) + "})();\n"
    style = "".join(_read(body, styles))
    parts = {
        "policy": (
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "body": body.read_text(encoding="utf-8"),
        "script": script,
        "summary": to_json(summary).replace("<", "\\u003c"),  # no text can end the element
        "rows": pack(rows),
    }
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], FRAME.read_text(encoding="utf-8"))


def pack(content: Any) -> str:
    """Return content as compressed JSON in base64."""
    return base64.b64encode(zlib.compress(to_json(content).encode(), 9)).decode()


def to_json(content: Any) -> str:
    """Return compact JSON; numbers that are not finite raise ValueError."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _read(body: Path, names: Sequence[str]) -> list[str]:
    """Return the texts of files in the folder of the body, else of the shared ones."""
    own = {name: body.parent / name for name in names}
    paths = [path if path.exists() else SHARED / name for name, path in own.items()]
    return [path.read_text(encoding="utf-8") for path in paths]


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
