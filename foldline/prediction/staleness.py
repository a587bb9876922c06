"""Whether the trained models are those of the project as it stands, by dvc.lock alone.

Nothing is hashed, so this takes milliseconds; `dvc status` compares the files, too.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from foldline.core.errors import listing

LOCK, PARAMS = Path("dvc.lock"), Path("params.yaml")
TRAINING = ("prepare", "split", "augment", "train", "kfold", "ensemble")
# Other rows to predict, or another format of the submission, change no model.
IRRELEVANT = ("data.predict",)


def list_stale_notes() -> list[str]:
    """Return notes on changed params, and on stages that ran before those that they depend on.

    A project without dvc.lock, as a copy of its models, gives none.
    """
    stages = _read(LOCK).get("stages")
    recorded = {name: stages[name] for name in TRAINING if name in stages} if stages else {}
    notes = []
    changed = list(dict.fromkeys(_list_changed_params(recorded, _read(PARAMS))))
    if changed:
        notes.append(
            f"params.yaml has other values than the models were trained with ({listing(changed)}): "
            "the models predict as they were trained; `dvc repro` trains them anew"
        )
    older = list(dict.fromkeys(_list_older_stages(recorded)))
    if older:
        notes.append(
            f"the models of {listing(older)} are older than what they were trained on, so they may "
            "not belong together: run `dvc repro`"
        )
    return notes


def _list_changed_params(recorded: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    current = dict(_flatten(params, ""))
    if not current:
        return
    for stage in recorded.values():
        for key, value in _flatten(stage.get("params", {}).get(PARAMS.name, {}), ""):
            if key not in IRRELEVANT and current.get(key, value) != value:
                yield key


def _list_older_stages(recorded: Mapping[str, Any]) -> Iterator[str]:
    written = {
        out["path"]: out.get("md5") for stage in recorded.values() for out in stage.get("outs", [])
    }
    for name, stage in recorded.items():
        for dep in stage.get("deps", []):
            if written.get(dep["path"], dep.get("md5")) != dep.get("md5"):
                yield name


def _flatten(content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield values by dotted key; an empty section is one value."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else key)
    elif prefix:
        yield prefix, _normalize(content)


def _normalize(value: Any) -> Any:
    """Return a value that its spellings share: 1.0e-3 and 0.001, blank and null."""
    if isinstance(value, list):
        return [_normalize(item) for item in value]
    if not isinstance(value, str):
        return value
    if value.lower() in ("", "~", "null"):
        return None
    try:
        return float(value)
    except ValueError:
        return value.lower() if value.lower() in ("true", "false") else value


def _read(path: Path) -> Any:
    """Return a YAML file with all scalars as text; {} for one that cannot be read."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
