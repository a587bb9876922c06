"""Models that bring Python code of their own (`auto_map`): refused, unless a param allows it.

transformers would ask at the keyboard, in the middle of a stage, whether to run it.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import digest
from foldline.core.io.model_folders import read_folder_json
from foldline.core.params.loading import FILE, read_params

KEY = "train.trust_remote_code"
# transformers' tables of the architectures that it has code for.
ARCHITECTURES = {
    "AutoConfig": "CONFIG_MAPPING_NAMES",
    "AutoTokenizer": "TOKENIZER_MAPPING_NAMES",
    "AutoModel": "MODEL_MAPPING_NAMES",
    "AutoModelForSequenceClassification": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    "AutoModelForMaskedLM": "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "AutoModelForCausalLM": "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForSeq2SeqLM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
}


def find_foreign_classes(
    auto_class: str, config: dict[str, Any], tokenizer: dict[str, Any], has_vocabulary: bool
) -> list[str]:
    """Return the classes of a model's own code that `auto_class` would need to load it.

    `config` and `tokenizer` are config.json and tokenizer_config.json. A class that transformers
    has, too, is not needed, nor is that of a tokenizer with a tokenizer.json (`has_vocabulary`).
    """
    own, architecture = config.get("auto_map") or {}, config.get("model_type")
    names = ("AutoConfig", auto_class)
    foreign = [own[name] for name in names if name in own and not _is_known(name, architecture)]
    if auto_class == "AutoTokenizer":
        known = has_vocabulary and _is_known(auto_class, architecture)
        foreign += [] if known else _find_tokenizer_classes(tokenizer)
    kernel = config.get("attn_implementation")
    if isinstance(kernel, str) and "/" in kernel:  # code of a repository of kernels
        foreign.append(f"{kernel}--attention")
    return list(dict.fromkeys(foreign))


def check_allowed(label: str, code: Path, classes: list[str]) -> None:
    """Refuse a model's own code, unless params allow just these *.py files in the folder `code`.

    Raises:
        FoldlineError: naming what to set, and the risk.
    """
    elsewhere = sorted({name.partition("--")[0] for name in classes if "--" in name})
    brings = f"{label} brings code of its own ({listing(classes, 3)}), which is not run"
    if elsewhere:
        raise FoldlineError(
            f"{brings}: it lies in another repository, {listing(elsewhere)}, where it may change. "
            "Choose a model that transformers has code for"
        )
    found, allowed = hash_code(code), read_allowed()
    if found == allowed:
        return
    changed = f"{KEY} allows other code, {allowed[:12]}...; " if allowed else ""
    raise FoldlineError(
        f"{brings}: {changed}choose a model that transformers has code for. If you have read its "
        f"*.py files and trust them, set {KEY} to {found}, which runs the code of that model on "
        "this machine, with all your rights"
    )


def is_foreign(model: Any) -> bool:
    """Return whether a loaded model is of a class that is not transformers' own."""
    return type(model).__module__.startswith("transformers_modules.")


def hash_code(folder: Path) -> str:
    """Return the sha256 of the names and contents of a folder's *.py files, in hex."""
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {digest(path)}" for path in files]
    return sha256("\n".join(lines).encode()).hexdigest()


def read_allowed() -> str | None:
    """Return the hash of the code that params.yaml allows; None outside of a project.

    The param can only refuse or allow, so that no stage but train depends on it.
    """
    if not FILE.is_file():
        return None
    allowed = (read_params().get("train") or {}).get("trust_remote_code")
    return None if allowed is None else str(allowed)


def refuse_code(label: str, folder: Path) -> None:
    """Refuse a folder that names code of its own, for libraries that call transformers themselves.

    Raises:
        FoldlineError: naming the file.
    """
    for file in sorted(folder.rglob("*config.json")):
        try:
            names_code = "auto_map" in read_folder_json(file)
        except (OSError, ValueError, TypeError):
            continue  # the library reports it
        if names_code:
            raise FoldlineError(
                f"{label} brings code of its own ({file.name} holds auto_map), which is not run: "
                "choose another model"
            )


def _is_known(auto_class: str, architecture: object) -> bool:
    from transformers.models.auto import configuration_auto, modeling_auto, tokenization_auto

    table = ARCHITECTURES[auto_class]
    modules = (modeling_auto, configuration_auto, tokenization_auto)
    return any(architecture in getattr(module, table, ()) for module in modules)


def _find_tokenizer_classes(config: dict[str, Any]) -> list[str]:
    """Return the classes that a tokenizer_config.json names, if transformers has none of them."""
    names = config.get("auto_map") or []
    names = names.get("AutoTokenizer") or [] if isinstance(names, dict) else names
    names = [names] if isinstance(names, str) else [name for name in names if name]
    return [] if any(_is_class(name) for name in names) else names


def _is_class(reference: str) -> bool:
    """Return whether transformers has a class of the name in `module.Class`."""
    import transformers

    name = reference.rpartition(".")[2]
    return hasattr(transformers, name) or hasattr(transformers, name.removesuffix("Fast"))
