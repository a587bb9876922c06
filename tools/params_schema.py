"""Write docs/params.schema.json, by which editors complete and check params.yaml.

Run `python -m tools.params_schema` to write it, with `--check` to hear whether it is stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

from foldline.core.params import KINDS, Settings
from tools.docs import param_details, param_lines

FILE = Path("docs/params.schema.json")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml; descriptions are the comments beside its values."""
    root = Settings.model_json_schema()
    without_titles(root)
    details = param_details()
    for key, _, comment in param_lines():
        *sections, name = key.split(".")
        section = root
        for part in sections:
            section = resolved(section["properties"].get(part, {}), root)
            if "properties" not in section:  # a mapping with keys of the user's own
                break
        else:
            meaning = ". ".join(filter(None, (comment.replace("\\|", "|"), details.get(key))))
            section["properties"][name]["description"] = meaning
    model = root["properties"]["model"]
    model["anyOf"] = [{"enum": list(KINDS)}, {"type": model.pop("type")}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}


def resolved(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference to the definition of a section."""
    name = node.get("$ref", "").removeprefix("#/$defs/")
    found: dict[str, Any] = root["$defs"][name] if name else node
    return found


def without_titles(node: Any) -> None:
    """Remove the titles that pydantic derives from names: they say nothing more."""
    if isinstance(node, list):
        for item in node:
            without_titles(item)
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for item in node.values():
            without_titles(item)


def text() -> str:
    """Return the file's text: a section of params.yaml on a line."""
    content = schema()
    lines = []
    for key, value in content.items():
        if key in ("$defs", "properties"):
            inner = (f"  {json.dumps(name)}: {dump(part)}" for name, part in value.items())
            lines.append(f"{json.dumps(key)}: {{\n" + ",\n".join(inner) + "\n}")
        else:
            lines.append(f"{json.dumps(key)}: {dump(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def dump(content: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(content, ensure_ascii=False)


def main() -> None:
    """Write the file, or tell that it is stale."""
    if "--check" not in sys.argv:
        FILE.write_text(text(), encoding="utf-8", newline="\n")
    elif FILE.read_text(encoding="utf-8") != text():
        raise SystemExit(f"stale: {FILE}; run `python -m tools.params_schema`")


if __name__ == "__main__":
    main()
