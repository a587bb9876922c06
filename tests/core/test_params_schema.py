"""docs/params.schema.json: editors take the committed params.yaml, and mark wrong values."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tools import params_schema

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/params.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def params() -> Any:
    return YAML(typ="safe").load(ROOT / "params.yaml")


def errors(params: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(params)
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_the_committed_schema_is_fresh():
    assert (ROOT / "docs/params.schema.json").read_text("utf-8") == params_schema.render(), (
        "run `python -m tools.params_schema`"
    )


def test_the_first_line_of_params_names_it():
    first = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()[0]

    assert first == "# yaml-language-server: $schema=docs/params.schema.json"


def test_committed_params_are_accepted(params):
    assert errors(params) == []


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("split", "method", "random"),
        ("train", "warmup", 1.5),
        ("kfold", "n_splits", "five"),
        ("data", "text", None),
    ],
)
def test_a_wrong_value_is_marked(params, section, key, value):
    params[section][key] = value

    assert errors(params) == [f"{section}.{key}"]


def test_an_unknown_and_a_missing_key_are_marked(params):
    params["train"]["patiense"] = params["train"].pop("patience")

    assert errors(params) == ["train", "train"]


def test_values_are_described_by_their_comments():
    described = SCHEMA["$defs"]["Kfold"]["properties"]["n_splits"]["description"]

    assert described == "folds, from 2"
