"""What is asked of a method: one changed copy of one row."""

from typing import NamedTuple, Protocol

Texts = tuple[str, str]


class Ask(NamedTuple):
    """One copy that is wanted: the source's texts, label and id, and the copy's number."""

    text: str
    text_pair: str
    label: str
    name: str
    number: int


class Method(Protocol):
    """A way to change texts, as the table of augmenters makes it."""

    def __call__(self, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give the changed texts of each ask, or the unchanged ones where it cannot."""
