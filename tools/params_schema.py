"""Write docs/params.schema.json, with which editors complete and check params.yaml.

Run `python -m tools.params_schema` to write it, with `--check` to fail if it is stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

from foldline.core.params import KINDS, Settings
from tools.docs import param_details, param_lines

FILE = Path("docs/params.schema.json")


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml; descriptions are the comments of its values."""
    root = Settings.model_json_schema()
    remove_titles(root)
    details = param_details()
    for key, _, comment in param_lines():
        *sections, name = key.split(".")
        section = root
        for part in sections:
            section = resolve_reference(section["properties"].get(part, {}), root)
            if "properties" not in section:  # a mapping with the user's keys
                break
        else:
            meaning = ". ".join(filter(None, (comment.replace("\\|", "|"), details.get(key))))
            section["properties"][name]["description"] = meaning
    model = root["properties"]["model"]
    model["anyOf"] = [{"enum": list(KINDS)}, {"type": model.pop("type")}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}


def resolve_reference(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return a section's definition, following a reference."""
    name = node.get("$ref", "").removeprefix("#/$defs/")
    definition: dict[str, Any] = root["$defs"][name] if name else node
    return definition


def remove_titles(node: Any) -> None:
    """Remove the titles that pydantic derives from names."""
    if isinstance(node, list):
        for item in node:
            remove_titles(item)
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for item in node.values():
            remove_titles(item)


def render() -> str:
    """Return the text of the file, one section of params.yaml per line."""
    content = build_schema()
    lines = []
    for key, value in content.items():
        if key in ("$defs", "properties"):
            inner = (f"  {json.dumps(name)}: {to_json(part)}" for name, part in value.items())
            lines.append(f"{json.dumps(key)}: {{\n" + ",\n".join(inner) + "\n}")
        else:
            lines.append(f"{json.dumps(key)}: {to_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def to_json(content: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(content, ensure_ascii=False)


def main() -> None:
    """Write the file, or fail if it is stale."""
    if "--check" not in sys.argv:
        FILE.write_text(render(), encoding="utf-8", newline="\n")
    elif FILE.read_text(encoding="utf-8") != render():
        raise SystemExit(f"stale: {FILE}; run `python -m tools.params_schema`")


if __name__ == "__main__":
    main()
