"""Modules of components/ are found, imported and checked; every mistake is one message."""

import pickle
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.components import (
    FUNCTIONS,
    Component,
    check_component,
    hash_components,
    load_component,
)
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.models import registry
from foldline.project.skeletons import SETTINGS
from tests.helpers import projects
from tests.helpers.component_files import KEYS, write_component

SHOUT = """
    def clean(text, mark="!"):
        return text.upper() + mark
"""


def params_message(changes: dict[str, object]) -> str:
    """Return the message about a params.yaml with these changes."""
    projects.make(Path(), changes)
    with pytest.raises(FoldlineError) as caught:
        load_params(Settings)
    return str(caught.value)


def test_every_kind_has_a_setting():
    assert set(KEYS) == set(SETTINGS) == set(FUNCTIONS)
    for kind, key in KEYS.items():
        assert SETTINGS[kind] == f"{key}={{name}}"


@pytest.mark.parametrize("kind", KEYS)
def test_a_missing_file_is_refused_with_the_next_step(kind, workplace):
    write_component("slang", SHOUT)
    message = params_message({KEYS[kind]: "components.slnag"})

    assert f"{KEYS[kind]}  there is no components/slnag.py (did you mean components.slang?)" in (
        message
    )
    assert f"`foldline new {kind} slnag`" in message


@pytest.mark.parametrize("kind", KEYS)
def test_a_missing_function_is_refused(kind, workplace):
    write_component("own", "def helper(text): return text\n")
    message = params_message({KEYS[kind]: "components.own"})

    assert f"components/own.py has no function `{next(iter(FUNCTIONS[kind]))}`" in message
    assert "(it has helper)" in message


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("model", "def fit(): ...\ndef load(a, b): ...", "`fit()` in components/own.py cannot"),
        ("augmenter", "def augment(): ...", "cannot be called as `augment(batch)`"),
        ("loss", "def loss(logits): ...", "cannot be called as `loss(logits, target)`"),
        ("metric", "def metric(target): ...", "`metric(target, predictions, weights)`"),
        ("cleaner", "def clean(): ...", "cannot be called as `clean(text)`"),
        ("cleaner", "def clean(text, mark): ...", "missing a required argument: 'mark'"),
    ],
)
def test_a_wrong_signature_is_refused(kind, source, message, workplace):
    write_component("own", source + "\n")

    assert message in params_message({KEYS[kind]: "components.own"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nosuchmodule\n", "components/own.py, line 1: ModuleNotFoundError: No module"),
        ("import nosuchmodule\n", "Install it, and add it to pyproject.toml"),
        ("from math import nosuch\n", "line 1: ImportError: cannot import name 'nosuch'"),
        ("x = 1\ny = 1 / 0\n", "components/own.py, line 2: ZeroDivisionError: division by zero"),
        ("def clean(text)\n    return text\n", "line 1: SyntaxError: expected ':'"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused(source, message, workplace):
    write_component("own", source)

    assert message in params_message({"prepare.clean": "components.own"})


def test_a_name_that_is_no_modules_is_refused(workplace):
    assert "is the name of a file in components/" in params_message(
        {"model": "components.My-Model"}
    )
    message = params_message({"augment.method": "swpa"})
    assert "or components.<name> (found 'swpa'); did you mean 'swap'?" in message


def test_every_problem_is_reported_at_once(workplace):
    message = params_message({"augment.method": "components.a", "prepare.clean": "components.b"})

    assert "there is no components/a.py" in message
    assert "there is no components/b.py" in message


def test_components_in_a_mix_are_checked(workplace):
    message = params_message({"augment.mix": {"swap": 1.0, "components.a": 1.0}})

    assert "there is no components/a.py" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"own": {"marc": "?"}}, "got an unexpected keyword argument 'marc'"),
        ({"own": {"marc": "?"}}, "`components: {own: ...}` in params.yaml"),
        ({"onw": {"mark": "?"}}, "components.onw  holds options, but there is no components/onw"),
    ],
)
def test_options_that_nothing_takes_are_refused(options, message, workplace):
    write_component("own", SHOUT)

    assert message in params_message({"prepare.clean": "components.own", "components": options})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.label_smoothing": 0.1}, "has no effect on components.own; set it to 0.0"),
        (
            {"train.class_weights": "balanced", "task": "multilabel"},
            "has no effect on components.own for multilabel",
        ),
    ],
)
def test_options_of_the_librarys_losses_are_refused(changes, message, workplace):
    write_component("own", "def loss(logits, target): ...\n")

    assert message in params_message({"train.loss": "components.own"} | changes)


def test_an_exception_shows_file_and_line(workplace):
    write_component("own", "def clean(text):\n    words = text.split()\n    return words[99]\n")
    clean = Component("components.own", "cleaner", {})

    with pytest.raises(FoldlineError, match=r"own.py, line 3: IndexError: list index out of range"):
        clean("a b")


def test_a_component_has_its_options_also_in_another_process(workplace):
    write_component("own", SHOUT)
    clean = Component("components.own", "cleaner", {"own": {"mark": "?"}, "other": {"a": 1}})

    assert clean("a") == "A?"
    assert pickle.loads(pickle.dumps(clean))("a") == "A?"


def test_components_may_import_each_other(workplace):
    write_component("_shared", "MARK = '#'\n")
    write_component("own", "from components._shared import MARK\ndef clean(text): return MARK\n")

    assert Component("components.own", "cleaner", {})("a") == "#"


def test_edited_files_are_read_anew(workplace):
    write_component("own", "def clean(text): return 'first'\n")
    assert load_component("components.own").clean("") == "first"
    write_component("own", "def clean(text): return 'the second'\n")
    assert load_component("components.own").clean("") == "the second"


def test_results_in_the_store_follow_the_components(workplace, recipe, labels):
    write_component("own", "def fit(job): ...\ndef load(folder, labels): ...\n")
    own = recipe(model="components.own")
    first = (
        hash_components("components.own"),
        registry.list_dependencies(own, labels("classification")),
    )
    assert hash_components("tfidf", None) is None
    assert hash_components("tfidf", "components.own") == first[0]
    check_component("components.own", "model")
    assert hash_components("components.own") == first[0]  # bytecode does not count
    write_component("_shared", "MARK = '#'\n")
    second = (
        hash_components("components.own"),
        registry.list_dependencies(own, labels("classification")),
    )

    assert first[0] != second[0]
    assert first[1] != second[1]
