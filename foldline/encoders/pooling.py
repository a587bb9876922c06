"""Pooling of a sentence encoder's states, as its sentence-transformers files configure it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listing
from foldline.encoders import hub

MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True)
class EncoderConfig:
    """How texts are encoded: weights folder, pooling, normalisation, prompt.

    `max_tokens` is None if no file states it.
    """

    folder: str
    pooling: tuple[str, ...]
    normalise: bool
    prefix: str
    max_tokens: int | None


def read_encoder_config(name: str, local: bool, revision: str | None = None) -> EncoderConfig:
    """Read the sentence-transformers files beside a model; without them, tokens are averaged.

    Raises:
        FoldlineError: for an unsupported module or pooling.
    """

    def read(file: str) -> Any:
        return hub.read_config(name, file, local, revision)

    modules = read("modules.json")
    if modules is None and (Path(name).parent / "modules.json").is_file():
        raise FoldlineError(
            f"it is a part of a sentence-transformers folder, whose pooling lies beside it; name "
            f"{Path(name).parent.as_posix()}"
        )
    if modules is None:
        return EncoderConfig("", ("mean",), False, "", None)
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    unknown = [kind for kind in kinds if kind not in MODULES]
    if unknown or kinds[:1] != ["Transformer"]:
        raise FoldlineError(
            f"modules.json names {listing(unknown or kinds)}; known are {', '.join(MODULES)}, in "
            "this order: choose another encoder"
        )
    paths = dict(zip(kinds, (module["path"] for module in modules), strict=True))
    folder = paths["Transformer"]
    pooling = read(f"{paths['Pooling']}/config.json") if "Pooling" in paths else None
    max_tokens = (read(f"{folder}/sentence_bert_config.json".lstrip("/")) or {}).get(
        "max_seq_length"
    )
    settings = read("config_sentence_transformers.json") or {}
    prompt = (settings.get("prompts") or {}).get(settings.get("default_prompt_name")) or ""
    return EncoderConfig(folder, _pooling_names(pooling), "Normalize" in kinds, prompt, max_tokens)


def _pooling_names(config: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the poolings of a configuration, in the order of concatenation."""
    if config is None:
        return ("mean",)
    aliases = {"cls_token": "cls", "max_tokens": "max", "mean_tokens": "mean"}
    aliases |= {"mean_sqrt_len_tokens": "mean_sqrt", "lasttoken": "last"}
    prefix = "pooling_mode_"
    named = [
        k.removeprefix(prefix) for k, v in config.items() if k.startswith(prefix) and v is True
    ]
    if isinstance(config.get("pooling_mode"), str):
        named = [config["pooling_mode"]]
    poolings = [aliases.get(pooling, pooling) for pooling in named]
    if not poolings or not set(poolings) <= set(POOLINGS):
        raise FoldlineError(
            f"its pooling is {listing(named) or 'none'}; known are {', '.join(POOLINGS)}: choose "
            "another encoder"
        )
    return tuple(name for name in POOLINGS if name in poolings)


def _mean(states: Any, mask: Any) -> Any:
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)


def _mean_sqrt(states: Any, mask: Any) -> Any:
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9).sqrt()


def _max(states: Any, mask: Any) -> Any:
    return states.masked_fill(mask == 0, -1e9).max(1).values


def _last(states: Any, mask: Any) -> Any:
    last = mask.sum(1).long().clamp(min=1) - 1
    return states.gather(1, last.unsqueeze(-1).expand(-1, 1, states.shape[-1])).squeeze(1)


# (states (n, t, width), mask (n, t, 1)) -> (n, width), in the order of sentence-transformers
POOLINGS: dict[str, Callable[[Any, Any], Any]] = {
    "cls": lambda states, mask: states[:, 0],
    "max": _max,
    "mean": _mean,
    "mean_sqrt": _mean_sqrt,
    "last": _last,
}
