"""Small JSON files that stages write and read, checked as others may have edited them."""

import json
from pathlib import Path
from typing import Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import read_json
from foldline.core.params.error_messages import format_problems, list_problems


def one_of(*names: str) -> AfterValidator:
    """Return a check that a text is one of some names."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"must be one of {listing(names)} (found {value!r})")
        return value

    return AfterValidator(check)


def read_record(path: Path, kind: Any, remedy: str) -> Any:
    """Return the content of a JSON file as a `kind`, a type that pydantic checks.

    Raises:
        FoldlineError: naming each key that is wrong, what was found and what is allowed.
    """
    content = read_json(path)
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise FoldlineError(f"{format_problems(path, list_problems(error))}\n{remedy}") from None
