"""An example of a component, which nothing uses until params.yaml names it.

`prepare.clean: components.example_cleaner` puts marks in the place of web addresses and of the
names of users, which say little about a text's label and differ from row to row. `foldline new`
writes a file like this one for a model, an augmenter, a loss, a metric or a cleaner.
"""

import re

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_USER = re.compile(r"(?<!\S)@\w+")


def clean(text: str, address: str = "[url]", user: str = "[user]") -> str:
    """Return a text with marks in the place of addresses and users.

    The marks are options: `components: {example_cleaner: {user: ""}}` removes users.
    """
    return _USER.sub(user, _ADDRESS.sub(address, text))
