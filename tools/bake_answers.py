"""Check the answers to the template's questions, and derive a project's values from them."""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path

# Values in params.yaml and dvc.yaml by task.
SAMPLES = {
    "classification": {
        "data_train": "data/raw/topics.csv",
        "data_predict": "data/raw/topics_unlabelled.csv",
        "data_text": "text",
        "data_text_pair": "",
        "data_label": "label",
        "sample_submission": "data/raw/topics_sample_submission.csv",
        "plot": "confusion",
    },
    "regression": {
        "data_train": "data/raw/pairs.csv",
        "data_predict": "data/raw/pairs_unlabelled.csv",
        "data_text": "sentence1",
        "data_text_pair": "sentence2",
        "data_label": "score",
        "sample_submission": "",
        "plot": "scatter",
    },
}

SLUG = re.compile(r"[a-z][a-z0-9_]{1,39}")
WINDOWS_DEVICE = re.compile(r"con|prn|aux|nul|com\d|lpt\d")  # reserved by Windows
REQUIREMENT = re.compile(r'^\s*"?([A-Za-z][\w.-]*)(?:\[[^]]*\])?\s*[<>=!~]=', re.MULTILINE)
# Modules not named like their packages, and packages that a project may add one day.
OTHER_MODULES = {"dateutil", "imblearn", "mlflow", "optuna", "ray", "ruamel", "sklearn", "wandb"}
# Folders that a run creates, so a fresh copy of the template may lack them.
FOLDERS = {"data", "metrics", "models", "reports", "test"}


class AnswerError(Exception):
    """An answer that would break the project; the message is one line of ASCII."""


def reserved_names(template: Path) -> set[str]:
    """Return the names that already have a meaning in a project or its environment."""
    reserved = {*keyword.kwlist, *(name.lower() for name in sys.stdlib_module_names)}
    reserved |= OTHER_MODULES | FOLDERS
    reserved.update(path.name for path in template.iterdir() if path.is_dir())
    for path in (template / "pyproject.toml", template / "constraints.txt"):
        packages = REQUIREMENT.findall(path.read_text(encoding="utf-8"))
        reserved.update(re.sub(r"[.-]", "_", package.lower()) for package in packages)
    return reserved


def check_slug(template: Path, slug: str) -> None:
    """Raise `AnswerError` if `slug` cannot be the name of a folder and package."""
    if not SLUG.fullmatch(slug):
        rule = "2 to 40 of a-z, 0-9 and _, a letter first"
        raise AnswerError(f"project_slug must be {rule}; found {slug[:60]!a}")
    if slug in reserved_names(template) or WINDOWS_DEVICE.fullmatch(slug):
        other = f"{slug[:32]}_project"
        raise AnswerError(f"project_slug {slug!r} names a module, folder or device; try {other!r}")


def check_folder(folder: Path) -> None:
    """Raise `AnswerError` if DVC cannot work in a folder of this name."""
    if set("{}") & set(str(folder)):
        raise AnswerError(
            f"DVC cannot work in a folder whose path has {{ or }}; choose another: {str(folder)!a}"
        )


def check_answers(template: Path, answers: Mapping[str, str]) -> None:
    """Raise `AnswerError` for the first answer that would break the project."""
    check_slug(template, answers["project_slug"])
    questions = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    for key, choices in questions.items():
        if isinstance(choices, list) and not key.startswith("_") and answers[key] not in choices:
            listing = ", ".join(choices)
            raise AnswerError(f"{key} must be one of {listing}; found {answers[key][:60]!a}")


def project_values(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the values of marked lines and of `@key@` in a README, one line of text each."""
    values = {}
    for key, answer in answers.items():
        # A terminal that is not UTF-8 passes lone surrogates, which cannot be encoded.
        words = " ".join(answer.encode("utf-8", "replace").decode().split())
        values[key] = "".join(
            character for character in words if character.isprintable() or character > "\x9f"
        )
    values["project_name"] = values["project_name"] or values["project_slug"]
    return values | SAMPLES[values["task"]]
