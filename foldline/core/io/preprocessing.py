"""How raw rows became the texts that models were trained on, kept with the models.

New rows are read and normalized by this record, not by params.yaml, which may have been edited
since the training.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.components import Options, hash_components, short_name
from foldline.core.io.files import read_json, write_json
from foldline.core.params import Data, Prepare

NAME = "preprocessing.json"
FILE = Path("data", NAME)


@dataclass(frozen=True)
class Preprocessing:
    """The columns with the texts, how files are read, and how texts are normalized.

    `options` are those of the cleaner `clean`, a component; `components` is the hash of its folder.
    """

    id: str | None
    text: str
    text_pair: str | None
    encoding: str
    quoting: str
    unicode: str
    clean: str | None
    options: Mapping[str, Any]
    components: str | None

    @classmethod
    def from_params(cls, data: Data, prepare: Prepare, components: Options) -> "Preprocessing":
        """Return the record of these params."""
        name = prepare.clean
        return cls(
            id=data.id,
            text=data.text,
            text_pair=data.text_pair,
            encoding=data.encoding,
            quoting=data.quoting,
            unicode=prepare.unicode,
            clean=name,
            options=dict(components.get(short_name(name), {})) if name else {},
            components=hash_components(name),
        )

    def save(self, path: Path = FILE) -> None:
        """Write all fields as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = FILE) -> "Preprocessing":
        """Read what `save` wrote."""
        content = read_json(path)
        try:
            return cls(**content)
        except TypeError as error:
            raise FoldlineError(
                f"{path} does not say how rows are read (found {content!r:.80}): run `dvc repro`"
            ) from error
