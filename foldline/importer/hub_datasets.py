"""Hugging Face datasets, by id or from a local folder, as jsonl files."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import write_json, write_text
from foldline.data.reading import read_raw
from foldline.importer.sources import ImportSources, Source

PREFIX = "hf:"
SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test"}
_COMMIT = re.compile("[0-9a-f]{40}")


def download_dataset(
    name: str, revision: str | None, config: str | None, folder: Path
) -> ImportSources:
    """Write the splits of a dataset into `folder`, as `<name>-<part>.jsonl`.

    `name` is a local folder, or an id on the hub. The commit on the hub is recorded beside the
    data, so that the same rows can be downloaded again. Class numbers become names.

    Raises:
        FoldlineError: where the dataset, its revision or its configuration cannot be found.
    """
    import datasets

    datasets.disable_progress_bars()
    local = Path(name).expanduser()
    if local.is_dir() and revision is not None:
        raise FoldlineError(f"hf:{name} is a folder, which has no revisions: omit --revision")
    if not local.is_dir() and name.startswith((".", "/", "~")):
        raise FoldlineError(f"hf:{name}: there is no folder {local.absolute()}")
    if local.is_dir():
        splits = _load_folder(local, config, folder / "cache")
        origin = {"folder": local.resolve().name, "revision": None, "config": config}
    else:
        commit = _resolve_commit(name, revision)
        config = _resolve_config(name, commit, config)
        with _explain_errors(name, f"at revision {commit}"):
            splits = datasets.load_dataset(name, config, revision=commit)
        origin = {"dataset": name, "revision": commit, "config": config}
    known = {SPLITS[split]: split for split in splits if split in SPLITS}
    if not known and len(splits) == 1:
        known = {"train": next(iter(splits))}
    if "train" not in known:
        raise FoldlineError(
            f"hf:{name} has no split named train; it has {listing(splits)}. Save the one to learn "
            "from as a file (Dataset.to_json), and import that file"
        )
    stem = re.sub(r"[^\w-]+", "-", name.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1])
    sources, classes = [], _class_names(splits[known["train"]].features)
    for part, split in known.items():
        path = folder / f"{stem}-{part}.jsonl"
        _write_jsonl(splits[split], path)
        sources.append(Source(path, read_raw(path), part))
    left = sorted(set(splits) - set(known.values()))
    record = folder / f"{stem}.source.json"
    write_json(record, origin | {"splits": known, "left_out": left})
    return ImportSources(sources, classes, [record])


def _load_folder(folder: Path, config: str | None, cache: Path) -> dict[str, Any]:
    """Load a folder that `save_to_disk` wrote, or one of csv, json or parquet files."""
    import datasets

    with _explain_errors(str(folder), "from this folder"):
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            loaded = datasets.load_from_disk(str(folder))
        else:
            config = _resolve_config(str(folder), None, config)
            loaded = datasets.load_dataset(str(folder), config, cache_dir=str(cache))
    return dict(loaded) if isinstance(loaded, dict) else {"train": loaded}


def _resolve_commit(name: str, revision: str | None) -> str:
    """Return the commit of a revision; a full commit hash needs no network."""
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    advice = "to look up its commit: go online, or pass a full commit hash, --revision SHA"
    with _explain_errors(name, advice):
        return str(HfApi().dataset_info(name, revision=revision).sha)


def _resolve_config(name: str, commit: str | None, config: str | None) -> str | None:
    import datasets

    if config is not None:
        return config  # loading it reports an unknown one
    with _explain_errors(name, "to list its configurations"):
        names = datasets.get_dataset_config_names(name, revision=commit)
    if len(names) > 1:
        raise FoldlineError(
            f"hf:{name} has several configurations: {listing(names, 20)}. Choose one with --config"
        )
    return None


@contextmanager
def _explain_errors(name: str, purpose: str) -> Iterator[None]:
    """Turn errors of the hub, the network and files into one message."""
    try:
        yield
    except FoldlineError:
        raise
    except Exception as error:  # every library raises its own errors
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FoldlineError(
            f"hf:{name} could not be loaded {purpose}: {reason.rstrip('.')}. Check the name, or "
            "pass a folder that holds the dataset"
        ) from error


def _class_names(features: Any, prefix: str = "") -> dict[str, list[str]]:
    """Return the class names of each ClassLabel, by column or field; in a list, by the list's."""
    names: dict[str, list[str]] = {}
    for name, feature in features.items():
        while (inner := _element_feature(feature)) is not None:
            feature = inner
        if isinstance(feature, dict):
            names |= _class_names(feature, f"{prefix}{name}.")
        elif type(feature).__name__ == "ClassLabel":
            names[f"{prefix}{name}"] = list(feature.names)
    return names


def _element_feature(feature: Any) -> Any:
    """Return the feature of a list's elements, None for other features."""
    return feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)


def _write_jsonl(split: Any, path: Path) -> None:
    cells = {name: _cell_converter(feature) for name, feature in split.features.items()}
    lines = [
        json.dumps(
            {n: cells[n](value) for n, value in row.items()}, ensure_ascii=False, default=str
        )
        for row in split
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def _cell_converter(feature: Any) -> Callable[[Any], Any]:
    """Return a converter of values to JSON: class names, shortest floats, ISO 8601 dates."""
    if isinstance(feature, dict):
        return _object_converter({name: _cell_converter(own) for name, own in feature.items()})
    if _element_feature(feature) is not None:
        return _list_converter(_cell_converter(_element_feature(feature)))
    if type(feature).__name__ == "ClassLabel":
        return lambda value: None if value is None or value < 0 else feature.int2str(value)
    if getattr(feature, "dtype", "") in ("float16", "float32"):
        import numpy as np

        kind = np.dtype(feature.dtype).type
        return lambda value: None if value is None else float(str(kind(value)))
    return lambda value: value.isoformat() if hasattr(value, "isoformat") else value


def _object_converter(fields: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        return value and {name: cell(value.get(name)) for name, cell in fields.items()}

    return convert


def _list_converter(element: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a converter of lists; of a list of objects, older versions make an object of lists."""

    def convert(value: Any) -> Any:
        if isinstance(value, dict):
            rows = [dict(zip(value, own, strict=True)) for own in zip(*value.values(), strict=True)]
            return convert(rows)
        return None if value is None else [element(own) for own in value]

    return convert
