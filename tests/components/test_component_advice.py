"""Advice on components is tried by following it: the component is then accepted."""

import re
import shlex
import shutil

import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io.components import FUNCTIONS
from tests.helpers.advised_projects import make_settings
from tests.helpers.component_files import KEYS, write_component, write_skeleton
from tests.helpers.projects import PARAMS

SHOUT = "def clean(text, mark='!'):\n    return text.upper() + mark\n"


@pytest.fixture(autouse=True)
def project(workplace):
    """Make the working folder one in which commands of foldline run."""
    shutil.copy(PARAMS, "params.yaml")


def refusal(settings: dict[str, object]) -> str:
    with pytest.raises(FoldlineError) as caught:
        make_settings(settings)
    return str(caught.value)


def follow_command(message: str, **words: str) -> None:
    """Run the command of foldline that a message gives, with the words for its placeholders."""
    (command,) = re.findall(r"`foldline (new [^`]+)`", message)
    run_verb([words.get(word, word) for word in shlex.split(command)])


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_missing_file_is_written_by_the_command_that_is_named(kind):
    settings = {KEYS[kind]: "components.slang"}
    message = refusal(settings)

    follow_command(message)
    make_settings(settings)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_file_without_the_function_is_replaced_by_one_that_works(kind):
    write_component("own", "def helper(text): return text\n")
    message = refusal({KEYS[kind]: "components.own"})
    assert "Next: add it, or" in message

    follow_command(message, NAME="other")
    make_settings({KEYS[kind]: "components.other"})
    write_skeleton(kind, "own")
    make_settings({KEYS[kind]: "components.own"})


def test_the_component_that_was_meant_is_accepted():
    write_component("slang", SHOUT)
    (meant,) = re.findall(r"did you mean (\S+)\?", refusal({"prepare.clean": "components.slnag"}))

    make_settings({"prepare.clean": meant})


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("import nosuchmodule\n" + SHOUT, "or remove the import from components/own.py"),
        ("x = 1 / 0\n" + SHOUT, "Correct components/own.py"),
        ("def clean(): ...\n", "Correct its arguments"),
    ],
)
def test_a_corrected_file_is_read_anew(source, advice):
    write_component("own", source)
    assert advice in refusal({"prepare.clean": "components.own"})

    write_component("own", SHOUT)
    make_settings({"prepare.clean": "components.own"})


@pytest.mark.parametrize("way", ["arguments", "options"])
def test_options_that_nothing_takes_are_mended(way):
    write_component("own", SHOUT)
    settings = {"prepare.clean": "components.own", "components": {"own": {"ending": "?"}}}
    message = refusal(settings)
    assert "Correct its arguments, or `components: {own: ...}` in params.yaml" in message

    if way == "arguments":
        write_component("own", SHOUT.replace("mark", "ending"))
    else:
        settings = settings | {"components": {"own": {"mark": "?"}}}
    make_settings(settings)
