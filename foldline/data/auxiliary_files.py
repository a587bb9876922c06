"""Files that lie beside the tables in data/raw: models read some, and must notice a change."""

from pathlib import Path

from foldline.core.io.files import digest
from foldline.core.params import Data

RAW_FOLDER = Path("data/raw")


def hash_auxiliary_files(data: Data) -> dict[str, str]:
    """Give each file under data/raw that is no table of `data`, with the hash of its content.

    Training hangs on these alone, so another table, as of rows to predict, does not begin it anew.
    """
    tables = (data.train, data.valid, data.test, data.predict, data.annotations.file)
    own = {Path(name) for name in tables if name}
    files = sorted(path for path in RAW_FOLDER.rglob("*") if path.is_file())
    return {
        path.as_posix(): digest(path)
        for path in files
        if path not in own and not path.name.startswith(".")
    }
