"""The request for one changed copy of one row, and the interface of augmenters."""

from typing import NamedTuple, Protocol

TextPair = tuple[str, str]


class CopyRequest(NamedTuple):
    """A copy to make: the source's texts, label and id, and the copy's number."""

    text: str
    text_pair: str
    label: str
    source_id: str
    number: int


class Augmenter(Protocol):
    """A way to change texts without changing their labels."""

    def __call__(self, requests: list[CopyRequest], attempt: int) -> list[TextPair]:
        """Return the changed texts of each request; unchanged ones where it cannot change them."""
