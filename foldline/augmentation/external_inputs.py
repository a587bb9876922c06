"""What balancing reads beside the rows and params: models, dictionaries, recorded answers."""

from pathlib import Path

from foldline.augmentation.changing import methods_of
from foldline.augmentation.llm_cache import PATH
from foldline.core.io.files import digest
from foldline.core.params import Augment
from foldline.encoders import hub


def outside(augment: Augment) -> dict[str, str]:
    """Give the local files and folders that these params read, each with the hash of its content.

    A Hugging Face id is no file here, and a file that is missing is told by who needs it.
    """
    methods, names = set(methods_of(augment)), models(augment)
    if methods & {"synonym", "insert", "eda"} and augment.synonym.path:
        names.append(augment.synonym.path)
    if "nlpaug" in methods:
        names += [value for value in augment.nlpaug.options.values() if isinstance(value, str)]
    if "llm" in methods:
        names.append(PATH.as_posix())
    return {name: digest(Path(name)) for name in sorted(names) if name and Path(name).exists()}


def commits(augment: Augment) -> dict[str, str | None]:
    """Give the commit of each Hugging Face id that these params read, once it was loaded.

    None: it was not needed, so nobody looked for it.
    """
    return {n: hub.cached_commit(n) for n in sorted(set(models(augment))) if not Path(n).is_dir()}


def models(augment: Augment) -> list[str]:
    """Give the encoder and the translators that these params read: folders and hub ids."""
    under, names = augment.undersample, []
    if under.method not in ("none", "random") and under.features == "embeddings":
        names.append(under.encoder)
    if "backtranslation" in methods_of(augment):
        names += [augment.backtranslation.there, augment.backtranslation.back]
    return [name for name in names if name]
