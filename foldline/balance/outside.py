"""What balancing reads beside the rows and params: models, dictionaries, recorded answers."""

from pathlib import Path

from foldline.balance.answers import PATH
from foldline.balance.changing import methods_of
from foldline.frame.files import digest
from foldline.frame.params import Augment


def outside(augment: Augment) -> dict[str, str]:
    """Give the local files and folders that these params read, each with the hash of its content.

    A Hugging Face id is no file here, and a file that is missing is told by who needs it.
    """
    methods, under = set(methods_of(augment)), augment.undersample
    names: list[str | None] = []
    if under.method not in ("none", "random") and under.features == "embeddings":
        names.append(under.encoder)
    if "backtranslation" in methods:
        names += [augment.backtranslation.there, augment.backtranslation.back]
    if methods & {"synonym", "insert", "eda"}:
        names.append(augment.synonym.path)
    if "nlpaug" in methods:
        names += [value for value in augment.nlpaug.options.values() if isinstance(value, str)]
    if "llm" in methods:
        names.append(PATH.as_posix())
    return {name: digest(Path(name)) for name in sorted(filter(None, names)) if Path(name).exists()}
