"""What reaches the terminal."""

import sys

import pytest

from foldline.core.console import say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("id \x1b[31mred\x1b[0m", r"id \x1b[31mred\x1b[0m"),
        ("a\x07b\x08c", r"a\x07b\x08c"),
        ("over\rwritten", r"over\rwritten"),
        ("title \x9d0;x\x9c", r"title \x9d0;x\x9c"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("two\nlines\tand a tab 한글", "two\nlines\tand a tab 한글"),
    ],
)
def test_controls_are_shown_not_obeyed(capsys, text, shown):
    say(text)
    say(text, sys.stderr)

    assert capsys.readouterr() == (shown + "\n", shown + "\n")
