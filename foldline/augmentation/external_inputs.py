"""Files that augmentation reads beside rows and params: models, dictionaries, recorded answers."""

from pathlib import Path

from foldline.augmentation.llm_cache import PATH
from foldline.augmentation.sampling_plan import list_methods
from foldline.core.io.files import digest
from foldline.core.params import Augment
from foldline.encoders import hub


def hash_external_inputs(augment: Augment) -> dict[str, str]:
    """Return the local files and folders that these params read, with the hash of their content.

    Hugging Face ids are not files. A missing file is an error of the method that needs it.
    """
    methods, names = set(list_methods(augment)), list_models(augment)
    if methods & {"synonym", "insert", "eda"} and augment.synonym.path:
        names.append(augment.synonym.path)
    if "nlpaug" in methods:
        names += [value for value in augment.nlpaug.options.values() if isinstance(value, str)]
    if "llm" in methods:
        names.append(PATH.as_posix())
    return {name: digest(Path(name)) for name in sorted(names) if name and Path(name).exists()}


def read_hub_commits(augment: Augment) -> dict[str, str | None]:
    """Return the commit of each Hugging Face id that these params name; None if not loaded yet."""
    names = sorted(set(list_models(augment)))
    return {name: hub.cached_commit(name) for name in names if not Path(name).is_dir()}


def list_models(augment: Augment) -> list[str]:
    """Return the encoder and the translation models that these params read: folders, hub ids."""
    under, names = augment.undersample, []
    if under.method not in ("none", "random") and under.features == "embeddings":
        names.append(under.encoder)
    if "backtranslation" in list_methods(augment):
        names += [augment.backtranslation.there, augment.backtranslation.back]
    return [name for name in names if name]
